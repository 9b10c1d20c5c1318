"""The states of the viewer's start-up, from a running process to data that can be shown.

    starting -> waiting -> timed_out        no data yet; the viewer keeps looking
        |          |           |
        +----------+-----------+--> indexing --> ready      files without an index, which are read first
        |          |           |                   ^
        +----------+-----------+-------------------+        an index

Ready is final: the viewer keeps what it has read, and /api/health reports later problems. The class has no clock; times
are arguments.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A state of the start-up, as /api/health reports it."""

    STARTING = "starting"
    WAITING = "waiting"
    TIMED_OUT = "timed_out"
    INDEXING = "indexing"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a look at the data directory. `indexed`: enough files have been read to answer queries."""

    index: bool = False
    files: bool = False
    indexed: bool = False


class StartUp:
    """The current state, its start, and how long the viewer waited for data."""

    def __init__(self, timeout_s: float, now_ms: int, monotonic_s: float) -> None:
        self.timeout_s = timeout_s
        self.state = State.STARTING
        self.since_ms = now_ms
        self._started_s = monotonic_s
        self._ready_s: float | None = None

    def update(self, result: ScanResult, now_ms: int, monotonic_s: float) -> State:
        """Move to the state that follows from a look at the data directory, and return it."""
        state = self._next(result, monotonic_s)
        if state is not self.state:
            self.state, self.since_ms = state, now_ms
        if self._ready_s is None and state is State.READY:
            self._ready_s = monotonic_s
        return state

    def at(self, now_ms: int, monotonic_s: float) -> tuple[State, int]:
        """Return the state at an instant, and its start. The time-out takes effect without another look."""
        late_s = self.waited_s(monotonic_s) - self.timeout_s
        if self.state is State.WAITING and late_s >= 0:
            return State.TIMED_OUT, max(self.since_ms, now_ms - round(late_s * 1000))
        return self.state, self.since_ms

    def waited_s(self, monotonic_s: float) -> float:
        """Return how long the viewer has been without data since its start."""
        return (monotonic_s if self._ready_s is None else self._ready_s) - self._started_s

    def _next(self, result: ScanResult, monotonic_s: float) -> State:
        if self.state is State.READY or result.index or (result.files and result.indexed):
            return State.READY
        if result.files:
            return State.INDEXING
        timed_out = monotonic_s - self._started_s >= self.timeout_s
        return State.TIMED_OUT if timed_out else State.WAITING
