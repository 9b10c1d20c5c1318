"""A cluster as `Cluster`, with a real kube-apiserver and etcd, and a kubelet that forwards ports to this machine.

etcd and kube-apiserver are programs that you have; they are no packages, so no test needs them. One kubelet stands for
those of all nodes: the API server reaches it over TLS at the address and port that the Node objects name.
"""

import json
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.support.cluster import Cluster, fgm_pod
from tests.support.collector.certificates import own_certificate
from tests.support.port_forward import FGM_NAMESPACE
from tests.support.processes import LOOK_AGAIN_S, free_port
from tests.support.tls_relay import tls_relay

ADMIN, LIMITED = "test", "limited"
"""Contexts of kubectl and tokens: a user with all rights, and one with the rights that docs/cluster.md names."""
START_TIMEOUT_S, STOP_TIMEOUT_S = 90.0, 20.0
ROLE = re.compile(r"```yaml\n(.*?kind: Role\n.*?)```", re.DOTALL)
"""The role in docs/cluster.md."""
DOCS = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
ROLE_API = "rbac.authorization.k8s.io"


class RealCluster(Cluster):
    """A cluster behind a real API server. Its contexts are `test` and `limited`."""

    def __init__(self, folder: Path, kube_apiserver: Path, etcd: Path) -> None:
        super().__init__(folder)
        self._stack, self._folder = ExitStack(), folder
        self.kubelet_port, self._url = 0, f"https://127.0.0.1:{free_port()}"
        try:
            certificate = own_certificate(folder / "kubelet", "IP:127.0.0.1")
            self.kubelet_port = self._stack.enter_context(tls_relay(self.api.port, certificate))
            self._start(kube_apiserver, etcd, certificate.with_name("ca.crt"))
            self._write_kubeconfig()
            self._make_rights()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End etcd, the API server and the kubelet."""
        self._stack.close()
        super().close()

    def add_node(self, node: str, port: int | None = None) -> None:
        """Add a Node object and its fgm pod, which runs there."""
        super().add_node(node, port)
        self.create("/api/v1/nodes", {"metadata": {"name": node}})
        endpoint = {"kubeletEndpoint": {"Port": self.kubelet_port}}
        addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
        self._send(
            "PATCH", f"/api/v1/nodes/{node}/status", {"status": {"addresses": addresses, "daemonEndpoints": endpoint}}
        )
        pod = fgm_pod(f"fgm-{node}", node)
        pods = f"/api/v1/namespaces/{FGM_NAMESPACE}/pods"
        pod["spec"]["containers"] = [{"name": "viewer", "image": "fgm"}]
        status = pod.pop("status")
        self.create(pods, pod)
        self._send("PATCH", f"{pods}/{pod['metadata']['name']}/status", {"status": status})

    def create(self, path: str, facts: dict[str, Any]) -> None:
        """Create an object in a collection of the API."""
        self._send("POST", path, facts)

    def _start(self, kube_apiserver: Path, etcd: Path, kubelet_certificate: Path) -> None:
        folder, client_port = self._folder, free_port()
        client, peer = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{free_port()}"
        self._run(
            etcd,
            f"--data-dir={folder}/etcd-data",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        _wait_for(lambda: _is_up(f"{client}/health", None))
        key = folder / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        tokens = "".join(
            f"{name},{name},{name}{groups}\n" for name, groups in ((ADMIN, ",system:masters"), (LIMITED, ""))
        )
        (folder / "tokens.csv").write_text(tokens)
        self._run(
            kube_apiserver,
            f"--etcd-servers={client}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._url.rpartition(':')[2]}",
            f"--cert-dir={folder}/apiserver",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--disable-admission-plugins=ServiceAccount",
            f"--kubelet-certificate-authority={kubelet_certificate}",
            "--kubelet-preferred-address-types=InternalIP",
        )
        _wait_for(lambda: self._authority.exists() and _is_up(f"{self._url}/readyz", self._context))

    def _run(self, program: Path, *arguments: str) -> None:
        """Run a program until this is closed."""
        with (self._folder / f"{program.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(program), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        self._stack.callback(_end, process)

    @property
    def _authority(self) -> Path:
        return self._folder / "apiserver" / "apiserver.crt"

    @property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._authority))

    def _write_kubeconfig(self) -> None:
        cluster = {"server": self._url, "certificate-authority": str(self._authority)}
        names = (ADMIN, LIMITED)
        facts = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "real", "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": "real", "user": name}} for name in names],
            "users": [{"name": name, "user": {"token": name}} for name in names],
        }
        (self._folder / "config").write_text(json.dumps(facts))

    def _make_rights(self) -> None:
        self.create("/api/v1/namespaces", {"metadata": {"name": FGM_NAMESPACE}})
        roles = f"/apis/{ROLE_API}/v1/namespaces/{FGM_NAMESPACE}"
        documented = ROLE.search(DOCS.read_text())
        assert documented is not None
        role = yaml.safe_load(documented[1])
        self.create(f"{roles}/roles", role)
        subject = {"kind": "User", "name": LIMITED, "apiGroup": ROLE_API}
        role = {"kind": "Role", "name": role["metadata"]["name"], "apiGroup": ROLE_API}
        self.create(f"{roles}/rolebindings", {"metadata": {"name": LIMITED}, "subjects": [subject], "roleRef": role})

    def _send(self, method: str, path: str, facts: dict[str, Any]) -> None:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind}
        request = urllib.request.Request(self._url + path, json.dumps(facts).encode(), headers, method=method)
        try:
            urllib.request.urlopen(request, timeout=START_TIMEOUT_S, context=self._context).close()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()}") from error


def _is_up(url: str, context: ssl.SSLContext | None) -> bool:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ADMIN}"})
    try:
        urllib.request.urlopen(request, timeout=2, context=context).close()
    except OSError:
        return False
    return True


def _wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline, "etcd or kube-apiserver has not started: its messages are in its log file"
        time.sleep(LOOK_AGAIN_S)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
