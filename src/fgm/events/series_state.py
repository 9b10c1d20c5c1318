"""The newest values of each series, and the step from one tick to the next."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.events.columns import (
    CONTROLLERS,
    CPU_USAGE,
    LIMITS,
    NEEDED_COLUMNS,
    PERIOD,
    PID_COUNT,
    POPULATED,
    QUOTA,
    Floats,
)
from fgm.store.samples.series import Series

_MAX_ABSENT = 1000
"""Maximum number of absent series whose values are kept, in case they return or a late OOM kill is found."""
_MIN_USAGE_DROP_USEC = 10_000
"""Minimum decrease of a cgroup's CPU time that shows that another cgroup has its name: one period of a 100 Hz timer."""


class TickStep:
    """One tick, and the newest values before it. Arrays have one row for each series, in the order of `series`.

    `now`: values of the tick, a column for each of NEEDED_COLUMNS. QUOTA is in CPUs, and a limit that is not set is
    infinity. `before`: the newest values before the tick; NaN if there were none. `is_new`: series whose cgroup no
    earlier tick had. `replaced`: by key, the last values of the cgroup before, for each series whose cgroup was removed
    and created again since the last tick. `first_ms`: time of the first tick that had the cgroup. `is_dead`: series
    whose last process has exited. `gap_ms`: time since the last tick if it is a gap, else 0.

    Shape: `now` and `before` are float64[n, columns]; `late_ms` is float64[n]; `first_ms` is int64[n]; `is_new` and
    `is_dead` are bool[n].
    """

    __slots__ = ("before", "first_ms", "gap_ms", "is_dead", "is_new", "late_ms", "now", "replaced", "series", "time_ms")

    def __init__(self, time_ms: int, series: tuple[Series, ...], now: Floats, late_ms: Floats) -> None:
        self.time_ms, self.series, self.now, self.late_ms = time_ms, series, now, late_ms
        self.before = now
        self.is_new: NDArray[np.bool_] = np.zeros(len(series), np.bool_)
        self.first_ms: NDArray[np.int64] = np.empty(0, np.int64)
        self.replaced: dict[str, Floats] = {}
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
        self._first_ms: NDArray[np.int64] = np.empty(0, np.int64)
        self._absent: dict[str, tuple[Floats, int]] = {}

    def step_to(
        self,
        time_ms: int,
        series: tuple[Series, ...],
        rows: Floats,
        *,
        opened: Collection[str] = (),
        first_ms: Mapping[str, int] | None = None,
    ) -> TickStep:
        """Return the step to the next tick. Call `take_over` to make its values the newest.

        `opened`: keys of the series whose cgroup was created since the last tick, if that is known; `first_ms`: time of
        an earlier tick that had the cgroup of a new series, by key.
        """
        now = rows[:, self._positions]
        now[:, self._positions < 0] = np.nan
        now[:, QUOTA] /= now[:, PERIOD]
        for limit, controller in zip(LIMITS, CONTROLLERS, strict=True):
            now[np.isnan(now[:, limit]) & ~np.isnan(now[:, controller]), limit] = np.inf
        step = TickStep(time_ms, series, now, rows[:, 0])
        if series is not self._series:
            step.is_new = self._arrange(time_ms, series, first_ms or {})
        self._begin_again(step, opened)
        step.before, step.first_ms = self._newest, self._first_ms
        return step

    def take_over(self, step: TickStep) -> None:
        """Make the values of a step the newest. A null keeps the older value."""
        self._newest = np.where(np.isnan(step.now), self._newest, step.now)

    def shift(self, step_ms: int) -> None:
        """Follow a step of the wall clock, so that the ages of cgroups stay right."""
        self._first_ms += step_ms
        self._absent = {key: (row, first_ms + step_ms) for key, (row, first_ms) in self._absent.items()}

    def values(self, row: Floats) -> Floats:
        """Return the values of NEEDED_COLUMNS from a row of a tick."""
        values: Floats = np.where(self._positions < 0, np.nan, row[self._positions])
        return values

    @property
    def current(self) -> tuple[tuple[Series, ...], Floats]:
        """All series of the newest tick, and their newest values. Changing the values changes the state.

        Shape: the values are float64[series, NEEDED_COLUMNS].
        """
        return self._series, self._newest

    def newest(self, key: str) -> Floats | None:
        """Return the newest values of a series of the newest tick; None if it is not there. They are a view."""
        return next((row for series, row in zip(self._series, self._newest, strict=True) if series.key == key), None)

    def absent(self, key: str) -> Floats | None:
        """Return the last values of a series that is not in the newest tick; None if they are not kept."""
        return self._absent[key][0] if key in self._absent else None

    def _begin_again(self, step: TickStep, opened: Collection[str]) -> None:
        """Forget the values of cgroups that were removed, and created again with the same name.

        If it is not known whether that happened, a decrease of the CPU time shows it.
        """
        dropped = self._newest[:, CPU_USAGE] - step.now[:, CPU_USAGE] >= _MIN_USAGE_DROP_USEC
        if not opened and not dropped.any():
            return
        for position, series in enumerate(step.series):
            if (dropped[position] or series.key in opened) and not step.is_new[position]:
                step.replaced[series.key] = self._newest[position].copy()
                step.is_new[position] = True
                self._newest[position] = np.nan
                self._first_ms[position] = step.time_ms

    def _arrange(self, time_ms: int, series: tuple[Series, ...], first_ms: Mapping[str, int]) -> NDArray[np.bool_]:
        """Arrange the newest values in the order of `series`; return which of the series are new."""
        old = {
            old.key: (row, first)
            for old, row, first in zip(self._series, self._newest, self._first_ms.tolist(), strict=True)
        }
        keys = [new.key for new in series]
        is_new = np.array([key not in old and key not in self._absent for key in keys], np.bool_)
        arranged = np.full((len(series), len(NEEDED_COLUMNS)), np.nan)
        firsts = np.array([first_ms.get(key, time_ms) for key in keys], np.int64)
        for i, key in enumerate(keys):
            kept = old.pop(key, None) or self._absent.pop(key, None)
            if kept is not None:
                arranged[i], firsts[i] = kept
        for key, (row, first) in old.items():
            self._absent[key] = row.copy(), first
        while len(self._absent) > _MAX_ABSENT:
            del self._absent[next(iter(self._absent))]
        self._series, self._newest, self._first_ms = series, arranged, firsts
        return is_new
