"""The row of what is outside of the recorded leaves: what the node uses minus what they use, so that rows add up.

It contains kernel threads, processes in cgroups that are not recorded, cgroups that came and went between two ticks,
page cache and kernel memory that no cgroup is charged for, and whatever the cgroups above the leaves use on their own.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import columns_of
from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series

_CPU = ("cpu.stat.usage_usec", "cpu.stat.user_usec", "cpu.stat.system_usec")
_IO = ("io.stat.rbytes", "io.stat.wbytes", "io.stat.rios", "io.stat.wios")
_MEMORY = tuple(
    name
    for name in COLUMNS
    if name in {"memory.current", "memory.swap.current"}
    or (name.startswith("memory.stat.") and BY_NAME[name].kind == "gauge")
)
_COUNTERS = columns_of((*_CPU, *_IO))
_GAUGES = columns_of(("pids.current", *_MEMORY))
# If a leaf has a value in the first column of a group, but not in another one, that one cannot be subtracted. Without
# a value in the first, the leaf has not the controller: what its processes use is counted by a cgroup above it.
_FIRST_OF_COUNTER = np.array([0] * len(_CPU) + [len(_CPU)] * len(_IO))
_FIRST_OF_GAUGE = np.array([0] + [1 + _MEMORY.index("memory.current")] * len(_MEMORY))

MAX_FAILED_TICKS = 5
"""Maximum number of ticks for which a leaf without a value makes the row null. Then its controller was switched off."""

Rows = NDArray[np.float64]


class Outside:
    """Adds the row to each tick. Used by one thread at a time.

    Counters add up differences of two ticks, because a sum of leaves falls when one of them ends. They begin at 0.
    """

    def __init__(self, node_name: str) -> None:
        self._outside = Series("outside", node_name=node_name)
        self._series: tuple[Series, ...] = ()
        self._with_outside: tuple[Series, ...] = ()
        self._leaves = np.empty(0, np.intp)
        self._last: Rows = np.empty((0, len(_COUNTERS)))
        self._had: Rows = np.empty((0, len(_GAUGES)))
        self._failed: Rows = np.empty((0, len(_COUNTERS)))
        self._totals: Rows = np.zeros(len(_COUNTERS))
        self._highest: Rows = np.zeros(len(_COUNTERS))

    def add_to(
        self, rows: Rows, series: tuple[Series, ...], opened: Collection[str]
    ) -> tuple[Rows, tuple[Series, ...]]:
        """Return the rows and series of a tick with the row of what is outside. The node must be the first row.

        `opened`: keys of the series whose cgroup was created since the tick before, so that its counters began at 0.
        """
        if series is not self._series:
            self._arrange(series)
        if opened:
            new = [i for i, each in enumerate(series) if each.key in opened]
            self._last[new] = np.where(np.isnan(rows[new][:, _COUNTERS]), np.nan, 0.0)
        row = np.full((1, rows.shape[1]), np.nan)
        row[0, 0] = rows[0, 0]
        row[0, _COUNTERS] = self._counters(rows[:, _COUNTERS])
        row[0, _GAUGES] = self._gauges(rows[:, _GAUGES])
        return np.concatenate([rows, row]), self._with_outside

    def _arrange(self, series: tuple[Series, ...]) -> None:
        """Arrange what is known of the last tick in the order of `series`."""
        before = {each.key: i for i, each in enumerate(self._series)}
        known = np.array([before.get(each.key, -1) for each in series], np.intp)
        old, kept = known[known >= 0], known >= 0
        last, had, failed = self._last[old], self._had[old], self._failed[old]
        self._last = np.full((len(series), len(_COUNTERS)), np.nan)
        self._had = np.zeros((len(series), len(_GAUGES)))
        self._failed = np.zeros((len(series), len(_COUNTERS)))
        self._last[kept], self._had[kept], self._failed[kept] = last, had, failed
        leaves = leaf_keys(series)
        self._leaves = np.array([i for i, each in enumerate(series) if each.key in leaves], np.intp)
        self._series, self._with_outside = series, (*series, self._outside)

    def _counters(self, now: Rows) -> Rows:
        is_null = np.isnan(now)
        self._failed = np.where(is_null, self._failed + 1, 0)
        last = np.where(self._failed > MAX_FAILED_TICKS, np.nan, self._last)
        growth = np.maximum(now - last, 0.0)
        of_leaves, null, known = growth[self._leaves], is_null[self._leaves], ~np.isnan(last[self._leaves])
        cannot = np.isnan(now[0]) | (null & (known | ~null[:, _FIRST_OF_COUNTER])).any(axis=0)
        difference = growth[0] - np.where(np.isnan(of_leaves), 0.0, of_leaves).sum(axis=0)
        is_first = np.isnan(last[0])
        self._totals += np.where(cannot | is_first, 0.0, difference)
        self._highest = np.maximum(self._highest, self._totals)
        # A column that is null continues from the last tick at which it was not.
        self._last = np.where(is_null | (cannot & ~is_first), last, now)
        return np.where(cannot, np.nan, self._highest)

    def _gauges(self, now: Rows) -> Rows:
        of_leaves = now[self._leaves]
        null = np.isnan(of_leaves)
        self._had = np.where(np.isnan(now), self._had - 1, MAX_FAILED_TICKS + 1)  # ticks for which a null is a failure
        cannot = (null & ((self._had[self._leaves] > 0) | ~null[:, _FIRST_OF_GAUGE])).any(axis=0)
        difference = np.maximum(now[0] - np.where(null, 0.0, of_leaves).sum(axis=0), 0.0)
        return np.where(cannot, np.nan, difference)
