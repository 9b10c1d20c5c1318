"""What the viewer and the sleeper pass to each other when one starts the other: descriptors, and a command line."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping, Sequence

VARIABLE = "FGM_VIEWER_WOKEN"
"""Environment variable in which the sleeper describes what the viewer inherits. Not a setting: users do not set it."""


class Woken:
    """What a viewer inherits from the sleeper that started it.

    `listening_fd`: the socket of the page. `control_fd`: its end of a pair of sockets, over which it sends heartbeats,
    and whose end means that the sleeper has ended. `since_s`: start of the sleeper, by the monotonic clock.
    """

    def __init__(self, listening_fd: int, control_fd: int, since_s: float) -> None:
        self.listening_fd, self.control_fd, self.since_s = listening_fd, control_fd, since_s

    def variable(self) -> str:
        """Return the value of `VARIABLE`."""
        return f"{self.listening_fd},{self.control_fd},{self.since_s}"


def take(environment: MutableMapping[str, str]) -> Woken | None:
    """Return what a sleeper has passed, or None if none started this process. Children do not inherit it."""
    value = environment.pop(VARIABLE, None)
    if value is None:
        return None
    listening_fd, control_fd, since_s = value.split(",")
    woken = Woken(int(listening_fd), int(control_fd), float(since_s))
    for fd in (woken.listening_fd, woken.control_fd):
        os.set_inheritable(fd, False)  # noqa: FBT003 - the standard library's own parameter
    return woken


class Plan:
    """What a sleeper is told on its command line.

    `probe_fd`: the socket of the probes; None: there is none. `paths`: what must be readable: the data directory, or
    files. `beat_check_s`: interval between two checks of the viewer's heartbeat. `retry_s`: pause after the second
    failed start of the viewer in a row. `command`: starts the viewer.
    """

    def __init__(
        self,
        listening_fd: int,
        probe_fd: int | None,
        *,
        log_level: str,
        log_form: str,
        beat_check_s: float,
        retry_s: float,
        paths: Sequence[str],
        command: Sequence[str],
    ) -> None:
        self.listening_fd, self.probe_fd = listening_fd, probe_fd
        self.log_level, self.log_form = log_level, log_form
        self.beat_check_s, self.retry_s = beat_check_s, retry_s
        self.paths, self.command = list(paths), list(command)

    def arguments(self) -> list[str]:
        """Return the plan as arguments of a command line."""
        probe_fd = "-" if self.probe_fd is None else str(self.probe_fd)
        times = [str(self.beat_check_s), str(self.retry_s)]
        paths = [str(len(self.paths)), *self.paths]
        return [str(self.listening_fd), probe_fd, self.log_level, self.log_form, *times, *paths, *self.command]

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Plan:
        """Return the plan from the arguments that `arguments` returned."""
        listening_fd, probe_fd, log_level, log_form, beat_check_s, retry_s, count, *rest = arguments
        return cls(
            int(listening_fd),
            None if probe_fd == "-" else int(probe_fd),
            log_level=log_level,
            log_form=log_form,
            beat_check_s=float(beat_check_s),
            retry_s=float(retry_s),
            paths=rest[: int(count)],
            command=rest[int(count) :],
        )


def become_asleep(plan: Plan) -> None:
    """Replace this process with the sleeper. It does not return."""
    for fd in (plan.listening_fd, plan.probe_fd):
        if fd is not None:
            os.set_inheritable(fd, True)  # noqa: FBT003 - the standard library's own parameter
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
    os.execv(sys.executable, [sys.executable, *flags, script, *plan.arguments()])  # noqa: S606 - our own module
