"""Events for limits that change while a cgroup exists, because of an in-place resize or a manual change."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

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
    """Return an event for each container, pod or other cgroup whose limits changed.

    A resize of a container also changes its pod's limit, and one of a pod the limits that the kubelet copies to its
    containers. Only the one that was resized is reported, if all changed since the last tick.
    """
    before, now = step.before[:, LIMITS], step.now[:, LIMITS]
    changed = (now != before) & ~np.isnan(now) & ~np.isnan(before)
    if not changed.any():
        return []
    events = []
    _drop_consequences(step, changed)
    for i in np.flatnonzero(changed.any(axis=1)).tolist():
        series = step.series[i]
        is_young = step.time_ms - step.first_ms[i] <= SETTLED_MS
        if series.scope not in ("container", "pod", "cgroup") or is_young:
            continue
        limits = [limit for limit, has_changed in zip(LIMITS, changed[i].tolist(), strict=True) if has_changed]
        old = {limit: float(step.before[i, limit]) for limit in limits}
        new = {limit: float(step.now[i, limit]) for limit in limits}
        whose = "the pod's " if series.scope == "pod" else ""
        what = "; ".join(
            f"{whose}{_TITLES[limit]} changed from {_text(limit, old[limit])} to {_text(limit, new[limit])}"
            for limit in limits
        )
        events.append(Event(step.time_ms, "limit_changed", series.key, what, _facts(old), _facts(new)))
    return events


def _drop_consequences(step: TickStep, changed: NDArray[np.bool_]) -> None:
    """Clear the changes that follow from another one.

    Shape: `changed` is bool[series, LIMITS].
    """
    containers: dict[str, list[int]] = {}
    for i in np.flatnonzero(changed.any(axis=1)).tolist():
        if step.series[i].scope == "container" and step.series[i].pod_uid is not None:
            containers.setdefault(str(step.series[i].pod_uid), []).append(i)
    for pod in [i for i, each in enumerate(step.series) if each.scope == "pod" and each.pod_uid in containers]:
        for number, limit in enumerate(LIMITS):
            both = [i for i in containers[str(step.series[pod].pod_uid)] if changed[i, number] and changed[pod, number]]
            copies = [i for i in both if step.now[i, limit] == step.now[pod, limit] and _was_copy(step, i, pod, limit)]
            changed[copies, number] = False
            if len(copies) < len(both):
                changed[pod, number] = False


def _was_copy(step: TickStep, container: int, pod: int, limit: int) -> bool:
    """Return whether a container had the limit of its pod before, too, so that the pod was resized.

    The only container of a pod always has the pod's limit. Then the container counts as resized.
    """
    pod_uid = step.series[pod].pod_uid
    inside = sum(each.scope == "container" and each.pod_uid == pod_uid for each in step.series)
    return inside > 1 and bool(step.before[container, limit] == step.before[pod, limit])


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
