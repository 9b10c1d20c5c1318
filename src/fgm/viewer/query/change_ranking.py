"""What changed: every metric of every container, summed up over two stretches of time, compared and ranked. Pure.

A change counts for more the farther it leaves what was usual before (in units of the noise before it), and the larger
it is beside what the whole node does; so a container that takes two cores more stands before one that takes two
millicores more, however quiet that was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import Shown
from fgm.metrics.rates import Floats

BEFORE, DURING = 0, 1
LEAST_SAMPLES = 5
"""Of a metric in a stretch, for its mean to say something."""
ADDITIVE = frozenset({"millicores", "bytes", "bytes/s", "1/s", "us/s", "1"})
"""Units that add up over containers; in these what is not there uses nothing."""
FULL = {"ratio": 0.2, "%": 20.0, "ms/s": 200.0}
"""In these units so much more or less is as much as matters; in others it is a share of what all have together."""
COMMON = 9.0
"""What all the others show as well points to nobody: it counts for a tenth."""
MOST_EFFECT = 30.0
NOISE_SHARE = 0.05
"""Of a mean: less than that is noise, even of what never moved before."""
LEAST_SCORE = 0.1
"""Less is no change; a full step of what nobody else does is log(1 + 30)."""
MUCH_LESS = 10
"""Who changed so many times less than the first is not worth a look beside it."""
KNOWN = 1.5
"""So many times more a raw counter must have changed to be told before a metric that people know."""
METRICS_A_SERIES = 4
"""So many of its metrics speak for a series."""

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """What is known of each metric of each series in each stretch: float64[series, metrics, 2]."""

    count: Counts
    total: Counts
    squares: Counts
    low: Counts
    high: Counts

    @classmethod
    def of(cls, series: int, metrics: int) -> "Sums":
        """Return sums of nothing yet."""
        shape = (series, metrics, 2)
        count, total, squares = np.zeros((3, *shape))
        return cls(count, total, squares, np.full(shape, np.inf), np.full(shape, -np.inf))

    def add(self, places: Sequence[tuple[int, int]], metric: int, starts: NDArray[np.intp], values: Floats) -> None:
        """Add the values of a metric; segment i, from `starts[i]` on, is of `places[i]`: a series and a stretch."""
        known = ~np.isnan(values)
        if not known.any():
            return
        rows, parts = np.array(places).T
        filled = np.where(known, values, 0.0)
        where = (rows, metric, parts)
        np.add.at(self.count, where, np.add.reduceat(known.astype(np.float64), starts))
        np.add.at(self.total, where, np.add.reduceat(filled, starts))
        np.add.at(self.squares, where, np.add.reduceat(filled * filled, starts))
        np.minimum.at(self.low, where, np.minimum.reduceat(np.where(known, values, np.inf), starts))
        np.maximum.at(self.high, where, np.maximum.reduceat(np.where(known, values, -np.inf), starts))

    def first(self, series: int) -> "Sums":
        """Return the sums of the first so many series."""
        return Sums(
            self.count[:series], self.total[:series], self.squares[:series], self.low[:series], self.high[:series]
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one series. `before` and `during`: means, None where it was not there; `peak`: highest during."""

    metric: Shown
    before: float | None
    during: float | None
    peak: float | None
    score: float


@dataclass(frozen=True, slots=True)
class Changed:
    """One series with what changed most of it, in that order."""

    place: int
    score: float
    changes: tuple[Change, ...]


def ranked(sums: Sums, metrics: Sequence[Shown], most: int) -> list[Changed]:
    """Return the series that changed most, first."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scores, means = _scores(sums, [metric.unit for metric in metrics])
    found = []
    for place in range(len(scores)):
        changes = [
            Change(
                metrics[i],
                _known(means[place, i, BEFORE]),
                _known(means[place, i, DURING]),
                _known(sums.high[place, i, DURING]),
                float(scores[place, i]),
            )
            for i in _distinct(scores[place], metrics)
        ]
        score = sum(change.score for change in changes)
        if score >= LEAST_SCORE:
            found.append(Changed(place, score, tuple(changes)))
    found.sort(key=lambda one: -one.score)
    return [one for one in found[:most] if one.score >= found[0].score / MUCH_LESS]


def _distinct(scores: Floats, metrics: Sequence[Shown]) -> list[int]:
    """Return the metrics that changed most, of those that say the same of one kernel file's value only the first.

    What people know by name goes before raw counters that changed little more.
    """
    chosen: list[int] = []
    said: set[str] = set()
    known = np.array([KNOWN if metric.kind == "derived" else 1.0 for metric in metrics])
    for i in np.argsort(-scores * known, kind="stable").tolist():
        if len(chosen) == METRICS_A_SERIES:
            break
        if scores[i] < LEAST_SCORE / METRICS_A_SERIES:
            continue
        if said.isdisjoint(metrics[i].needs):
            chosen.append(i)
            said.update(metrics[i].needs)
    return chosen


def _scores(sums: Sums, units: Sequence[str]) -> tuple[Floats, Floats]:
    """Return float64[series, metrics], and the means: float64[series, metrics, 2], NaN where there are none."""
    additive = np.array([unit in ADDITIVE for unit in units])[None, :]
    full = np.array([FULL.get(unit, 0.0) for unit in units])[None, :]
    is_there = sums.count >= LEAST_SAMPLES
    means = np.where(is_there, sums.total / sums.count, np.nan)
    noise = np.sqrt(np.maximum(0.0, sums.squares / sums.count - means**2))[:, :, BEFORE]
    level = np.where(np.isnan(means) & additive[:, :, None], 0.0, means)
    before, during = level[:, :, BEFORE], level[:, :, DURING]
    shift = np.abs(during - before)
    usual = np.nan_to_num(noise) + NOISE_SHARE * np.maximum(np.abs(np.nan_to_num(before)), _typical(before))
    low, high = sums.low[:, :, BEFORE], sums.high[:, :, BEFORE]
    width = np.where(is_there[:, :, BEFORE], high - low, 0.0) + usual
    above = np.where(is_there.all(axis=2), sums.high[:, :, DURING] - high, 0.0)
    below = np.where(is_there.all(axis=2), low - sums.low[:, :, DURING], 0.0)
    beyond = np.maximum(0.0, np.maximum(above, below))
    effect = np.minimum(MOST_EFFECT, np.maximum(shift / usual, beyond / width))
    moved = np.maximum(shift, beyond / 2)
    own = np.maximum(np.abs(before), np.abs(during))
    whole = np.where(additive, np.nansum(own, axis=0)[None, :], np.where(full > 0, full, own))
    share = np.where(whole > 0, moved / whole, 0.0)
    scores = np.nan_to_num(np.log1p(effect) * np.sqrt(np.minimum(1.0, share)))
    others = (scores.sum(axis=0) - scores) / max(1, len(scores) - 1)
    scores = np.where(scores > 0, scores * scores / (scores + COMMON * others), 0.0)
    return scores, means


def _typical(before: Floats) -> Floats:
    """Return what is usual of each metric over all series: a hundredth of its mean, so that 0 to 1 is no wonder."""
    counts = np.maximum(1, np.sum(~np.isnan(before), axis=0))
    return np.broadcast_to((np.nansum(np.abs(before), axis=0) / counts / 100)[None, :], before.shape)


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
