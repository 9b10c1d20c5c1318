"""Finds the containers in trouble, whose processes are read more often: every two seconds instead of every ten."""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

MAX_IN_TROUBLE = 8
"""Maximum number of series that are read more often; those in the worst trouble come first."""
LASTS_MS = 10_000
"""Time for which trouble lasts after its last sign, so that what follows it is seen closely, too."""
FULL = 0.95
"""Minimum share of its memory limit that a series in trouble uses."""
PRESSURE = 0.2
"""Minimum share of the time in which a task of a series in trouble waited for CPU, memory or I/O."""
LEAD_MILLICORES = 250.0
"""Minimum CPU of the series that uses most of the node's CPU for it to be read more often."""

Floats = NDArray[np.float64]

_EVENTS = ("memory.events.max", "memory.events.high", "memory.events.oom", "memory.events.oom_kill")
_WAITED = ("cpu.pressure.some.total", "memory.pressure.some.total", "io.pressure.some.total")
_LIMITS = ("memory.max", "memory.high", "effective_memory_max")
_OTHERS = ("cpu.stat.nr_throttled", "cpu.stat.usage_usec", "memory.current")
_NEEDED = tuple(name for name in (*_EVENTS, *_WAITED, *_LIMITS, *_OTHERS) if name in COLUMNS)
_IN_ROWS = [1 + COLUMNS.index(name) for name in _NEEDED]
_THROTTLED, _USAGE, _MEMORY = (_NEEDED.index(name) for name in _OTHERS)


class Trouble:
    """Compares each tick with the one before it. Used by one thread at a time."""

    def __init__(self) -> None:
        self._before: tuple[int, tuple[Series, ...], Floats] | None = None
        self._until_ms: dict[str, int] = {}

    def update(self, tick: Tick, listed: Container[str]) -> set[str]:
        """Return the keys of the series that are in trouble now. `listed`: keys of the series that have processes."""
        rows = tick.rows[:, _IN_ROWS]
        before, self._before = self._before, (tick.time_ms, tick.series, rows)
        if before is not None and tick.time_ms > before[0]:
            earlier = _aligned(before[1], before[2], tick.series)
            for key in _keys(tick.series, rows, rows - earlier, tick.time_ms - before[0], listed):
                self._until_ms[key] = tick.time_ms + LASTS_MS
        self._until_ms = {
            key: until for key, until in self._until_ms.items() if tick.time_ms <= until <= tick.time_ms + LASTS_MS
        }
        return set(sorted(self._until_ms, key=lambda key: -self._until_ms[key])[:MAX_IN_TROUBLE])


def _aligned(series: tuple[Series, ...], rows: Floats, now: tuple[Series, ...]) -> Floats:
    """Return the rows of `series` in the order of the series of `now`; NaN for those that were not there."""
    if series is now:
        return rows
    position = {each.key: i for i, each in enumerate(series)}
    nothing = np.full((1, rows.shape[1]), np.nan)
    return np.concatenate([rows, nothing])[[position.get(each.key, -1) for each in now]]


def _positions(names: Sequence[str]) -> list[int]:
    return [_NEEDED.index(name) for name in names if name in _NEEDED]


def _keys(series: Sequence[Series], rows: Floats, growth: Floats, passed_ms: int, listed: Container[str]) -> list[str]:
    """Return the keys of the series with processes that show a sign of trouble, or whose pod does, the worst first."""
    with np.errstate(invalid="ignore"):
        limit = np.fmin.reduce(rows[:, _positions(_LIMITS)], axis=1)
        is_full = rows[:, _MEMORY] >= FULL * limit
        hits = (growth[:, _positions(_EVENTS)] > 0).any(axis=1)
        throttled = growth[:, _THROTTLED] > 0
        waits = (growth[:, _positions(_WAITED)] > PRESSURE * 1000 * passed_ms).any(axis=1)
    worst = 4 * hits + 3 * is_full + 2 * throttled + 1 * waits
    usage = np.nan_to_num(growth[:, _USAGE])
    is_listed = np.array([each.scope != "pod" and each.key in listed for each in series], np.bool_)
    if is_listed.any():
        leader = int(np.where(is_listed, usage, -1.0).argmax())
        worst[leader] += usage[leader] >= LEAD_MILLICORES * passed_ms
    if not worst.any():
        return []
    of_pod = {each.pod_uid: worst[i] for i, each in enumerate(series) if each.scope == "pod" and worst[i]}
    scores = {
        each.key: max(worst[i], of_pod.get(each.pod_uid, 0))
        for i, each in enumerate(series)
        if each.key in listed and each.scope != "node"
    }
    return sorted((key for key, score in scores.items() if score), key=lambda key: -scores[key])[:MAX_IN_TROUBLE]
