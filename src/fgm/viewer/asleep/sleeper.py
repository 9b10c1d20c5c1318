"""Waits for a question with as little memory as possible, and starts the viewer when one arrives.

    asleep      nothing runs; the socket of the page is watched, but nothing is accepted from it
    awake       the viewer runs, has accepted the waiting connection itself, and ends after some time without questions
    retrying    the viewer could not start; it is started again after a pause
    stopping    SIGTERM or SIGINT has arrived, and the viewer is ending

In all states, probes are answered.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Sequence

from fgm.viewer.asleep.handover import Plan
from fgm.viewer.asleep.log_lines import Log
from fgm.viewer.asleep.probe_clients import ProbeClients
from fgm.viewer.asleep.recordings import has_recording
from fgm.viewer.asleep.viewer_process import ViewerProcess

MAX_FAILED_STARTS = 5
"""Number of failed starts in a row after which the sleeper ends, so that Kubernetes shows what is wrong."""
STOP_TIMEOUT_S = 20.0
"""Timeout after which a viewer that was asked to stop is killed."""
EXIT_CANNOT_START = 4
"""Exit code if the viewer cannot be started."""
PROCESS_NAME = "fgm-asleep"
_MAX_WAKE_UPS = 4096

log = Log("fgm.viewer.asleep.sleeper")


def main(arguments: Sequence[str]) -> int:
    """Run a sleeper until SIGTERM or SIGINT; return the exit code."""
    plan = Plan.parse(arguments)
    log.level, log.form = plan.log_level, plan.log_form
    _name_process()
    return Sleeper(plan).run()


class Sleeper:
    """The sleeper and its state."""

    def __init__(self, plan: Plan) -> None:
        """Take over the descriptors of the plan, and the signals of this process."""
        self._plan = plan
        self._since_s = time.monotonic()
        self._probes: ProbeClients | None = None
        if plan.probe_fd is not None:
            os.set_inheritable(plan.probe_fd, False)  # noqa: FBT003 - the standard library's own parameter
            self._probes = ProbeClients(socket.socket(fileno=plan.probe_fd), lambda: has_recording(plan.paths))
        self._viewer: ViewerProcess | None = None
        self._next_s: float | None = None
        """When something is due in this state, by the monotonic clock: a check of the heartbeat, or a start."""
        self._failed_starts = 0
        self._is_stopping = False
        self._exit_code: int | None = None
        self._signals = _signal_descriptor()

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or too many failed starts; return the exit code."""
        self._wait_for_children(time.monotonic())
        while self._exit_code is None:
            readable = self._wait(time.monotonic())
            now_s = time.monotonic()
            if self._probes is not None:
                self._probes.handle(readable, now_s)
            if self._signals in readable:
                self._handle_signals(os.read(self._signals, _MAX_WAKE_UPS), now_s)
                self._wait_for_children(now_s)
            elif self._plan.listening_fd in readable:
                self._start_viewer(now_s)
            elif self._next_s is not None and self._next_s <= now_s:
                self._do_what_is_due(now_s)
        return self._exit_code

    def _wait(self, now_s: float) -> set[int]:
        """Wait for input or until something is due; return the descriptors with input."""
        watched, deadlines = [self._signals], [self._next_s]
        if self._probes is not None:
            watched += self._probes.descriptors(now_s)
            deadlines.append(self._probes.deadline_s(now_s))
        if self._viewer is None and self._next_s is None:
            watched.append(self._plan.listening_fd)
        poll = select.poll()
        for fd in watched:
            poll.register(fd, select.POLLIN)
        next_s = min((deadline for deadline in deadlines if deadline is not None), default=None)
        return {fd for fd, _ in poll.poll(None if next_s is None else max(0.0, next_s - now_s) * 1000)}

    def _do_what_is_due(self, now_s: float) -> None:
        if self._viewer is None:
            self._start_viewer(now_s)
        elif self._is_stopping:
            log.warning("the viewer does not stop; killing it", pid=self._viewer.pid)
            self._viewer.send_signal(signal.SIGKILL)
            self._next_s = None
        elif self._viewer.hangs():
            log.error("the viewer hangs; killing it", pid=self._viewer.pid)
            self._viewer.send_signal(signal.SIGKILL)
            self._next_s = None
        else:
            self._next_s = now_s + self._plan.beat_check_s

    def _start_viewer(self, now_s: float) -> None:
        try:
            self._viewer = ViewerProcess(self._plan.command, self._plan.listening_fd, self._since_s)
        except OSError as error:
            self._start_has_failed(now_s, reason=str(error))
            return
        log.info("waking the viewer", pid=self._viewer.pid)
        self._next_s = now_s + self._plan.beat_check_s

    def _handle_signals(self, numbers: bytes, now_s: float) -> None:
        for number in numbers:
            if number != signal.SIGCHLD:
                self._stop(signal.Signals(number), now_s)

    def _wait_for_children(self, now_s: float) -> None:
        """Take note of children that have ended, so that none stays a zombie. One may be of this process' past."""
        while (ended := _ended_child()) is not None:
            if self._viewer is not None and ended[0] == self._viewer.pid:
                self._viewer_has_ended(self._viewer, ended[1], now_s)

    def _stop(self, number: signal.Signals, now_s: float) -> None:
        log.info("stopping", signal=number.name)
        if self._viewer is None:
            self._exit_code = 0
            return
        self._viewer.send_signal(signal.SIGKILL if self._is_stopping else signal.SIGTERM)
        self._is_stopping, self._next_s = True, now_s + STOP_TIMEOUT_S

    def _viewer_has_ended(self, viewer: ViewerProcess, code: int, now_s: float) -> None:
        """`code`: its exit code, or minus the number of the signal that killed it."""
        viewer.close()
        self._viewer, self._next_s = None, None
        if self._is_stopping:
            self._exit_code = 0
        elif not viewer.has_served:
            self._start_has_failed(now_s, **_end_fields(code))
        else:
            self._failed_starts = 0
            _leave_page_cache()
            if code == 0:
                log.info("asleep until the next question")
            else:
                log.warning("the viewer was killed or has failed; the next question wakes it", **_end_fields(code))

    def _start_has_failed(self, now_s: float, **fields: object) -> None:
        self._failed_starts += 1
        if self._failed_starts >= MAX_FAILED_STARTS:
            log.error("the viewer cannot start; giving up", failed_starts=self._failed_starts, **fields)
            self._exit_code = EXIT_CANNOT_START
            return
        pause_s = self._plan.retry_s * (2 ** (self._failed_starts - 1) - 1)  # none after the first
        log.error("the viewer cannot start; trying again", pause_s=pause_s, **fields)
        self._next_s = now_s + pause_s


def _end_fields(code: int) -> dict[str, object]:
    if code >= 0:
        return {"exit_code": code}
    known = {number.value: number.name for number in signal.Signals}
    return {"signal": known.get(-code, str(-code))}  # real-time signals have no names


def _leave_page_cache() -> None:
    from fgm import mapped_files  # noqa: PLC0415 - not needed before the first sleep

    mapped_files.deactivate()


def _ended_child() -> tuple[int, int] | None:
    """Return the pid and the code of a child that has ended, or None."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:  # there are no children
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _signal_descriptor() -> int:
    """Return a descriptor from which the numbers of the signals that arrive can be read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)  # without a handler nothing is written
    return reading


def _name_process() -> None:
    """Set the name under which `ps` and the collector show this process."""
    try:
        with open("/proc/self/comm", "w") as file:
            file.write(PROCESS_NAME)
    except OSError:
        pass  # it keeps the name of the interpreter
