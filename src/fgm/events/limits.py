"""Limits that were changed while their cgroup lived: by an in-place resize, or by hand."""

from collections.abc import Mapping

import numpy as np

from fgm.events.watched import LIMITS, MEMORY_MAX, PIDS_MAX, QUOTA, Look
from fgm.events.wording import millicores, plain, size
from fgm.store.events.event import Event, Value

SETTLED_MS = 15_000
"""A runtime makes the cgroup first and limits it then; fgm reads limits every 10 s."""

_NAMES = {QUOTA: "cpu_limit_millicores", MEMORY_MAX: "memory.max", PIDS_MAX: "pids.max"}
_TITLES = {QUOTA: "CPU limit", MEMORY_MAX: "memory limit", PIDS_MAX: "limit of threads"}


def limit_changes(look: Look, born_ms: Mapping[str, int]) -> list[Event]:
    """Return an event for each container and service whose limits are others than before."""
    before, now = look.before[:, LIMITS], look.now[:, LIMITS]
    changed = (now != before) & ~np.isnan(now) & ~np.isnan(before)
    if not changed.any():
        return []
    found = []
    for place in np.flatnonzero(changed.any(axis=1)).tolist():
        series = look.series[place]
        is_young = look.time_ms - born_ms.get(series.key, 0) <= SETTLED_MS
        if series.scope not in ("container", "cgroup") or is_young:
            continue
        places = [limit for limit, is_other in zip(LIMITS, changed[place].tolist(), strict=True) if is_other]
        was = {limit: float(look.before[place, limit]) for limit in places}
        is_now = {limit: float(look.now[place, limit]) for limit in places}
        what = "; ".join(
            f"{_TITLES[limit]} changed from {_word(limit, was[limit])} to {_word(limit, is_now[limit])}"
            for limit in places
        )
        found.append(Event(look.time_ms, "limit_changed", series.key, what, _facts(was), _facts(is_now)))
    return found


def _word(limit: int, value: float) -> str:
    if np.isinf(value):
        return "none"
    if limit == QUOTA:
        return millicores(value)
    return size(value) if limit == MEMORY_MAX else f"{value:.0f}"


def _facts(values: Mapping[int, float]) -> dict[str, Value]:
    return {
        _NAMES[limit]: None if np.isinf(value) else plain(round(1000 * value, 3) if limit == QUOTA else value)
        for limit, value in values.items()
    }
