"""What the child process imposes on itself, so that it disturbs neither the collector nor the node.

It has the lowest priority, limits of memory and processor time, and pauses. In a container with a CPU quota, priority
alone would not help: the kernel stops all processes of a container that has used its quota, so the child must leave
most of each second unused. It also rests while the collector samples, and while the node is under pressure.
"""

import ctypes
import os
import platform
import resource
import signal
import time
from collections.abc import Callable

from fgm.clock import Clock

MEMORY_BYTES = 160 << 20
"""Maximum size of the memory that the process allocates, without files that are mapped."""
CPU_S = 900
"""Maximum processor time of one job."""
SHARE = 0.25
"""Maximum share of one processor that a job takes while it runs."""
TURN_S = 0.01
"""Processor time after which the process rests."""
BEFORE_TICK_S, AFTER_TICK_S = 0.05, 0.25
"""Time before and after each whole second in which the process does not begin a turn: the collector samples then."""
CHECK_EVERY_S = 2.0
"""Interval between two reads of the node's pressure."""
GIVE_UP_S = 120.0
"""Maximum duration of one pause because of pressure. Then the job ends, so that its memory is free."""

_LIBRARY = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}  # system call numbers of the kernel's tables
_IDLE_CLASS = 3 << 13  # linux/ioprio.h


class PressedError(Exception):
    """The node was under pressure for too long."""


def end_with(parent: int) -> bool:
    """Make the kernel kill this process when `parent`, the process that started it, ends; return whether it runs.

    Source: PR_SET_PDEATHSIG(2const). The signal comes when the thread ends that started this process.
    """
    _LIBRARY.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return os.getppid() == parent  # it may have ended before the call


def lower_priority() -> None:
    """Give this process the lowest priority for processors and disks, and limits of memory and processor time."""
    os.nice(19)
    if (number := _IOPRIO_SET.get(platform.machine())) is not None:
        _LIBRARY.syscall(number, 1, 0, _IDLE_CLASS)  # 1: this process; a kernel without I/O priorities refuses it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


class Turns:
    """Lets this process work in short turns, from a timer of its processor time, with rests between them.

    A timer needs no help of the code that works, which spends its time in long loops of several modules.
    """

    def __init__(
        self, clock: Clock, pressure: Callable[[], str | None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`pressure`: returns the resource that the node lacks; None if it lacks none."""
        self._clock = clock
        self._pressure = pressure
        self._sleep = sleep
        self._used_s = time.process_time()
        self._checked_s = float("-inf")

    def start(self) -> None:
        """Begin to rest after each turn. To be called by the main thread."""
        signal.signal(signal.SIGPROF, lambda _signal, _frame: self.rest())
        signal.setitimer(signal.ITIMER_PROF, TURN_S, TURN_S)

    def stop(self) -> None:
        """Do not rest any more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def rest(self) -> None:
        """Rest as long as the processor time since the last rest requires, until no tick is near, and under pressure.

        Raises: PressedError if the node was under pressure for `GIVE_UP_S`.
        """
        used_s = time.process_time()
        self._sleep((used_s - self._used_s) * (1 / SHARE - 1))
        self._wait_for_room()
        second = self._clock.wall_ns() / 1e9 % 1
        if second < AFTER_TICK_S or second > 1 - BEFORE_TICK_S:
            self._sleep((AFTER_TICK_S - second) % 1)
        self._used_s = time.process_time()

    def _wait_for_room(self) -> None:
        now = self._clock.monotonic()
        if now - self._checked_s < CHECK_EVERY_S:
            return
        while (resource_name := self._pressure()) is not None:
            if self._clock.monotonic() - now > GIVE_UP_S:
                raise PressedError(resource_name)
            self._sleep(CHECK_EVERY_S)
        self._checked_s = self._clock.monotonic()
