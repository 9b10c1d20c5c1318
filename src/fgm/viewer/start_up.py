"""The states of the viewer's start-up, from the start of the process until there is data to show.

    starting -> waiting -> timed_out        no data yet; the viewer keeps looking
        |          |           |
        +----------+-----------+--> indexing --> ready      if there are files but no index: they must be read first
        |          |           |                   ^
        +----------+-----------+-------------------+        if there is an index

`ready` is final: if the data disappears later, the viewer keeps what it has read, and /api/health reports the problem.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A state of the start-up. The values are those in the response of /api/health."""

    STARTING = "starting"
    WAITING = "waiting"
    TIMED_OUT = "timed_out"
    INDEXING = "indexing"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a scan of the data directory.

    `index`: a readable index has been found. `files`: data files have been found. `indexed`: enough of these files have
    been read to serve queries.
    """

    index: bool = False
    files: bool = False
    indexed: bool = False


class StartUp:
    """The current state, since when the viewer is in it, and how long the viewer has waited for data.

    It reads no clock: the methods get the times as arguments, `now_ms` since 1970 and `monotonic_s` of the monotonic
    clock. `waiting_since_s`: since when the viewer waits for data, if it has slept since then; None: since now.
    """

    def __init__(
        self, timeout_s: float, now_ms: int, monotonic_s: float, *, waiting_since_s: float | None = None
    ) -> None:
        self.timeout_s = timeout_s
        self.state = State.STARTING
        self.since_ms = now_ms
        self._started_s = monotonic_s
        self._waiting_since_s = monotonic_s if waiting_since_s is None else waiting_since_s
        self._ready_s: float | None = None

    def update(self, result: ScanResult, now_ms: int, monotonic_s: float) -> State:
        """Change to the state that follows from the result of a scan, and return it."""
        state = self._next(result, monotonic_s)
        if state is not self.state:
            self.state, self.since_ms = state, now_ms
        if self._ready_s is None and state is State.READY:
            self._ready_s = monotonic_s
        return state

    def at(self, now_ms: int, monotonic_s: float) -> tuple[State, int]:
        """Return the state at an instant, and the time in ms at which it began.

        The state becomes `timed_out` at the right moment, even if no scan took place since then.
        """
        late_s = self.waited_s(monotonic_s) - self.timeout_s
        if self.state is State.WAITING and late_s >= 0:
            return State.TIMED_OUT, max(self.since_ms, now_ms - round(late_s * 1000))
        return self.state, self.since_ms

    def waited_s(self, monotonic_s: float) -> float:
        """Return for how many seconds the viewer has waited for data, or had waited when it found some.

        While it waits, it counts the time asleep, so that the troubleshooting page is shown at once after a long wait.
        """
        if self._ready_s is None:
            return monotonic_s - self._waiting_since_s
        return self._ready_s - self._started_s

    def _next(self, result: ScanResult, monotonic_s: float) -> State:
        if self.state is State.READY or result.index or (result.files and result.indexed):
            return State.READY
        if result.files:
            return State.INDEXING
        timed_out = self.waited_s(monotonic_s) >= self.timeout_s
        return State.TIMED_OUT if timed_out else State.WAITING
