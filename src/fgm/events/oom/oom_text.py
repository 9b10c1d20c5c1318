"""The text of an OOM kill: whose limit it was, how much memory there was, and what others in the same group held.

`memory.events` counts `oom` in the group whose limit was reached, and in those above it, but `oom_kill` in the group of
the victim. So the deepest group whose `oom` grew is the one. If none grew, the node had no memory left.

Source: mem_cgroup_oom() and memcg_memory_event() in mm/memcontrol.c.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fgm.events.columns import MEMORY, MEMORY_DEPTH, MEMORY_MAX, MEMORY_PEAK, OOMS, SMALLEST_MEMORY_MAX, Floats
from fgm.events.groups import depth_of, owner_name, path_at, short_name
from fgm.events.wording import count, in_gap, plain, size
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series

MAX_OTHERS = 2
"""Maximum number of others in the group that the text names."""
MIN_SHARE = 0.05
"""Minimum memory of others that are named, as a share of the limit."""
MIN_RISE = 1.1
"""Minimum growth of memory since the last tick, as a factor, that the text tells."""
NEARLY_FULL = 0.9
"""Minimum use of a limit, as a share, that explains a kill if the counters do not."""
NODE_PATH = ""


@dataclass(frozen=True, slots=True)
class KillEvidence:
    """What was read after a kill. `ooms`: `memory.events.oom` by path, of the victim's cgroup and of those above.

    `peaks`: `memory.peak`, in the same way.
    """

    ooms: Mapping[str, float] = field(default_factory=dict)
    peaks: Mapping[str, float] = field(default_factory=dict)
    ooms_before: Mapping[str, float] = field(default_factory=dict)
    """What `ooms` were before the kill, if a tick has read them since."""

    def plus(self, earlier: "KillEvidence") -> "KillEvidence":
        """Return this together with what was read earlier, when more of the cgroups were there."""
        ooms, peaks = {**earlier.ooms, **self.ooms}, {**earlier.peaks, **self.peaks}
        return KillEvidence(ooms, peaks, {**self.ooms_before, **earlier.ooms_before})


NO_EVIDENCE = KillEvidence()


class Surroundings(NamedTuple):
    """All series, and their newest values before the kill.

    Shape: `before` is float64[series, NEEDED_COLUMNS].
    """

    series: Sequence[Series]
    before: Floats

    def row(self, path: str) -> Floats | None:
        """Return the values of the series with this path; None if it is not recorded."""
        return next((self.before[i] for i, each in enumerate(self.series) if path and each.cgroup == path), None)


class Kill(NamedTuple):
    """A kill. `key`: of the series to which it is reported; `victim`: that series, None if it is unknown.

    `before`: its newest values before the kill, None if unknown; `evidence`: what was read after it. `is_inferred`:
    whether only the node counted it, and the victim is the one that ended then.
    """

    time_ms: int
    key: str
    victim: Series | None
    processes: int
    before: Floats | None
    evidence: KillEvidence
    gap_ms: int = 0
    is_inferred: bool = False


def oom_event(kill: Kill, around: Surroundings) -> Event:
    """Return the event of a kill."""
    group = None if kill.victim is None or kill.before is None else _group(kill, kill.victim, kill.before, around)
    limit = _limit(kill, group, around)
    what = f"OOM kill: {count(kill.processes, 'process', 'processes')} killed"
    after: dict[str, Value] = {"killed": kill.processes}
    is_own = group is None or (kill.victim is not None and group == kill.victim.cgroup)
    if not is_own and group is not None and kill.victim is not None and kill.before is not None:
        after["limit_of"] = group or "node"
        if group == NODE_PATH:
            what += " because the node ran out of memory"
        else:
            what += f" at {owner_name(kill.victim, group, around.series)} limit"
            if limit is not None:
                after["limit_bytes"] = plain(limit)
                what += f" of {size(limit)}" + (", which is also its own" if kill.before[MEMORY_MAX] == limit else "")
    what += in_gap(kill.gap_ms)
    if kill.key == "node":
        has_sums = bool((~np.isnan(around.before[:, OOMS])).any())
        what += ", in no container or service that " + ("is recorded" if has_sums else "was seen to count it")
    elif kill.key.startswith("pod:") and (kill.victim is None or is_own):
        what += ", in no container that was seen to end"
    holder = _unproven_holder(kill) if group is None else None
    before, memory = _memory(kill, around, holder, names_limit=is_own)
    what += memory
    if kill.victim is not None and (holder or (group is not None and not is_own)):
        what += _others(kill.victim, holder or group or NODE_PATH, limit, around)
    if kill.is_inferred:
        what += "; only the node counted it, at the time at which this one ended"
    return Event(kill.time_ms, "oom_kill", kill.key, what, before, after)


def _unproven_holder(kill: Kill) -> str | None:
    """Return the path of the group above the victim that has the smallest limit, if the victim has a limit, too.

    No counter proves which of them was reached, but it was not the victim's own: the group reaches the smaller one, or
    an equal one that the kubelet has copied from it, first.
    """
    if kill.victim is None or kill.before is None or np.isnan(kill.before[MEMORY_DEPTH]):
        return None
    if not np.isfinite(kill.before[MEMORY_MAX]):
        return None
    path = path_at(kill.victim, int(kill.before[MEMORY_DEPTH]))
    return None if path in (NODE_PATH, kill.victim.cgroup) else path


def _memory(kill: Kill, around: Surroundings, holder: str | None, *, names_limit: bool) -> tuple[dict[str, Value], str]:
    """Return the memory of the victim before the kill, and the part of the text about it.

    `holder`: see `_unproven_holder`.
    """
    facts: dict[str, Value] = {}
    if kill.before is None or np.isnan(kill.before[MEMORY]):
        return facts, ""
    held, earlier_peak, peak = float(kill.before[MEMORY]), float(kill.before[MEMORY_PEAK]), _peak(kill)
    facts["memory.current"] = plain(held)
    text = f"; memory before was {size(held)}"
    if peak >= MIN_RISE * held and not peak <= earlier_peak:  # much of it was allocated since the last tick
        facts["memory.peak"] = plain(peak)
        text = f"; memory rose from {size(held)} to {size(peak)}"
    if holder is not None and kill.victim is not None:
        limit = float(kill.before[SMALLEST_MEMORY_MAX])
        text += f" of {owner_name(kill.victim, holder, around.series)} limit of {size(limit)}"
    elif names_limit and np.isfinite(kill.before[MEMORY_MAX]):
        facts["memory.max"] = plain(float(kill.before[MEMORY_MAX]))
        text += f" of a limit of {size(float(kill.before[MEMORY_MAX]))}"
    return facts, text


def _group(kill: Kill, victim: Series, before: Floats, around: Surroundings) -> str | None:
    """Return the path of the group whose limit was reached; an empty text for the node, None if it is unknown."""
    if victim.scope == "node":
        return None  # it was in a cgroup that is not recorded, whose limit is not known
    paths = [path_at(victim, depth) for depth in range(depth_of(victim), 0, -1)]
    grown: dict[str, bool] = {}
    for path in paths:
        row = around.row(path)
        if row is not None and path in kill.evidence.ooms:
            growth = kill.evidence.ooms[path] - np.nan_to_num(kill.evidence.ooms_before.get(path, row[OOMS]))
            grown[path] = growth > 0
    deepest = next((path for path in paths if grown.get(path)), None)
    smallest, depth = float(before[SMALLEST_MEMORY_MAX]), before[MEMORY_DEPTH]
    if deepest is not None and (deepest == paths[0] or paths[0] in grown):
        return deepest
    if np.isnan(depth):  # of an earlier version: the own limit was reached first if it was smaller
        group = None if deepest is None else around.row(deepest)
        return victim.cgroup if group is not None and before[MEMORY_MAX] < group[MEMORY_MAX] else deepest
    owner = path_at(victim, int(depth))
    if owner in (NODE_PATH, victim.cgroup):
        return owner
    if owner in grown and not grown[owner] and paths[0] in grown:
        return NODE_PATH  # all have been read after the kill, and none was at its limit
    row = around.row(owner)
    is_full = row is not None and _highest(row, kill.evidence.peaks.get(owner, np.nan)) >= NEARLY_FULL * smallest
    return owner if deepest is not None or is_full else None


def _peak(kill: Kill) -> float:
    """Return the peak of the victim's cgroup after the kill; NaN if it is unknown."""
    return np.nan if kill.victim is None else kill.evidence.peaks.get(kill.victim.cgroup or "", np.nan)


def _highest(before: Floats, peak: float) -> float:
    """Return the highest memory of a group since the last tick. An earlier peak says nothing about that time."""
    return float(np.fmax(before[MEMORY], np.nan if peak <= before[MEMORY_PEAK] else peak))


def _limit(kill: Kill, group: str | None, around: Surroundings) -> float | None:
    if not group or kill.victim is None or kill.before is None:
        return None
    if not np.isnan(kill.before[MEMORY_DEPTH]) and group == path_at(kill.victim, int(kill.before[MEMORY_DEPTH])):
        return float(kill.before[SMALLEST_MEMORY_MAX])
    row = around.row(group)
    return float(row[MEMORY_MAX]) if row is not None and np.isfinite(row[MEMORY_MAX]) else None


def _others(victim: Series, group: str, limit: float | None, around: Surroundings) -> str:
    """Return the part of the text about the others in the group that held the most memory."""
    below = [i for i, each in enumerate(around.series) if each.scope != "node" and each.key != victim.key]
    inside = [i for i in below if (around.series[i].cgroup or "").startswith(f"{group}/")]
    above = {path for i in inside for path in _above(around.series[i])}
    leaves = [i for i in inside if around.series[i].cgroup not in above and around.before[i, MEMORY] > 0]
    held = {i: float(around.before[i, MEMORY]) for i in leaves}
    largest = sorted(leaves, key=lambda i: -held[i])[:MAX_OTHERS]
    named = [i for i in largest if held[i] >= MIN_SHARE * (limit or sum(held.values()))]
    texts = [f"{short_name(around.series[i], victim)} held {size(held[i])}" for i in named]
    return f"; {' and '.join(texts)}" if texts else ""


def _above(series: Series) -> list[str]:
    return [path_at(series, depth) for depth in range(1, depth_of(series))]
