"""What the probes ask: whether sampling goes on, and whether anything was recorded yet."""

from collections.abc import Callable

ALIVE_FOR_S = 10.0
"""A sweep that is this old means that sampling hangs, and a restart may help; a full disk or a silent API does not."""
ALIVE_FOR_INTERVALS = 5


class Heartbeat:
    """Told by the tasks what they did. `monotonic`: seconds."""

    def __init__(self, monotonic: Callable[[], float], interval_s: float) -> None:
        self._monotonic = monotonic
        self._for_s = max(ALIVE_FOR_S, ALIVE_FOR_INTERVALS * interval_s)
        self._swept = monotonic()
        self._has_recorded = False

    def sweep_ended(self) -> None:
        """Note that a sweep has just ended."""
        self._swept = self._monotonic()

    def tick_recorded(self) -> None:
        """Note that a tick is in a journal."""
        self._has_recorded = True

    def is_alive(self) -> bool:
        """Say whether a sweep ended lately; a start counts as one."""
        return self._monotonic() - self._swept < self._for_s

    def is_ready(self) -> bool:
        """Say whether a tick was recorded."""
        return self._has_recorded
