"""The newest values of each series, and the step from one tick to the next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.events.columns import CONTROLLERS, LIMITS, NEEDED_COLUMNS, PERIOD, PID_COUNT, POPULATED, QUOTA, Floats
from fgm.store.samples.series import Series

_MAX_ABSENT = 1000
"""Maximum number of absent series whose values are kept, in case they return or a late OOM kill is found."""


class TickStep:
    """One tick, and the newest values before it. Arrays have one row for each series, in the order of `series`.

    `now`: values of the tick, a column for each of NEEDED_COLUMNS. QUOTA is in CPUs, and a limit that is not set is
    infinity. `before`: the newest values before the tick; NaN if there were none. `is_new`: series that no earlier tick
    had. `is_dead`: series whose last process has exited. `gap_ms`: time since the last tick if it is a gap, else 0.

    Shape: `now` and `before` are float64[n, 12]; `late_ms` is float64[n]; `is_new` and `is_dead` are bool[n].
    """

    __slots__ = ("before", "gap_ms", "is_dead", "is_new", "late_ms", "now", "series", "time_ms")

    def __init__(self, time_ms: int, series: tuple[Series, ...], now: Floats, late_ms: Floats) -> None:
        self.time_ms, self.series, self.now, self.late_ms = time_ms, series, now, late_ms
        self.before = now
        self.is_new: NDArray[np.bool_] = np.zeros(len(series), np.bool_)
        self.gap_ms = 0
        populated = now[:, POPULATED]
        # cgroup v1 has no cgroup.events. There, a cgroup without processes is dead.
        self.is_dead = np.where(np.isnan(populated), now[:, PID_COUNT], populated) == 0

    def growth(self, counter: int) -> Floats:
        """Return by how much a counter grew in each series; NaN or negative if unknown. `counter`: its column."""
        return self.now[:, counter] - self.before[:, counter]


class SeriesState:
    """The newest values of each series in the ticks so far."""

    def __init__(self, columns: Sequence[str]) -> None:
        """`columns`: metrics of the ticks' columns, without the first column (`late_ms`).

        A needed metric that is not among them counts as null.
        """
        self._positions = np.array(
            [1 + columns.index(name) if name in columns else -1 for name in NEEDED_COLUMNS], np.intp
        )
        self._series: tuple[Series, ...] = ()
        self._newest: Floats = np.empty((0, len(NEEDED_COLUMNS)))
        self._absent: dict[str, Floats] = {}

    def step_to(self, time_ms: int, series: tuple[Series, ...], rows: Floats) -> TickStep:
        """Return the step to the next tick. Call `take_over` to make its values the newest."""
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
        """Make the values of a step the newest. A null keeps the older value."""
        self._newest = np.where(np.isnan(step.now), self._newest, step.now)

    def values(self, row: Floats) -> Floats:
        """Return the values of NEEDED_COLUMNS from a row of a tick."""
        values: Floats = np.where(self._positions < 0, np.nan, row[self._positions])
        return values

    def current(self, key: str) -> tuple[tuple[Series, ...], Floats | None]:
        """Return all series of the newest tick, and the newest values of the one with `key`; None if there is none.

        The values are a view: changing them changes the state.
        """
        position = next((i for i, series in enumerate(self._series) if series.key == key), None)
        return self._series, None if position is None else self._newest[position]

    def absent(self, key: str) -> Floats | None:
        """Return the last values of a series that is not in the newest tick; None if they are not kept."""
        return self._absent.get(key)

    def _arrange(self, series: tuple[Series, ...]) -> NDArray[np.bool_]:
        """Arrange the newest values in the order of `series`; return which of the series are new."""
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
