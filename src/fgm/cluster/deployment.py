"""What deploy/ calls itself in a cluster. It is apart because every start of `fgm` reads it."""

NAMESPACE = "fine-grained-monitor"
SELECTOR = "app.kubernetes.io/name=fine-grained-monitor"
VIEWER_PORT = 8050
