"""The start-up state machine: from "the process runs" to "there is data". Pure: times are arguments.

    starting -> waiting -> timed_out        nothing there yet; it goes on looking
        |          |           |
        +----------+-----------+--> indexing --> ready      files without an index: read what there is
        |          |           |                   ^
        +----------+-----------+-------------------+        an index is there

Nothing leads back from ready: what was found once stays known, and health says what is wrong with it now.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where the start-up is; the values are those of /api/health."""

    STARTING = "starting"
    WAITING = "waiting"
    TIMED_OUT = "timed_out"
    INDEXING = "indexing"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the data directory found. `indexed`: enough files were read to answer from them."""

    index: bool = False
    files: bool = False
    indexed: bool = False


class StartUp:
    """The state, since when it holds, and how long data was waited for."""

    def __init__(self, timeout_s: float, now_ms: int, monotonic_s: float) -> None:
        self.timeout_s = timeout_s
        self.state = State.STARTING
        self.since_ms = now_ms
        self._started_s = monotonic_s
        self._found_s: float | None = None

    def look(self, found: Found, now_ms: int, monotonic_s: float) -> State:
        """Take in what a look found; return the state that follows."""
        state = self._next(found, monotonic_s)
        if state is not self.state:
            self.state, self.since_ms = state, now_ms
        if self._found_s is None and state is State.READY:
            self._found_s = monotonic_s
        return state

    def at(self, now_ms: int, monotonic_s: float) -> tuple[State, int]:
        """Return the state at an instant and since when it holds: the time-out does not wait for the next look."""
        late_s = self.waited_s(monotonic_s) - self.timeout_s
        if self.state is State.WAITING and late_s >= 0:
            return State.TIMED_OUT, max(self.since_ms, now_ms - round(late_s * 1000))
        return self.state, self.since_ms

    def waited_s(self, monotonic_s: float) -> float:
        """Return how long there was no data, since the start."""
        return (monotonic_s if self._found_s is None else self._found_s) - self._started_s

    def _next(self, found: Found, monotonic_s: float) -> State:
        if self.state is State.READY or found.index or (found.files and found.indexed):
            return State.READY
        if found.files:
            return State.INDEXING
        timed_out = monotonic_s - self._started_s >= self.timeout_s
        return State.TIMED_OUT if timed_out else State.WAITING
