"""How kubectl is configured to reach the API server, and whether `kubectl proxy` reaches it so.

`kubectl proxy` upgrades connections in a way of its own. It connects to the API server directly, also if there is a
`proxy-url` or HTTPS_PROXY. And if the configuration has no certificate authority, because the system knows it, then it
accepts every certificate, and sends it the user's token.

Source: `makeUpgradeTransport` and `DialURL` of kubectl 1.27 to 1.37; both were tried.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_VERIFIED = ("certificate-authority", "certificate-authority-data", "tls-server-name")
"""Settings of a cluster with which `kubectl proxy` checks the certificate of the API server."""


def is_proxied_faithfully(configuration: str) -> bool:
    """Return whether `kubectl proxy` reaches the API server as other commands do, also to upgrade a connection.

    `configuration`: what `kubectl config view --minify --output=json` prints.
    """
    try:
        cluster: Mapping[str, Any] = json.loads(configuration)["clusters"][0]["cluster"]
        server = urlsplit(cluster["server"])
        is_behind_proxy = server.scheme in getproxies_environment() and not proxy_bypass(server.netloc)
        is_checked = any(cluster.get(name) for name in _VERIFIED) or cluster.get("insecure-skip-tls-verify") is True
        return not is_behind_proxy and not cluster.get("proxy-url") and (is_checked or server.scheme == "http")
    except (ValueError, LookupError, TypeError, AttributeError):
        return False  # as in a pod, where there is no configuration
