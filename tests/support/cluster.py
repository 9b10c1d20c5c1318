"""A cluster for kubectl with real viewers on this machine, and `fgm` with a kubectl that is configured for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.kubectl import kubectl_folder
from tests.support.port_forward import FGM_NAMESPACE, ClusterApi
from tests.support.processes import LOOK_AGAIN_S, free_port, wait_until_it_responds


def fgm_pod(name: str, node: str = "worker-3", phase: str = "Running") -> dict[str, Any]:
    """Return an fgm pod as the API server lists it."""
    labels = {"app.kubernetes.io/name": "fine-grained-monitor"}
    facts = {
        "metadata": {"name": name, "namespace": FGM_NAMESPACE, "labels": labels},
        "status": {"phase": phase},
    }
    return {"apiVersion": "v1", "kind": "Pod", **facts, "spec": {"nodeName": node}}


class Cluster:
    """An API server, and commands with a kubectl that is configured for it. Its context is `test`."""

    def __init__(self, folder: Path) -> None:
        self.api = ClusterApi()
        self.api.write_kubeconfig(folder / "config")
        self.environment = {
            **os.environ,
            "PATH": str(kubectl_folder()),
            "HOME": str(folder),
            "KUBECONFIG": str(folder / "config"),
        }
        self.context = "test"

    def close(self) -> None:
        """Stop serving."""
        self.api.close()

    def add_node(self, node: str, port: int | None = None) -> None:
        """Add a node with an fgm pod. `port`: port on this machine that its viewer listens on; None: nothing does."""
        pod = f"fgm-{node}"
        self.api.nodes.append({"metadata": {"name": node}})
        self.api.pods.append(fgm_pod(pod, node))
        if port is not None:
            self.api.listeners[pod] = port

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `fgm` with a command and its arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "fgm", arguments[0], "--context", self.context, *arguments[1:]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_with_sigint,  # noqa: PLW1509 - it calls signal only
        )

    def run(self, *arguments: str, within_s: float = 60) -> tuple[int, str, str]:
        """Run `fgm` to its end; return its exit code, what it printed, and its error messages."""
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=within_s)
            finally:
                process.kill()
        return process.returncode, out, err


@contextmanager
def viewer(
    data: Path, *, started_by: Sequence[str] = ("-m", "fgm.viewer")
) -> Iterator["tuple[subprocess.Popen[bytes], int]"]:
    """Run a real viewer of a data directory until the block is left; yield the process and its port.

    `started_by`: arguments of the interpreter.
    """
    port = free_port()
    command = [sys.executable, *started_by, str(data), "--port", str(port), "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_it_responds(f"http://127.0.0.1:{port}/", 30)
            yield process, port
        finally:
            process.kill()


def kubectls(cluster: Cluster) -> dict[int, list[str]]:
    """Return the processes of kubectl that run with the configuration of a cluster, and their arguments."""
    variable = f"KUBECONFIG={cluster.environment['KUBECONFIG']}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, variables = ((folder / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
        except OSError:  # it has ended
            continue
        if variable in variables and words[0].endswith(b"kubectl"):
            found[int(folder.name)] = [word.decode() for word in words]
    return found


def wait_until_no_kubectl_runs(cluster: Cluster) -> None:
    """Wait until each kubectl has ended: after a signal, that is a moment later."""
    deadline = time.monotonic() + 10
    while kubectls(cluster):
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN_S)


def _with_sigint() -> None:
    """Let SIGINT have its default action: a shell that starts tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
