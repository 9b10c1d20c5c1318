"""How kubectl is configured to reach the API server, and how `kubectl proxy` reaches it so.

`kubectl proxy` upgrades connections in a way of its own. It connects to the API server directly, also if there is a
`proxy-url` or HTTPS_PROXY. If the configuration has no certificate authority, because the system knows it, it must be
told the name that the certificate has.

Source: `makeUpgradeTransport` and `DialURL` of kubectl 1.27 to 1.37; both were tried.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_CHECKED = ("certificate-authority", "certificate-authority-data", "tls-server-name")
"""Settings of a cluster with which `kubectl proxy` checks the certificate of the API server."""


def flags_of_proxy(configuration: str) -> Sequence[str] | None:
    """Return flags with which `kubectl proxy` reaches the API server as other commands do; None if there are none.

    `configuration`: what `kubectl config view --minify --output=json` prints.
    """
    try:
        cluster: Mapping[str, Any] = json.loads(configuration)["clusters"][0]["cluster"]
        server = urlsplit(cluster["server"])
        host = server.hostname
        is_behind_proxy = server.scheme in getproxies_environment() and not proxy_bypass(server.netloc)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # as in a pod, where there is no configuration
    if not host or is_behind_proxy or cluster.get("proxy-url"):
        return None
    is_checked = any(cluster.get(name) for name in _CHECKED) or cluster.get("insecure-skip-tls-verify") is True
    return [] if is_checked or server.scheme == "http" else [f"--tls-server-name={host}"]
