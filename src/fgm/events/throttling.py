"""When the CPU quota of a container began to run out again and again, and when that ended.

With hysteresis: it begins when several periods were throttled within some seconds, and ends when none was for a while.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from fgm.events.watched import QUOTA, THROTTLED, THROTTLED_USEC, Look
from fgm.events.wording import count, duration, millicores, plain
from fgm.store.events.event import Event, Value

BEGIN_PERIODS = 5
BEGIN_WITHIN_MS = 10_000
QUIET_MS = 30_000


@dataclass(slots=True)
class _State:
    """Of one series. `recent`: ticks, and the periods and microseconds throttled in each; then their sums."""

    recent: deque[tuple[int, float, float]] = field(default_factory=deque)
    began_ms: int | None = None
    last_ms: int = 0
    periods: float = 0
    usec: float = 0


class Throttling:
    """The series whose quota ran out a short time ago."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    def see(self, look: Look) -> list[Event]:
        """Return what began, and what ended."""
        throttled = look.grown(THROTTLED)
        if look.gap_ms:
            return []
        places = np.flatnonzero(throttled > 0).tolist()
        if not places and not self._states:
            return []
        periods, usec = throttled.tolist(), np.fmax(look.grown(THROTTLED_USEC), 0).tolist()
        found = [event for i in places if (event := self._throttled(look, i, periods[i], usec[i]))]
        alive = {s.key for s, dead in zip(look.series, look.dead.tolist(), strict=True) if not dead}
        for key, state in list(self._states.items()):
            if key not in alive or look.time_ms - state.last_ms >= QUIET_MS:
                found += self._end(key)
        return found

    def stop(self) -> list[Event]:
        """End everything: what comes next does not follow this."""
        return [event for key in list(self._states) for event in self._end(key)]

    def _throttled(self, look: Look, place: int, periods: float, usec: float) -> Event | None:
        series = look.series[place]
        if series.scope not in ("container", "cgroup"):
            return None  # a pod's quota is the sum of its containers'
        state = self._states.setdefault(series.key, _State())
        state.last_ms = look.time_ms
        if state.began_ms is not None:
            state.periods += periods
            state.usec += usec
            return None
        state.recent.append((look.time_ms, periods, usec))
        while look.time_ms - state.recent[0][0] > BEGIN_WITHIN_MS:
            state.recent.popleft()
        state.periods = sum(number for _, number, _ in state.recent)
        if state.periods < BEGIN_PERIODS:
            return None
        state.began_ms, state.usec = state.recent[0][0], sum(number for *_, number in state.recent)
        state.recent.clear()
        quota = float(look.now[place, QUOTA])
        limit = f" of {millicores(quota)}" if np.isfinite(quota) else ""
        passed = duration(look.time_ms - state.began_ms)
        within = f" within {passed}" if look.time_ms > state.began_ms else ""
        what = f"throttling began: the CPU limit{limit} ran out in {count(state.periods, 'period', 'periods')}{within}"
        facts: dict[str, Value] = {"throttled_periods": plain(state.periods)}
        return Event(state.began_ms, "throttling_began", series.key, what, {}, facts)

    def _end(self, key: str) -> list[Event]:
        state = self._states.pop(key)
        if state.began_ms is None:
            return []
        periods, usec = state.periods, state.usec
        passed = duration(state.last_ms - state.began_ms)
        what = (
            f"throttling ended after {passed}: {count(periods, 'period', 'periods')} throttled, "
            f"{duration(usec / 1000)} of waiting"
        )
        before: dict[str, Value] = {
            "began_ms": state.began_ms,
            "throttled_periods": plain(periods),
            "throttled_usec": plain(usec),
        }
        return [Event(state.last_ms, "throttling_ended", key, what, before)]
