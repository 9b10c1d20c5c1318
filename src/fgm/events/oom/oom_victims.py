"""The series to report for OOM kills that a cgroup has counted, but none below it."""

from collections.abc import Mapping, Sequence

import numpy as np

from fgm.events.columns import MEMORY, MEMORY_DEPTH, MEMORY_MAX, OOMS, Floats
from fgm.events.groups import parents_of
from fgm.events.lives import Exited, Lives
from fgm.events.oom.oom_counts import OomCounts
from fgm.events.series_state import SeriesState, TickStep


def victim_of(position: int, step: TickStep, lives: Lives, state: SeriesState) -> str:
    """Return the key of the series to report for kills that a series counted, but no cgroup below it.

    For a pod or a slice, it is the container or service in it with the most memory among those that exited recently:
    its own counter was removed with its cgroup, as when systemd restarts a service. For the node, it must have a limit,
    and be in no cgroup that would have counted the kill; in a gap, too much may have ended for that.
    """
    series = step.series[position]
    if series.scope not in {"pod", "cgroup", "node"} or (series.scope == "node" and step.gap_ms):
        return series.key

    def may_be(exited: Exited) -> bool:
        above = parents_of((*step.series, exited.series))[-1]
        if series.scope == "node":
            return _only_node_counts(above, step) and _is_limited(_lost(exited.series.key, step, state))
        return above == position

    inside = [[each for each in at_tick if may_be(each)] for at_tick in (lives.exited_now, lives.exited_before)]
    candidates: list[Exited] = inside[0] or inside[1]
    return max(candidates, key=lambda exited: exited.memory).series.key if candidates else series.key


def first_killed(position: int, step: TickStep, parents: Sequence[int | None], kills: Mapping[str, OomCounts]) -> str:
    """Return the key of the series whose process a parent's group kill began with: the one with the most memory.

    A group kill is counted by the parent that is the group, and its kills by the containers in it.
    """

    def is_inside(child: int) -> bool:
        above = parents[child]
        return above is not None and (above == position or is_inside(above))

    inside = [i for i, series in enumerate(step.series) if series.key in kills and is_inside(i)]
    largest = max(inside, key=lambda i: float(np.nan_to_num(step.before[i, MEMORY])), default=position)
    return step.series[largest].key


def _only_node_counts(above: int | None, step: TickStep) -> bool:
    """Return whether the cgroup above another one does not count its kills, as on v1, where `oom` is null, too."""
    if above is None or step.series[above].scope == "node":
        return True
    return bool(np.isnan(step.now[above, OOMS]) and np.isnan(step.before[above, OOMS]))


def _lost(key: str, step: TickStep, state: SeriesState) -> Floats | None:
    """Return the last values of a series whose cgroup was removed; None if it is still there, or if nothing is kept."""
    if key in step.replaced:
        return step.replaced[key]
    return None if any(each.key == key for each in step.series) else state.absent(key)


def _is_limited(values: Floats | None) -> bool:
    """Return whether a cgroup had a limit of memory below that of the node, its own or one further up."""
    return values is not None and bool(np.isfinite(values[MEMORY_MAX]) or values[MEMORY_DEPTH] > 0)
