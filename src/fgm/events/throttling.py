"""Events for times in which a container kept running out of its CPU quota.

Throttling begins when BEGIN_PERIODS periods were throttled within BEGIN_WITHIN_MS. It ends when no period was throttled
for QUIET_MS.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from fgm.events.columns import QUOTA, THROTTLED, THROTTLED_USEC
from fgm.events.series_state import TickStep
from fgm.events.wording import count, duration, millicores, plain
from fgm.store.events.event import Event, Value

BEGIN_PERIODS = 5
"""Minimum number of throttled periods within BEGIN_WITHIN_MS for throttling to begin."""
BEGIN_WITHIN_MS = 10_000
QUIET_MS = 30_000
"""Minimum time without a throttled period for throttling to end."""


@dataclass(slots=True)
class _Throttled:
    """The throttling of one series. `began_ms`: None if it has not begun; `periods`, `usec`: sums since it began."""

    recent: deque[tuple[int, float, float]] = field(default_factory=deque)
    """Time, throttled periods and throttled microseconds of each tick within BEGIN_WITHIN_MS; empty after it began."""
    began_ms: int | None = None
    last_ms: int = 0
    periods: float = 0
    usec: float = 0


class Throttling:
    """Finds the beginnings and ends of throttling. Remembers the series that were throttled recently."""

    def __init__(self) -> None:
        self._throttled: dict[str, _Throttled] = {}

    def update(self, step: TickStep) -> list[Event]:
        """Return the beginnings and ends of throttling that this tick reveals. Their times may be earlier."""
        growth = step.growth(THROTTLED)
        if step.gap_ms:
            return []
        positions = np.flatnonzero(growth > 0).tolist()
        if not positions and not self._throttled:
            return []
        periods, usec = growth.tolist(), np.fmax(step.growth(THROTTLED_USEC), 0).tolist()
        events = [event for i in positions if (event := self._add(step, i, periods[i], usec[i]))]
        alive = {s.key for s, is_dead in zip(step.series, step.is_dead.tolist(), strict=True) if not is_dead}
        for key, throttled in list(self._throttled.items()):
            if key not in alive or step.time_ms - throttled.last_ms >= QUIET_MS:
                events += self._end(key)
        return events

    def end_all(self) -> list[Event]:
        """End all throttling, because of a gap or a clock step; return the events."""
        return [event for key in list(self._throttled) for event in self._end(key)]

    def _add(self, step: TickStep, position: int, periods: float, usec: float) -> Event | None:
        series = step.series[position]
        if series.scope not in ("container", "cgroup"):
            return None  # a pod's quota is the sum of its containers'
        throttled = self._throttled.setdefault(series.key, _Throttled())
        throttled.last_ms = step.time_ms
        if throttled.began_ms is not None:
            throttled.periods += periods
            throttled.usec += usec
            return None
        throttled.recent.append((step.time_ms, periods, usec))
        while step.time_ms - throttled.recent[0][0] > BEGIN_WITHIN_MS:
            throttled.recent.popleft()
        throttled.periods = sum(number for _, number, _ in throttled.recent)
        if throttled.periods < BEGIN_PERIODS:
            return None
        throttled.began_ms, throttled.usec = throttled.recent[0][0], sum(number for *_, number in throttled.recent)
        throttled.recent.clear()
        quota = float(step.now[position, QUOTA])
        limit = f" of {millicores(quota)}" if np.isfinite(quota) else ""
        passed = duration(step.time_ms - throttled.began_ms)
        within = f" within {passed}" if step.time_ms > throttled.began_ms else ""
        text = count(throttled.periods, "period", "periods")
        what = f"throttling began: the CPU limit{limit} ran out in {text}{within}"
        facts: dict[str, Value] = {"throttled_periods": plain(throttled.periods)}
        return Event(throttled.began_ms, "throttling_began", series.key, what, {}, facts)

    def _end(self, key: str) -> list[Event]:
        throttled = self._throttled.pop(key)
        if throttled.began_ms is None:
            return []
        passed = duration(throttled.last_ms - throttled.began_ms)
        what = (
            f"throttling ended after {passed}: {count(throttled.periods, 'period', 'periods')} throttled, "
            f"{duration(throttled.usec / 1000)} of waiting"
        )
        before: dict[str, Value] = {
            "began_ms": throttled.began_ms,
            "throttled_periods": plain(throttled.periods),
            "throttled_usec": plain(throttled.usec),
        }
        return [Event(throttled.last_ms, "throttling_ended", key, what, before)]
