"""kubectl as a child process: it lists objects of a cluster, and connects to its pods."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from fgm.asking.viewer_client import AskError
from fgm.cluster.kubectl.api_proxy import ApiProxy
from fgm.cluster.kubectl.api_server import flags_of_proxy
from fgm.cluster.kubectl.messages import reason_of
from fgm.cluster.kubectl.port_forward import PortForward
from fgm.cluster.kubectl.whole_run import whole_run

REQUEST_TIMEOUT = "--request-timeout=20s"
PAGE_OBJECTS = 500
"""Maximum number of objects in one answer of the API server, as of kubectl's own lists."""


class KubectlError(AskError):
    """Raised if kubectl is missing or fails. The message contains the reason and what to do."""


class Kubectl:
    """The user's kubectl, with a namespace and a context (empty: the current one)."""

    def __init__(self, namespace: str, context: str = "") -> None:
        """Find kubectl.

        Raises: KubectlError if it is not installed.
        """
        path = shutil.which("kubectl")
        if path is None:
            raise KubectlError("kubectl is not installed, or not on the PATH: fgm reaches a cluster through it")
        self._command = [path, *(["--context", context] if context else []), "--namespace", namespace]
        self.namespace, self.context = namespace, context

    def get(self, resource: str, *, labels: str = "", fields: str = "") -> list[Mapping[str, Any]]:
        """Return the objects of a resource of the core API in the namespace. `labels`, `fields`: selectors.

        Raises: KubectlError if kubectl fails.
        """
        return self._list(resource, f"namespaces/{quote(self.namespace, safe='')}/{resource}", labels, fields)

    def get_anywhere(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Mapping[str, Any]]:
        """Return the objects of a resource in another namespace; "": in all, or of a resource without namespaces.

        Raises: KubectlError if kubectl fails.
        """
        within = f"namespaces/{quote(namespace, safe='')}/" if namespace else ""
        return self._list(resource, f"{within}{resource}", labels, fields)

    def _list(self, resource: str, path: str, labels: str, fields: str) -> list[Mapping[str, Any]]:
        """Return the objects at a path of the core API.

        The path is given to kubectl, because it sends one request then. If only a name is given, it first asks five
        times what the API server has, each time with the whole timeout.
        """
        found: list[Mapping[str, Any]] = []
        query = {"limit": str(PAGE_OBJECTS), "labelSelector": labels, "fieldSelector": fields, "continue": ""}
        while True:
            chosen = urlencode({name: value for name, value in query.items() if value})
            command = [*self._command, REQUEST_TIMEOUT, "get", "--raw", f"/api/v1/{path}?{chosen}"]
            code, printed, messages = whole_run(command)
            if code:
                raise KubectlError(f"kubectl cannot list {resource}: {reason_of(messages)}")
            try:
                page = json.loads(printed)
                found += page["items"]
                query["continue"] = page.get("metadata", {}).get("continue", "")
            except (ValueError, LookupError, TypeError, AttributeError):
                raise KubectlError(
                    f"kubectl did not print a list of {resource}: kubectl get {resource} shows what it prints"
                ) from None
            if not query["continue"]:
                return found

    def forward(self, pod: str, port: int, pod_port: int) -> PortForward:
        """Start to forward a port of this machine (0: a free one) to a port of a pod."""
        ports = f"{port or ''}:{pod_port}"
        return PortForward([*self._command, "port-forward", f"pod/{pod}", ports, "--address=127.0.0.1"])

    def proxy_flags(self) -> Sequence[str] | None:
        """Return flags with which `kubectl proxy` reaches the API server as others do; None if there are none."""
        code, printed, _ = whole_run([*self._command, "config", "view", "--minify", "--output=json"])
        return flags_of_proxy(printed) if code == 0 else None

    def proxy(self, flags: Sequence[str]) -> ApiProxy:
        """Start a proxy of the API server that accepts nothing but forwards to pods of the namespace."""
        accepted = f"/api/v1/namespaces/{re.escape(self.namespace)}/pods/[^/]+/portforward"
        return ApiProxy([*self._command, "proxy", *flags], accepted)
