"""Events for limits that change while a cgroup exists, because of an in-place resize or a manual change."""

from collections.abc import Mapping

import numpy as np

from fgm.events.columns import LIMITS, MEMORY_MAX, PIDS_MAX, QUOTA
from fgm.events.series_state import TickStep
from fgm.events.wording import millicores, plain, size
from fgm.store.events.event import Event, Value

SETTLED_MS = 15_000
"""Maximum age of a cgroup at which changes of its limits are ignored.

A runtime creates the cgroup before it sets the limits, and fgm reads limits only every 10 s. A cgroup that is there at
the very first tick counts as new, because its age is unknown.
"""

_NAMES = {QUOTA: "cpu_limit_millicores", MEMORY_MAX: "memory.max", PIDS_MAX: "pids.max"}
_TITLES = {QUOTA: "CPU limit", MEMORY_MAX: "memory limit", PIDS_MAX: "limit of threads"}


def limit_changes(step: TickStep) -> list[Event]:
    """Return an event for each series of the scope container or cgroup whose limits changed."""
    before, now = step.before[:, LIMITS], step.now[:, LIMITS]
    changed = (now != before) & ~np.isnan(now) & ~np.isnan(before)
    if not changed.any():
        return []
    events = []
    for i in np.flatnonzero(changed.any(axis=1)).tolist():
        series = step.series[i]
        is_young = step.time_ms - step.first_ms[i] <= SETTLED_MS
        if series.scope not in ("container", "cgroup") or is_young:
            continue
        limits = [limit for limit, has_changed in zip(LIMITS, changed[i].tolist(), strict=True) if has_changed]
        old = {limit: float(step.before[i, limit]) for limit in limits}
        new = {limit: float(step.now[i, limit]) for limit in limits}
        what = "; ".join(
            f"{_TITLES[limit]} changed from {_text(limit, old[limit])} to {_text(limit, new[limit])}"
            for limit in limits
        )
        events.append(Event(step.time_ms, "limit_changed", series.key, what, _facts(old), _facts(new)))
    return events


def _text(limit: int, value: float) -> str:
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
