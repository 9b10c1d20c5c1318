"""What each command listens on, as the kernel lists it: loopback, or nothing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.cluster import Cluster
from tests.support.incidents import unpacked
from tests.support.processes import LOOK_AGAIN_S
from tests.support.sockets import waiting_sockets

pytestmark = [pytest.mark.slow]
LOOPBACK = ("tcp", "127.0.0.1")
PATIENCE_S = 50


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of three recorded incidents."""
    return unpacked(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


@contextmanager
def started(module: str, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `python -m module` until the block is left."""
    with subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def sockets_of(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", count: int) -> list[tuple[str, str]]:
    """Return what a process waits on, as soon as there are `count` sockets."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := waiting_sockets(process.pid)) < count:
        assert process.poll() is None, f"it has ended, and waited on {found}"
        assert time.monotonic() < deadline, f"it waits on {found}"
        time.sleep(LOOK_AGAIN_S)
    return found


def test_the_kernel_lists_what_is_not_on_loopback() -> None:
    with (
        socket.create_server(("0.0.0.0", 0)),
        socket.create_server(("::1", 0), family=socket.AF_INET6),
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        found = waiting_sockets(os.getpid())
    assert {("tcp", "0.0.0.0"), ("tcp6", "::1"), ("udp", "127.0.0.1")} <= set(found)


@pytest.mark.parametrize(
    ("module", "arguments", "count"),
    [
        ("fgm", ["run", "--data-dir=NEW", "--port=0", "--no-browser"], 1),
        ("fgm.viewer", ["DATA", "--port=0", "--no-browser"], 1),
        ("fgm.viewer", ["DATA", "--port=0", "--no-browser", "--sleep-after-seconds=60"], 1),
        ("fgm.viewer", ["DATA", "--port=0", "--no-browser", "--health-host=127.0.0.1", "--health-port=0"], 2),
        ("fgm", ["mcp", "DATA"], 1),
        ("fgm", ["mcp", "DATA", "--http=0"], 2),
    ],
)
def test_a_command_with_a_directory_listens_on_loopback_only(
    recording: Path, tmp_path: Path, module: str, arguments: Sequence[str], count: int
) -> None:
    folders = {"DATA": str(recording), "--data-dir=NEW": f"--data-dir={tmp_path}"}
    with started(module, *(folders.get(argument, argument) for argument in arguments)) as process:
        assert sockets_of(process, count) == [LOOPBACK] * count


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("fgm.collector", ["--data-dir=NEW"]),
        ("fgm", ["ship", "DATA", "file://NEW", "--cluster=prod", "--unmerged-after-hours=0"]),
    ],
)
def test_what_writes_files_listens_nowhere(
    recording: Path, tmp_path: Path, module: str, arguments: Sequence[str]
) -> None:
    places = {"NEW": str(tmp_path), "DATA": str(recording)}
    for name, path in places.items():
        arguments = [argument.replace(name, path) for argument in arguments]
    with started(module, *arguments) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not any(path.is_file() for path in tmp_path.glob("**/dt=*/**/*")):
            assert process.poll() is None
            assert time.monotonic() < deadline, "it writes no file"
            time.sleep(LOOK_AGAIN_S)
        assert waiting_sockets(process.pid) == []


def test_saving_from_a_viewer_listens_nowhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_S)
        source = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("fgm", "save", source, "--output", str(tmp_path / "saved.html")) as process:
            connection, _ = silent.accept()
            with connection:
                assert waiting_sockets(process.pid) == []


@pytest.mark.parametrize(
    ("command", "has_spdy", "count"),
    [
        (["open", "worker-1", "--port=0", "--no-browser"], True, 1),
        (["ask", "2026-11-26T17:46Z"], True, 0),
        (["nodes"], True, 0),
        (["nodes"], False, 2),
    ],
)
def test_a_command_for_a_cluster_and_its_kubectl_listen_on_loopback_only(
    cluster: Cluster, command: Sequence[str], *, has_spdy: bool, count: int
) -> None:
    cluster.api.has_spdy = has_spdy  # without it, each node has a kubectl with a port
    with socket.create_server(("127.0.0.1", 0)) as silent:  # questions wait for it, and the ports stay
        silent.settimeout(PATIENCE_S)
        for node in ("worker-1", "worker-2"):
            cluster.add_node(node, silent.getsockname()[1])
        with cluster.start(*command) as process:
            try:
                connection, _ = silent.accept()
                with connection:
                    assert sockets_of(process, count) == [LOOPBACK] * count
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)


def test_the_page_of_a_cluster_and_its_kubectl_listen_on_loopback_only(cluster: Cluster) -> None:
    data, page = "/api/strips?node=worker-1&from=1764178800000&to=1764179520000&columns=12", "/open?node=worker-1"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_S)
        cluster.add_node("worker-1", silent.getsockname()[1])
        with cluster.start("cluster", "--port=0", "--no-browser") as process:
            try:
                assert process.stderr is not None
                address = urlsplit(process.stderr.readline().split()[-1])
                assert address.hostname == "127.0.0.1"
                for question, count in ((data, 1), (page, 2)):
                    with socket.create_connection((address.hostname, address.port or 0)) as connection:
                        connection.sendall(f"GET {question} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
                        reached, _ = silent.accept()
                        with reached:
                            assert sockets_of(process, count) == [LOOPBACK] * count
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)
