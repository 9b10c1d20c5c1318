"""What of a tick tells of events, as one small array, and what was known of each series before it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series

NEEDS = (
    *("memory.events.oom_kill", "cpu.stat.nr_throttled", "cpu.stat.nr_periods", "cpu.stat.throttled_usec"),
    *("cpu_quota_usec", "cpu_period_usec", "memory.max", "pids.max", "memory.current", "pids.current"),
    *("cgroup.events.populated", "container.pid_count"),
)
"""The recorded columns that events are derived from."""

OOM_KILLS, THROTTLED, PERIODS, THROTTLED_USEC, QUOTA, PERIOD, MEMORY_MAX, PIDS_MAX, MEMORY, PIDS = range(10)
_POPULATED, _PID_COUNT = 10, 11
LIMITS = (QUOTA, MEMORY_MAX, PIDS_MAX)
_WITNESSES = (PERIODS, MEMORY, PIDS)
"""Where these have a value, the controller of the limit is at work: its null is no limit."""

Floats = NDArray[np.float64]
_MOST_GONE = 1000


class Look:
    """One tick as far as it matters here; rows in the order of `series`.

    `now`: float64[n, 12], a column for each of NEEDS; QUOTA in processors, a limit that is not there infinite.
    `before`: the newest values that were known before it, NaN where nothing was. `is_new`: series that were never there
    before. `dead`: whether the last process has ended.
    """

    __slots__ = ("before", "dead", "gap_ms", "is_new", "late_ms", "now", "series", "time_ms")

    def __init__(self, time_ms: int, series: tuple[Series, ...], now: Floats, late_ms: Floats) -> None:
        self.time_ms, self.series, self.now, self.late_ms = time_ms, series, now, late_ms
        self.before = now
        self.is_new: NDArray[np.bool_] = np.zeros(len(series), np.bool_)
        self.gap_ms = 0
        populated = now[:, _POPULATED]
        self.dead = np.where(np.isnan(populated), now[:, _PID_COUNT], populated) == 0

    def grown(self, counter: int) -> Floats:
        """Return by how much a counter grew in each series; NaN or negative where that cannot be said."""
        return self.now[:, counter] - self.before[:, counter]


class Memory:
    """What was known last of each series. `places`: where the values of NEEDS stand in a row of a tick."""

    def __init__(self, columns: Sequence[str]) -> None:
        """`columns`: of the ticks, without `late_ms`; those that they lack are null."""
        self._places = np.array([1 + columns.index(name) if name in columns else -1 for name in NEEDS], np.intp)
        self._series: tuple[Series, ...] = ()
        self._known: Floats = np.empty((0, len(NEEDS)))
        self._gone: dict[str, Floats] = {}

    def look(self, time_ms: int, series: tuple[Series, ...], rows: Floats) -> Look:
        """Return a tick beside what was known before."""
        now = rows[:, self._places]
        now[:, self._places < 0] = np.nan
        now[:, QUOTA] /= now[:, PERIOD]
        for limit, witness in zip(LIMITS, _WITNESSES, strict=True):
            now[np.isnan(now[:, limit]) & ~np.isnan(now[:, witness]), limit] = np.inf
        look = Look(time_ms, series, now, rows[:, 0])
        if series is not self._series:
            look.is_new = self._arrange(series)
        look.before = self._known
        return look

    def keep(self, look: Look) -> None:
        """Take in what a tick says; what it does not say stays as it was."""
        self._known = np.where(np.isnan(look.now), self._known, look.now)

    def values(self, row: Floats) -> Floats:
        """Return the values of NEEDS from a row of a tick."""
        values: Floats = np.where(self._places < 0, np.nan, row[self._places])
        return values

    def known(self, key: str) -> tuple[tuple[Series, ...], Floats | None]:
        """Return the series of the newest tick, and what is known of one of them: a view, to be changed in place."""
        place = next((i for i, one in enumerate(self._series) if one.key == key), None)
        return self._series, None if place is None else self._known[place]

    def last(self, key: str) -> Floats | None:
        """Return what was known last of a series that is not in the newest tick."""
        return self._gone.get(key)

    def _arrange(self, series: tuple[Series, ...]) -> NDArray[np.bool_]:
        """Bring what is known into the order of other series; return which of them were never there."""
        known = {one.key: row for one, row in zip(self._series, self._known, strict=True)}
        keys = [one.key for one in series]
        is_new = np.array([key not in known and key not in self._gone for key in keys], np.bool_)
        arranged = np.full((len(series), len(NEEDS)), np.nan)
        for i, key in enumerate(keys):
            row = known.pop(key, None)
            if row is None:
                row = self._gone.pop(key, None)
            if row is not None:
                arranged[i] = row
        for key, row in known.items():
            self._gone[key] = row.copy()
        while len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]
        self._series, self._known = series, arranged
        return is_new
