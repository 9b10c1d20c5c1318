"""What a real `kubectl proxy` accepts on its socket, and from whom."""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cluster import Cluster
from tests.support.port_forward import FGM_NAMESPACE

from fgm.cluster.kubectl.api_proxy import ApiProxy
from fgm.cluster.kubectl.client import Kubectl

pytestmark = [pytest.mark.slow]
PODS = f"/api/v1/namespaces/{FGM_NAMESPACE}/pods"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture
def proxy(real_cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiProxy]:
    """A proxy of a cluster with one node."""
    real_cluster.add_node("worker-1")
    for name in ("PATH", "HOME", "KUBECONFIG"):
        monkeypatch.setenv(name, real_cluster.environment[name])
    with Kubectl(FGM_NAMESPACE, "test").proxy([]) as proxy:
        yield proxy
    assert list(folder.iterdir()) == []


def status(path: str, method: str, target: str) -> int:
    """Return the status of the answer to a request."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        upgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n"
        connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n".encode())
        return int(connection.recv(4096).split()[1])


def test_it_forwards_to_pods_of_the_namespace_and_nothing_else(proxy: ApiProxy) -> None:
    path = proxy.socket()
    assert path is not None

    assert status(path, "POST", f"{PODS}/fgm-worker-1/portforward") == 101
    assert status(path, "POST", f"{PODS.replace(FGM_NAMESPACE, 'kube-system')}/a/portforward") == 403
    assert status(path, "POST", f"{PODS}/fgm-worker-1/exec") == 403
    assert status(path, "POST", PODS) == 403
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert status(path, method, f"{PODS}/fgm-worker-1/portforward") == 403


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux connects through a descriptor")
def test_its_socket_has_no_name_and_nothing_is_left(proxy: ApiProxy, folder: Path) -> None:
    (created,) = folder.iterdir()
    assert created.stat().st_mode & 0o777 == 0o700
    path = proxy.socket()
    assert path is not None
    assert list(folder.iterdir()) == []

    descriptor = int(path.rpartition("/")[2])
    assert not os.get_inheritable(descriptor)
    proxy.stop()
    assert proxy.has_ended()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_kubectl_that_ends_has_no_socket(folder: Path) -> None:
    with ApiProxy([sys.executable, "-c", "import sys; sys.exit('error: unknown flag')"], "/api") as proxy:
        assert proxy.socket() is None
        assert list(proxy.messages()) == ["error: unknown flag"]

    assert list(folder.iterdir()) == []


def test_a_kubectl_that_cannot_be_run_leaves_nothing(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ApiProxy([str(folder / "kubectl")], "/api")

    assert list(folder.iterdir()) == []
