"""The rows of a grid: which series it has, in which order, and what belongs together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series
from fgm.viewer.contents.series_register import SeriesSnapshot
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan

MAX_CELLS = 800_000
"""Maximum number of series times ticks of a grid: 177 series over an hour and a quarter, or 444 over half an hour."""


class GridRows(NamedTuple):
    """The series of a grid. Fields that are not here: see `Grid`.

    `row_of_pod`: rows of containers that are alone in their pod, by the key of the pod, which has no row of its own:
    what is only recorded of the pod, such as its network, is that of the container. `is_cut`: whether some series have
    no row.
    """

    series: Sequence[Series]
    is_leaf: NDArray[np.bool_]
    pod_of: NDArray[np.int64]
    node: int | None
    row_of_pod: Mapping[str, int]
    is_cut: bool


def rows_of(snapshot: SeriesSnapshot, span: AnalysedSpan) -> GridRows:
    """Return the rows of all leaves in a range, of pods with several of them, and of the node.

    The node is first, then each pod with its containers, then all others. If there are too many, those that were seen
    for the shortest time are left out.
    """
    within = [each for each in snapshot.by_id.values() if snapshot.is_within(each, span.before_ms, span.to_ms)]
    keys = leaf_keys(each.series for each in within)
    leaves = sorted(
        (each for each in within if each.series.key in keys),
        key=lambda each: max(each.first_seen_ms, span.before_ms) - snapshot.last_seen(each),
    )
    pods = {each.series.pod_uid: each.series for each in within if each.series.scope == "pod"}
    room = max(1, MAX_CELLS // max(1, span.ticks)) - 1
    of_pod: dict[str, list[Series]] = {}
    alone = []
    for each in leaves:
        uid = each.series.pod_uid if each.series.scope == "container" else None
        if uid in pods and uid is not None:
            room -= 2 if len(of_pod.get(uid, ())) == 1 else 1  # the pod gets a row, too
            if room >= 0:
                of_pod.setdefault(uid, []).append(each.series)
        else:
            room -= 1
            if room >= 0:
                alone.append(each.series)
    series: list[Series] = [each.series for each in within if each.series.scope == "node"][:1]
    node = 0 if series else None
    pod_of, is_leaf = [-1] * len(series), [False] * len(series)
    row_of_pod: dict[str, int] = {}
    for uid, members in of_pod.items():
        row = len(series)
        if len(members) == 1:
            row_of_pod[pods[uid].key] = row
        else:
            series.append(pods[uid])
            pod_of.append(-1)
            is_leaf.append(False)
        pod_of += [row if len(members) > 1 else -1] * len(members)
        is_leaf += [True] * len(members)
        series += members
    series += alone
    pod_of += [-1] * len(alone)
    is_leaf += [True] * len(alone)
    return GridRows(tuple(series), np.array(is_leaf, np.bool_), np.array(pod_of, np.int64), node, row_of_pod, room < 0)
