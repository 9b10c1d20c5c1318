"""What changed in a range: what stood out in it, and how the metrics of each series differ from the time before.

What stood out is first, most important first. Others follow that differ from the time before, as ordinary life does,
too: their strength, which is on the same scale, is lower. Without a time before there is only what stood out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fgm.store.samples.series import Series
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.query.analysis.finding_query import FindingQuery, FindingResult
from fgm.viewer.query.comparing.change_ranking import Change, ChangedSeries
from fgm.viewer.query.comparing.change_strength import strength_of
from fgm.viewer.query.comparing.compared_side import workload_key
from fgm.viewer.query.comparing.comparison import Comparison, ComparisonResult


@dataclass(frozen=True, slots=True)
class ChangedWorkload:
    """A series that changed. `strength`: on the scale of findings. `row`: in the comparison; None: it is not there."""

    series: Series
    strength: float
    findings: Sequence[Ranked]
    changes: Sequence[Change]
    score: float
    row: int | None


class ChangeQuery:
    """One search for findings, and after it one comparison. Not thread-safe."""

    def __init__(self, findings: FindingQuery, comparison: Comparison) -> None:
        self.findings, self.comparison = findings, comparison
        self._is_searching = True

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of both, in samples."""
        return self.findings.max_samples + self.comparison.max_samples

    @property
    def progress(self) -> float:
        """The share of the work that is done, from 0 to 1."""
        return (self.findings.progress + self.comparison.progress) / 2

    def step(self) -> bool:
        """Do the next part of the work; return whether there is more. May block."""
        if self._is_searching:
            self._is_searching = self.findings.step()
            return True
        return self.comparison.step()

    def drop(self) -> None:
        """Free the memory. Neither `step` nor `result` may be called afterwards."""
        self.findings.drop()
        self.comparison.drop()

    def result(self, limit: int) -> tuple[list[ChangedWorkload], FindingResult, ComparisonResult]:
        """Return at most `limit` series that changed, the strongest change first. All steps must be done."""
        found, compared = self.findings.result(), self.comparison.result(limit)
        by_workload: dict[str, list[Ranked]] = {}
        for ranked in found.findings:
            by_workload.setdefault(workload_key(found.series[ranked.finding.row]), []).append(ranked)
        changed = {each.row: each for each in compared.changed}
        result = []
        for key, findings in by_workload.items():
            row = compared.rows.get(key)
            change = changed.pop(row, None) if row is not None else None
            result.append(_workload(found.series[findings[0].finding.row], findings, change, row))
        result += [_workload(compared.series[row], [], change, row) for row, change in changed.items()]
        result.sort(key=lambda each: (-max([ranked.score for ranked in each.findings], default=0), -each.strength))
        return result[:limit], found, compared


def _workload(
    series: Series, findings: Sequence[Ranked], change: ChangedSeries | None, row: int | None
) -> ChangedWorkload:
    score = 0.0 if change is None else change.score
    strength = max([strength_of(score), *(ranked.strength for ranked in findings)])
    return ChangedWorkload(series, strength, findings, () if change is None else change.changes, score, row)
