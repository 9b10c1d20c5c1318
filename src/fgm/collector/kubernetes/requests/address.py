"""Finds the Kubernetes API, or the kubelet: by the settings, or by the variables of a container."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fgm.collector.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Address:
    """Address of an API.

    `token_file`: None to send no token; `authority_file`: None to use the system's CAs; `tls_names`: names of which the
    certificate must contain one; empty for the host of the URL.
    """

    url: str
    token_file: str | None = None
    authority_file: str | None = None
    tls_names: tuple[str, ...] = ()


def find_api(settings: Settings, environment: Mapping[str, str]) -> Address | None:
    """Return the address of the API; None if there is none, or if the settings forbid using it."""
    if settings.no_kubernetes:
        return None
    url = settings.kubernetes_url or _of_cluster(environment)
    if url is None:
        return None
    parts = urlsplit(url)
    is_private = parts.scheme == "https" or parts.hostname in _LOOPBACK
    # Over plain HTTP, the token would be readable on the network.
    token_file = _existing(settings.kubernetes_token_file) if is_private else None
    return Address(url, token_file, _existing(settings.kubernetes_ca_file))


def find_kubelet(settings: Settings) -> Address | None:
    """Return the address of the kubelet; None if the settings forbid using it.

    The certificate that a kubelet makes for itself contains only the node's name. One of the cluster contains its
    addresses, and usually its name, too.
    """
    if settings.no_kubernetes:
        return None
    return Address(
        _https(settings.kubelet_host, str(settings.kubelet_port)),
        _existing(settings.kubernetes_token_file),
        settings.kubelet_ca_file or _existing(settings.kubernetes_ca_file),
        (settings.node, settings.kubelet_host),
    )


def _of_cluster(environment: Mapping[str, str]) -> str | None:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    return _https(host, port) if host else None


def _https(host: str, port: str) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _existing(path: str) -> str | None:
    return path if os.path.exists(path) else None
