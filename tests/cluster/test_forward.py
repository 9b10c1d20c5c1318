"""The ways to the pods of a real kubectl: one kubectl for all, or one for each, and what is left of them."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.support.cluster import Cluster, kubectls, wait_until_no_kubectl_runs
from tests.support.hung_viewer import hung_after_health
from tests.support.kubectl import kubectl_folder
from tests.support.processes import LOOK_AGAIN_S
from tests.support.spdy import Tunnel

from fgm.asking.limits import AT_ONCE

pytestmark = [pytest.mark.slow]
NODES = 5


def problems(cluster: Cluster) -> dict[str, list[str]]:
    """Return the problems of each node, without those of the age of its data."""
    code, out, err = cluster.run("nodes", "--json")
    assert err == ""
    facts = json.loads(out)
    assert code == (0 if any(each["health"] for each in facts) else 1)
    return {each["node"]: [text for text in each["problems"] if "is old" not in text] for each in facts}


def replace_kubectl(cluster: Cluster, folder: Path, code: str) -> None:
    """Let commands find a kubectl that runs some code first. `sys.argv` and `kubectl`, the real one, are at hand."""
    path = folder / "bin" / "kubectl"
    path.parent.mkdir()
    real = kubectl_folder() / "kubectl"
    path.write_text(
        f"#!{sys.executable}\nimport os, pathlib, sys\nkubectl = {str(real)!r}\n"
        f"with open({str(folder / 'calls')!r}, 'a') as calls: print(*sys.argv[1:], file=calls)\n"
        f"{code}\nos.execv(kubectl, [kubectl, *sys.argv[1:]])\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    cluster.environment["PATH"] = str(path.parent)


def calls(folder: Path, word: str) -> int:
    """Return how often kubectl was called with a word."""
    return sum(word in line.split() for line in (folder / "calls").read_text().splitlines())


def test_one_kubectl_reaches_all_nodes(real_cluster: Cluster, port: int, tmp_path: Path) -> None:
    replace_kubectl(real_cluster, tmp_path, "")
    for number in range(NODES):
        real_cluster.add_node(f"worker-{number}", port)

    assert problems(real_cluster) == {f"worker-{number}": [] for number in range(NODES)}
    assert (calls(tmp_path, "proxy"), calls(tmp_path, "port-forward")) == (1, 0)
    assert sorted(real_cluster.api.forwards) == [f"fgm-worker-{number}" for number in range(NODES)]
    assert real_cluster.api.over_web_sockets == []


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (404, 'pods "fgm-worker-2" not found', 'pods "fgm-worker-2" not found'),
        (403, "you may not forward", "you may not forward"),
        (500, "error dialing backend: connection refused", "error dialing backend: connection refused"),
    ],
)
def test_what_the_api_server_says_about_a_pod_is_a_problem_of_its_node_alone(
    real_cluster: Cluster, port: int, status: int, message: str, reason: str
) -> None:
    for number in (1, 2, 3):
        real_cluster.add_node(f"worker-{number}", port)
    real_cluster.api.refusals["fgm-worker-2"] = (status, message)

    assert problems(real_cluster) == {
        "worker-1": [],
        "worker-2": [f"the API server does not forward to its pod: {reason}"],
        "worker-3": [],
    }
    assert real_cluster.api.over_web_sockets == []


def test_a_gateway_that_passes_no_spdy_is_found_out_once(real_cluster: Cluster, port: int, tmp_path: Path) -> None:
    real_cluster.api.has_spdy = False
    replace_kubectl(real_cluster, tmp_path, "")
    for number in range(NODES):
        real_cluster.add_node(f"worker-{number}", port)

    assert problems(real_cluster) == {f"worker-{number}": [] for number in range(NODES)}
    assert (calls(tmp_path, "proxy"), calls(tmp_path, "port-forward")) == (1, NODES)
    assert sorted(real_cluster.api.over_web_sockets) == [f"fgm-worker-{number}" for number in range(NODES)]


@pytest.mark.parametrize(
    "code",
    [
        "if 'proxy' in sys.argv: sys.exit('error: unknown flag: --append-server-path')",
        "if 'view' in sys.argv: sys.exit('error: current-context must exist in order to minify')",
    ],
)
def test_a_kubectl_that_is_too_old_or_in_a_pod_forwards_to_each(
    real_cluster: Cluster, port: int, tmp_path: Path, code: str
) -> None:
    replace_kubectl(real_cluster, tmp_path, code)
    for number in range(NODES):
        real_cluster.add_node(f"worker-{number}", port)

    assert problems(real_cluster) == {f"worker-{number}": [] for number in range(NODES)}
    assert calls(tmp_path, "port-forward") == NODES


@pytest.mark.parametrize("has_spdy", [True, False])
def test_a_script_around_kubectl_leaves_no_kubectl(
    real_cluster: Cluster, port: int, tmp_path: Path, has_spdy: bool
) -> None:
    real_cluster.api.has_spdy = has_spdy
    replace_kubectl(real_cluster, tmp_path, "import subprocess\nsys.exit(subprocess.call([kubectl, *sys.argv[1:]]))")
    real_cluster.add_node("worker-1", port)

    assert problems(real_cluster) == {"worker-1": []}
    wait_until_no_kubectl_runs(real_cluster)


@pytest.mark.parametrize("has_spdy", [True, False])
def test_a_program_that_a_login_leaves_behind_is_not_waited_for(
    real_cluster: Cluster, port: int, tmp_path: Path, has_spdy: bool
) -> None:
    real_cluster.api.has_spdy = has_spdy
    code = "import subprocess\nif 'get' not in sys.argv: print(subprocess.Popen(['sleep', '300']).pid, file=left)"
    replace_kubectl(real_cluster, tmp_path, f"left = open({str(tmp_path / 'left')!r}, 'a')\n{code}\nleft.close()")
    real_cluster.environment["PATH"] += os.pathsep + os.defpath
    real_cluster.add_node("worker-1", port)

    try:
        assert problems(real_cluster) == {"worker-1": []}
    finally:
        for pid in (tmp_path / "left").read_text().split():
            os.kill(int(pid), signal.SIGKILL)  # fgm has left it alone


def test_nothing_that_listens_is_said_by_both_ways(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    real_cluster.add_node("worker-2")
    expected = {"worker-1": [], "worker-2": ["nothing listens in its pod: connection refused"]}

    assert problems(real_cluster) == expected
    real_cluster.api.has_spdy = False
    assert problems(real_cluster) == expected


@contextmanager
def hung() -> Iterator[int]:
    """Yield a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


def test_a_viewer_that_hangs_is_named_after_three_seconds(real_cluster: Cluster, port: int) -> None:
    with hung() as hung_port:
        real_cluster.add_node("worker-1", port)
        real_cluster.add_node("worker-2", hung_port)

        assert problems(real_cluster) == {"worker-1": [], "worker-2": ["no answer within 3 s"]}


def test_a_kubelet_that_does_not_forward_is_named_after_eight_seconds(real_cluster: Cluster, port: int) -> None:
    for number in (1, 2):
        real_cluster.add_node(f"worker-{number}", port)
    real_cluster.api.hanging = {"fgm-worker-2"}

    reason = "kubectl has not forwarded a port to its pod within 8 s"
    assert problems(real_cluster) == {"worker-1": [], "worker-2": [reason]}
    assert real_cluster.api.over_web_sockets == []


def test_a_gateway_that_does_not_answer_is_found_out_once(real_cluster: Cluster, port: int, tmp_path: Path) -> None:
    replace_kubectl(real_cluster, tmp_path, "")
    for number in range(10):
        real_cluster.add_node(f"worker-{number}", port)
        real_cluster.api.hanging.add(f"fgm-worker-{number}")

    assert problems(real_cluster) == {f"worker-{number}": [] for number in range(10)}
    assert (calls(tmp_path, "proxy"), calls(tmp_path, "port-forward")) == (1, 10)


def test_what_does_not_speak_as_a_kubelet_or_a_viewer_is_named_alone(
    real_cluster: Cluster, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = real_cluster.api.forward

    def forward_or_not(pod: str, connection: socket.socket | Tunnel) -> None:
        if pod == "fgm-worker-2":
            connection.sendall(b"\x80\x02" + bytes(64))
            connection.recv(4096)
        else:
            forward(pod, connection)

    monkeypatch.setattr(real_cluster.api, "forward", forward_or_not)
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=_answer, args=(other, b"SSH-2.0-OpenSSH\r\n\r\n"), daemon=True).start()
        real_cluster.add_node("worker-1", port)
        real_cluster.add_node("worker-2", port)
        real_cluster.add_node("worker-3", other.getsockname()[1])
        found = problems(real_cluster)

    frames = "does not forward as Kubernetes does: a frame has version 2 instead of 3"
    assert found["worker-1"] == []
    assert found["worker-2"] == [f"its kubelet, or what is in between, {frames}"]
    assert found["worker-3"][0].startswith("what answers in its pod is not a viewer: illegal status line")


def _answer(server: socket.socket, answer: bytes) -> None:
    with suppress(OSError):  # it is closed
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)


def start_and_wait_for_a_question(cluster: Cluster, nodes: int = 2) -> "subprocess.Popen[str]":
    """Start `fgm ask` with so many nodes that hang; return it when it has connections to all of them."""
    process = cluster.start("ask", "2026-11-26T17:46Z")
    deadline = time.monotonic() + 30
    while len(cluster.api.forwards) < nodes:
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN_S)
    return process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_command_that_is_stopped(
    real_cluster: Cluster, port: int, tmp_path: Path, sent: signal.Signals
) -> None:
    (tmp_path / "tmp").mkdir()
    real_cluster.environment["TMPDIR"] = str(tmp_path / "tmp")
    with hung_after_health(port) as hung_port:
        for number in (1, 2):
            real_cluster.add_node(f"worker-{number}", hung_port)
        with start_and_wait_for_a_question(real_cluster) as process:
            assert ["proxy" in words for words in kubectls(real_cluster).values()] == [True]
            process.send_signal(sent)
            _, err = process.communicate(timeout=10)

        assert err == ("" if sent == signal.SIGKILL else "fgm: stopped\n")
        wait_until_no_kubectl_runs(real_cluster)
        assert list((tmp_path / "tmp").iterdir()) == []


def test_a_kubectl_that_ends_fails_the_nodes_that_are_being_asked(real_cluster: Cluster, port: int) -> None:
    with hung_after_health(port) as hung_port:
        for number in (1, 2):
            real_cluster.add_node(f"worker-{number}", hung_port)
        with start_and_wait_for_a_question(real_cluster) as process:
            (pid,) = kubectls(real_cluster)
            os.kill(pid, signal.SIGKILL)
            out, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (1, "")
    assert "worker-1, worker-2: it has closed the connection before the end of its answer" in out


def test_nodes_that_are_asked_after_a_kubectl_has_ended_have_another_way(
    real_cluster: Cluster, port: int, tmp_path: Path
) -> None:
    """What a script around it does then does not matter; without one, its socket is closed before it has ended."""
    code = "if 'proxy' in sys.argv: import subprocess, time; subprocess.call([kubectl, *sys.argv[1:]]); time.sleep(60)"
    replace_kubectl(real_cluster, tmp_path, code)
    with hung_after_health(port) as hung_port:
        for number in range(AT_ONCE):
            real_cluster.add_node(f"hung-{number}", hung_port)
        real_cluster.add_node("worker-1", port)
        with start_and_wait_for_a_question(real_cluster, AT_ONCE) as process:
            (pid,) = (pid for pid, words in kubectls(real_cluster).items() if "proxy" in words)
            os.kill(pid, signal.SIGKILL)
            out, err = process.communicate(timeout=60)

    assert err == ""
    assert "1 of 9 nodes answered" in out, out
    wait_until_no_kubectl_runs(real_cluster)
