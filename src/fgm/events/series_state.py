"""The newest values of each series, and the step from one tick to the next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.events.columns import CONTROLLERS, LIMITS, NEEDED_COLUMNS, PERIOD, PID_COUNT, POPULATED, QUOTA, Floats
from fgm.store.samples.series import Series

_MAX_ABSENT = 1000
"""Maximum number of absent series whose values are kept, for those that come back and for late OOM kills."""


class TickStep:
    """One tick next to the state before it; rows in the order of `series`.

    `now` has a column for each of NEEDED_COLUMNS, with QUOTA in processors and a limit that is not set as infinity.
    `before` has the newest values before the tick, NaN if there were none. `is_new`: series without a row in any tick
    before. `is_dead`: series whose last process has ended. `gap_ms`: time since the last tick if that is a gap, else 0.

    Shape: `now` and `before` are float64[n, 12]; `late_ms` is float64[n]; `is_new` and `is_dead` are bool[n].
    """

    __slots__ = ("before", "gap_ms", "is_dead", "is_new", "late_ms", "now", "series", "time_ms")

    def __init__(self, time_ms: int, series: tuple[Series, ...], now: Floats, late_ms: Floats) -> None:
        self.time_ms, self.series, self.now, self.late_ms = time_ms, series, now, late_ms
        self.before = now
        self.is_new: NDArray[np.bool_] = np.zeros(len(series), np.bool_)
        self.gap_ms = 0
        populated = now[:, POPULATED]
        # cgroup v1 has no cgroup.events: there a cgroup without processes is dead.
        self.is_dead = np.where(np.isnan(populated), now[:, PID_COUNT], populated) == 0

    def growth(self, counter: int) -> Floats:
        """Return how much a counter grew in each series; NaN or negative if that is unknown."""
        return self.now[:, counter] - self.before[:, counter]


class SeriesState:
    """The newest values of each series, taken from all ticks so far."""

    def __init__(self, columns: Sequence[str]) -> None:
        """`columns`: those of the ticks, without `late_ms`. A needed column that is missing there is null."""
        self._positions = np.array(
            [1 + columns.index(name) if name in columns else -1 for name in NEEDED_COLUMNS], np.intp
        )
        self._series: tuple[Series, ...] = ()
        self._newest: Floats = np.empty((0, len(NEEDED_COLUMNS)))
        self._absent: dict[str, Floats] = {}

    def step_to(self, time_ms: int, series: tuple[Series, ...], rows: Floats) -> TickStep:
        """Return the step to the next tick. Its values become the newest only when `take_over` is called."""
        now = rows[:, self._positions]
        now[:, self._positions < 0] = np.nan
        now[:, QUOTA] /= now[:, PERIOD]
        for limit, controller in zip(LIMITS, CONTROLLERS, strict=True):
            now[np.isnan(now[:, limit]) & ~np.isnan(now[:, controller]), limit] = np.inf
        step = TickStep(time_ms, series, now, rows[:, 0])
        if series is not self._series:
            step.is_new = self._arrange(series)
        step.before = self._newest
        return step

    def take_over(self, step: TickStep) -> None:
        """Make the values of a step the newest; a null leaves the older value."""
        self._newest = np.where(np.isnan(step.now), self._newest, step.now)

    def values(self, row: Floats) -> Floats:
        """Return the values of NEEDED_COLUMNS from a row of a tick."""
        values: Floats = np.where(self._positions < 0, np.nan, row[self._positions])
        return values

    def current(self, key: str) -> tuple[tuple[Series, ...], Floats | None]:
        """Return the series of the newest tick, and the newest values of one of them, None if it is not among them.

        The values are a view: a caller that changes them changes the state.
        """
        position = next((i for i, series in enumerate(self._series) if series.key == key), None)
        return self._series, None if position is None else self._newest[position]

    def absent(self, key: str) -> Floats | None:
        """Return the newest values of a series that is not in the newest tick."""
        return self._absent.get(key)

    def _arrange(self, series: tuple[Series, ...]) -> NDArray[np.bool_]:
        """Bring the newest values into the order of other series; return which of those are new."""
        rows = {old.key: row for old, row in zip(self._series, self._newest, strict=True)}
        keys = [new.key for new in series]
        is_new = np.array([key not in rows and key not in self._absent for key in keys], np.bool_)
        arranged = np.full((len(series), len(NEEDED_COLUMNS)), np.nan)
        for i, key in enumerate(keys):
            row = rows.pop(key, None)
            if row is None:
                row = self._absent.pop(key, None)
            if row is not None:
                arranged[i] = row
        for key, row in rows.items():
            self._absent[key] = row.copy()
        while len(self._absent) > _MAX_ABSENT:
            del self._absent[next(iter(self._absent))]
        self._series, self._newest = series, arranged
        return is_new
