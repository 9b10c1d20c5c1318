"""Ranking: findings of one cause become one, weak ones are left out, and the strongest with the largest share is first.

    score = strength * (1 + sqrt(share)) / 2

`share` is the part of what the node has that the culprit moved. For what failed it is 1: a container that is killed
counts fully, however small it is.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fgm.metrics.metric import has_share
from fgm.metrics.shown import SHOWN
from fgm.store.samples.series import workload_of
from fgm.viewer.findings.finding import Finding, Kind
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.strength import MIN_STRENGTH, strength_of

MOST_SPECIFIC_FIRST: tuple[Kind, ...] = (
    *("oom_kill", "restarts", "leak", "neighbour", "paging", "limit"),
    *("throttling", "stall", "period", "burst", "step", "doubtful"),
)
"""The kinds; of several findings with one cause, that of the first of these kinds is reported."""
FAILURES: frozenset[Kind] = frozenset({"oom_kill", "restarts"})
"""Kinds of findings about containers that have failed."""
OF_A_PART: frozenset[Kind] = frozenset({"step", "burst", "stall", "period"})
"""Kinds that a pod with several containers shows only because one of them does: its network is that of all of them."""
SAME_CAUSE_MS = 10_000
"""Maximum time between two findings of one series that may have one cause."""
WAKE_MS = 30_000
"""Maximum time between beginnings, and between ends, for a finding to be in the wake of one that takes a resource."""
MAX_RUN_UP_MS = 60_000
"""Maximum time from the end of a finding to the beginning of a more specific one of which it is the run-up."""


class Ranked(NamedTuple):
    """A finding with its strength, and its share of what the node has, from 0 to 1.

    `evidence`: findings of the same cause that it stands for. `workload`: what the successive containers of a workload
    share; empty if they have no names.
    """

    finding: Finding
    strength: float
    share: float
    evidence: tuple[Finding, ...] = ()
    workload: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """The value by which findings are ranked."""
        share = 1.0 if self.finding.kind in FAILURES else self.share
        return self.strength * (1 + math.sqrt(share)) / 2


def with_strength(findings: Sequence[Finding], grid: Grid) -> list[Ranked]:
    """Return findings with strength and share, without those that ordinary stretches have, too."""
    ranked = ((finding, strength_of(finding)) for finding in findings)
    strong = [(finding, strength) for finding, strength in ranked if strength >= MIN_STRENGTH]
    return [
        Ranked(finding, strength, share_of(finding, grid), workload=workload_of(grid.series[finding.row]) or ())
        for finding, strength in strong
        if finding.kind not in OF_A_PART or not any(_is_of_part(other, finding, grid) for other, _ in strong)
    ]


def _is_of_part(finding: Finding, of_pod: Finding, grid: Grid) -> bool:
    """Return whether a finding of a pod is seen in one of its containers, too: then it is the container's."""
    return grid.pod_of[finding.row] == of_pod.row and _have_one_cause(finding, of_pod)


def share_of(finding: Finding, grid: Grid) -> float:
    """Return which part of the node's value of its metric a finding's series had while it lasted; 0 if unknown."""
    shown = SHOWN.get(finding.metric)
    if shown is None or not has_share(shown.name, shown.unit) or not grid.has(finding.metric):
        return 0.0
    first, end = np.searchsorted(grid.time_ms, (finding.from_ms, finding.to_ms + 1)).tolist()
    values = grid.value(finding.metric)[:, first : max(end, first + 1)]
    rows = [grid.node] if grid.node is not None else np.flatnonzero(grid.is_leaf)
    own, whole = np.nansum(values[finding.row]), np.nansum(values[rows])
    return float(min(1.0, own / whole)) if whole > 0 else 0.0


def ranked(findings: Sequence[Ranked]) -> list[Ranked]:
    """Return one finding for each cause, the most important first."""
    merged = _without_victims(_merged(findings))
    return sorted(merged, key=lambda each: (-each.score, -each.share, each.finding.from_ms, each.finding.row))


def _merged(findings: Sequence[Ranked]) -> list[Ranked]:
    """Merge the findings of each series that overlap. A container that follows another one counts as the same."""
    by_series: dict[tuple[str, ...] | int, list[Ranked]] = {}
    for each in findings:
        by_series.setdefault(each.workload or each.finding.row, []).append(each)
    result = []
    for of_series in by_series.values():
        of_series.sort(key=lambda each: (MOST_SPECIFIC_FIRST.index(each.finding.kind), -each.strength))
        causes: list[Ranked] = []
        for each in of_series:
            cause = next((i for i, other in enumerate(causes) if _have_one_cause(other.finding, each.finding)), None)
            if cause is None:
                causes.append(each)
            else:
                causes[cause] = _joined(causes[cause], each)
        result += causes
    return result


def _have_one_cause(specific: Finding, other: Finding) -> bool:
    if "doubtful" in (specific.kind, other.kind):
        return specific.kind == other.kind and specific.facts.get("cause") == other.facts.get("cause")
    return specific.from_ms - MAX_RUN_UP_MS <= other.to_ms and other.from_ms <= specific.to_ms + SAME_CAUSE_MS


def _joined(specific: Ranked, other: Ranked) -> Ranked:
    return specific._replace(
        strength=max(specific.strength, other.strength),
        share=max(specific.share, other.share),
        evidence=(*specific.evidence, other.finding, *other.evidence),
    )


def _without_victims(findings: Sequence[Ranked]) -> list[Ranked]:
    """Take the findings of victims into those of the neighbour that may hurt them."""
    neighbours: list[Ranked] = []
    for each in sorted(findings, key=lambda each: (-each.strength, -each.finding.statistic)):
        # Two that name each other as victims: the one with the stronger evidence is the cause.
        if each.finding.kind == "neighbour" and not any(_is_victim(each.finding, one.finding) for one in neighbours):
            neighbours.append(each)
    result = []
    for each in findings:
        culprit = next((cause for cause in neighbours if _is_victim(each.finding, cause.finding)), None)
        if culprit is None:
            result.append(each)
    return result


def _is_victim(finding: Finding, culprit: Finding) -> bool:
    """Return whether a finding is an effect on a series that waited, or one that began and ended with the cause.

    A burst may end before the cause does: memory that is taken from a container is written to swap within seconds.
    """
    is_effect = finding.kind in ("neighbour", "stall", "step", "burst", "throttling", "period", "paging")
    if not is_effect or finding.row == culprit.row:
        return False
    began_with = 0 <= finding.from_ms - culprit.from_ms <= WAKE_MS
    late_ms = finding.to_ms - culprit.to_ms
    if began_with and late_ms <= WAKE_MS and (late_ms >= -WAKE_MS or finding.kind == "burst"):
        return True
    overlaps = finding.from_ms <= culprit.to_ms and culprit.from_ms - SAME_CAUSE_MS <= finding.to_ms
    return finding.row in culprit.others and overlaps
