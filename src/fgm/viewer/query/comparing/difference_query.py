"""How two ranges differ: what stood out in one of them only, and how the metrics of each series differ.

The first range is the one to compare with, the second is in question. They may be of two sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fgm.store.samples.series import Series
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.query.analysis.finding_query import FindingQuery, FindingResult
from fgm.viewer.query.comparing.change_ranking import Change
from fgm.viewer.query.comparing.change_strength import strength_of_difference
from fgm.viewer.query.comparing.comparison import Comparison, ComparisonResult
from fgm.viewer.query.comparing.pairing import Pairing

PRESENCE = 0.5
"""Minimum difference of the shares of two ranges in which a series was there, for it to be listed."""
PRESENCE_STRENGTH = 2.0
"""Strength of such a difference alone: that of what one of 100 ordinary quarters of an hour has."""


class Sighting(NamedTuple):
    """A finding, with the name of its side: 0 is the range to compare with, 1 the one in question."""

    side: int
    ranked: Ranked


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the comparison whose two ranges differ.

    `series`: the newest of its series. `strength`: on the scale of findings. `sightings`: what stood out on one side
    only. `counts`: the number of workloads of each side; 0: it is not there. `shares`: of each range, the share in
    which they were there. `row`: None: its series were not compared.
    """

    series: Series
    strength: float
    sightings: Sequence[Sighting]
    changes: Sequence[Change]
    score: float
    row: int | None
    counts: tuple[int, ...]
    shares: tuple[float, ...]


class DifferenceResult(NamedTuple):
    """The differences, the strongest first; what stood out on each side, and the comparison."""

    differences: Sequence[Difference]
    found: tuple[FindingResult, FindingResult]
    compared: ComparisonResult


class DifferenceQuery:
    """Two searches for findings, and after them one comparison. Not thread-safe."""

    def __init__(self, findings: tuple[FindingQuery, FindingQuery], comparison: Comparison, pairing: Pairing) -> None:
        self.findings, self.comparison, self._pairing = findings, comparison, pairing
        self._remaining: list[FindingQuery | Comparison] = [*findings, comparison]
        self._found: list[FindingResult] = []

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of all, in samples."""
        return sum(query.max_samples for query in self.findings) + self.comparison.max_samples

    @property
    def progress(self) -> float:
        """The share of the work that is done, from 0 to 1."""
        return sum(query.progress for query in (*self.findings, self.comparison)) / 3

    def step(self) -> bool:
        """Do the next part of the work; return whether there is more. May block."""
        if self._remaining and not self._remaining[0].step():
            done = self._remaining.pop(0)
            if isinstance(done, FindingQuery):
                self._found.append(done.result())
                done.drop()
        return bool(self._remaining)

    def drop(self) -> None:
        """Free the memory. Neither `step` nor `result` may be called afterwards."""
        for query in (*self.findings, self.comparison):
            query.drop()

    def result(self, limit: int) -> DifferenceResult:
        """Return at most `limit` differences. All steps must be done."""
        first, second = self._found
        compared = self.comparison.result(limit)
        of_row: dict[str, list[Sighting]] = {}
        series_of: dict[str, Series] = {}
        for key, side, ranked, series in _on_one_side(self._pairing, (first, second)):
            of_row.setdefault(key, []).append(Sighting(side, ranked))
            series_of.setdefault(key, series)
        changed = {each.row: each for each in compared.changed}
        keys = {row: key for key, row in compared.rows.items()}
        differences = []
        shares = self._shares(compared)
        present = [row for row, (before, during) in enumerate(shares) if abs(during - before) >= PRESENCE]
        for key in dict.fromkeys([*of_row, *(keys[row] for row in (*changed, *present))]):
            row = compared.rows.get(key)
            change = None if row is None else changed.get(row)
            sightings, score = of_row.get(key, []), 0.0 if change is None else change.score
            least = PRESENCE_STRENGTH if row in present else 0.0
            strength = max([least, strength_of_difference(score), *(each.ranked.strength for each in sightings)])
            series = series_of[key] if row is None else compared.series[row]
            counts = tuple(0 if row is None else len(members.get(row, ())) for members in compared.members)
            changes = () if change is None else change.changes
            share = (0.0, 0.0) if row is None else shares[row]
            differences.append(Difference(series, strength, sightings, changes, score, row, counts, share))
        differences.sort(key=_order)
        return DifferenceResult(differences[:limit], (first, second), compared)

    def _shares(self, compared: ComparisonResult) -> list[tuple[float, ...]]:
        """Return the share of each range in which the series of each row were there, of several the mean."""
        lengths = [max(1, (query.span.to_ms - query.span.from_ms) // query.span.tick_ms) for query in self.findings]
        return [
            tuple(
                min(1.0, ticks[side] / lengths[side] / max(1, len(compared.members[side].get(row, ()))))
                for side in (0, 1)
            )
            for row, ticks in enumerate(compared.ticks)
        ]


def _order(difference: Difference) -> tuple[float, float]:
    return (-max([each.ranked.score for each in difference.sightings], default=0), -difference.strength)


def _on_one_side(
    pairing: Pairing, results: tuple[FindingResult, FindingResult]
) -> list[tuple[str, int, Ranked, Series]]:
    """Return the findings of a kind that the same row does not have on the other side, with row, side and series."""
    listed = []
    for side, result in enumerate(results):
        for ranked in result.findings:
            series = result.series[ranked.finding.row]
            key = pairing.key_of(side, series)
            if key is not None:
                listed.append((key, side, ranked, series))
    seen = [{(key, ranked.finding.kind) for key, of, ranked, _ in listed if of == side} for side in (0, 1)]
    return [each for each in listed[::-1] if (each[0], each[2].finding.kind) not in seen[1 - each[1]]][::-1]
