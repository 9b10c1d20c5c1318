"""A kubectl that serves until it is stopped, as a child process, and what it prints."""

import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from fgm.child_processes import end_with_parent, terminate
from fgm.cluster.kubectl.messages import words_of

STOP_TIMEOUT_S = 5.0
"""Timeout of kubectl's end after SIGTERM; after that, it is killed."""
READ_TIMEOUT_S = 0.5
"""Timeout of the end of what an ended kubectl has printed. A program that a login has left behind may keep it open."""


class ServingKubectl:
    """A kubectl, which ends when the context is left. `serving`: start of the line that it prints when it serves."""

    def __init__(self, command: Sequence[str], serving: str) -> None:
        self._command, self._serving = command, serving
        self._process = subprocess.Popen(  # noqa: S603 - the user's own kubectl
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=end_with_parent,  # noqa: PLW1509 - it calls prctl only
        )
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[str | None] = queue.SimpleQueue()
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

    def started(self) -> str | None:
        """Wait until it serves, and return the rest of the line; None if it ends before. Call it once."""
        return self._started.get()

    def has_ended(self) -> bool:
        """Return whether it has ended."""
        return self._process.poll() is not None

    def messages(self) -> Iterator[str]:
        """Yield what kubectl prints on standard error, without the headers of its log, until it ends.

        Messages that a browser has closed a connection are left out.
        """
        while (message := self._messages.get()) is not None:
            yield message

    def stop(self) -> None:
        """End kubectl, and wait until it has ended. Its messages can still be read."""
        terminate(self._process, self._command)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader, pipe in zip(self._readers, (self._process.stderr, self._process.stdout), strict=True):
            reader.join(READ_TIMEOUT_S)
            if pipe is not None and not reader.is_alive():
                pipe.close()
        self._messages.put(None)
        self._started.put(None)

    def _read_messages(self) -> None:
        for line in self._process.stderr or ():
            if words := words_of(line):
                self._messages.put(words)
        self._messages.put(None)

    def _read_output(self) -> None:
        """Find the line, and drop the rest. kubectl may print one for each connection; a full pipe would block it."""
        for line in self._process.stdout or ():
            if line.startswith(self._serving):
                self._started.put(line.removeprefix(self._serving).strip())
        self._started.put(None)
