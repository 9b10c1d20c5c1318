"""What deploy/ calls itself in a cluster. It is apart because every start of `fgm` reads it."""

import shlex

NAMESPACE = "fine-grained-monitor"
SELECTOR = "app.kubernetes.io/name=fine-grained-monitor"
VIEWER_PORT = 8050


def open_command(node: str, context: str = "", namespace: str = NAMESPACE) -> str:
    """Return the command that opens the page of a node, without a time."""
    flags = ["--context", context] if context else []
    if namespace != NAMESPACE:
        flags += ["--namespace", namespace]
    return shlex.join(["fgm", "open", *flags, node])
