"""Finds the Kubernetes API: by the settings, or by the variables that the kubelet sets in every container."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fgm.collector.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Address:
    """Address of the API. `token_file`: None to send no token; `authority_file`: None to use the system's CAs."""

    url: str
    token_file: str | None = None
    authority_file: str | None = None


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


def _of_cluster(environment: Mapping[str, str]) -> str | None:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return None
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _existing(path: str) -> str | None:
    return path if os.path.exists(path) else None
