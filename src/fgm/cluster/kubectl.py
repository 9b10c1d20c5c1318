"""kubectl as a child process: it lists objects of a cluster, and forwards a port to a pod."""

import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from fgm.asking.viewer_client import AskError
from fgm.child_processes import end_with_parent

REQUEST_TIMEOUT = "--request-timeout=20s"
FORWARDING = "Forwarding from "
"""Start of the line that `kubectl port-forward` prints after it has opened its port."""
LOST = "error: lost connection to pod"
"""Last message of a `kubectl port-forward` that has ended by itself. The reason is in the messages before, if any."""
FORBIDDEN = "(Forbidden)"
"""Part of kubectl's message that the cluster was reached, but the user lacks a right."""
STOP_TIMEOUT_S = 5.0
"""Timeout of kubectl's end after SIGTERM; after that, it is killed."""
NO_WORDS = "Unhandled Error: "
"""Start of each error that kubectl 1.31 to 1.33 logs: it says nothing."""
_LOG_HEADER = re.compile(r"[IWEF]\d{4} [\d:.]+ +\d+ [^\]]*\] ")
"""Start of a line of kubectl's log: severity, date, time, process and line of code."""
_STRUCTURED = re.compile(r'"([^"]*)" err="((?:[^"\\]|\\.)*)"')
"""Start of a message of kubectl's log with an error: what happened, the error, and then further fields."""
_CLOSED_BY_BROWSER = re.compile(r"error copying from (remote stream|local connection) to ", re.IGNORECASE)
"""Start of the message that a connection on this machine was closed early, as a page does that is zoomed again."""


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

    def get(self, resource: str, *flags: str) -> list[Mapping[str, Any]]:
        """Return all objects of a resource, as kubectl prints them.

        Raises: KubectlError if kubectl fails.
        """
        command = [*self._command, REQUEST_TIMEOUT, "get", resource, *flags, "--output=json"]
        done = subprocess.run(  # noqa: S603 - the user's own kubectl
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            preexec_fn=end_with_parent,
        )
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            reason = lines[-1] if lines else "it printed no error message"
            hint = "" if FORBIDDEN in reason else "; kubectl config get-contexts lists your clusters"
            raise KubectlError(f"kubectl get {resource} failed: {reason}{hint}")
        try:
            items: list[Mapping[str, Any]] = json.loads(done.stdout)["items"]
        except (ValueError, LookupError, TypeError):
            raise KubectlError(
                f"kubectl get {resource} did not print a list: run it yourself to see what it prints"
            ) from None
        return items

    def forward(self, pod: str, port: int, pod_port: int) -> "PortForward":
        """Start to forward a port of this machine (0: a free one) to a port of a pod."""
        ports = f"{port or ''}:{pod_port}"
        return PortForward([*self._command, "port-forward", f"pod/{pod}", ports, "--address=127.0.0.1"])


class PortForward:
    """A `kubectl port-forward`, which ends when the context is left."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the user's own kubectl
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=end_with_parent,  # noqa: PLW1509 - it calls prctl only
        )
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._ports: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read_messages, self._read_output)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def port(self) -> int | None:
        """Wait until the port on this machine is open, and return it; None if kubectl ends before. Call it once."""
        return self._ports.get()

    def messages(self) -> Iterator[str]:
        """Yield what kubectl prints on standard error, without the headers of its log, until it ends.

        Messages that a browser has closed a connection are left out.
        """
        while (message := self._messages.get()) is not None:
            yield message

    def stop(self) -> None:
        """End kubectl, and wait until it has ended. Its messages can still be read."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _read_messages(self) -> None:
        for line in self._process.stderr or ():
            message = _LOG_HEADER.sub("", line, count=1).strip()
            if message and not _CLOSED_BY_BROWSER.search(message):
                words = _STRUCTURED.sub(r"\1: \2", message).partition(" localPort=")[0]
                self._messages.put(words.removeprefix(NO_WORDS))
        self._messages.put(None)

    def _read_output(self) -> None:
        """Find the port, and drop the rest. kubectl prints a line for each connection; a full pipe would block it."""
        for line in self._process.stdout or ():
            if line.startswith(FORWARDING):
                self._ports.put(int(line.removeprefix(FORWARDING).split(" ")[0].rpartition(":")[2]))
        self._ports.put(None)
