"""Ranks series by how much their metrics changed between two time ranges. Pure.

The score of one metric of one series is the product of two terms, damped by a third:

    score = q^2 / (q + 9 * o)    with  q = ln(1 + effect) * sqrt(share)

    effect   the distance from the usual values of the metric, in multiples of its noise before  (`_effect`)
    share    the change as a share of the total of all series                                    (`_share`)
    o        the mean q of all other series: a change that all series have points to none        (`_damped`)

Example: the only container uses 100 millicores all the time, then 900. Its noise before is 0, so the minimum noise
applies: 5% of the mean, which is 5. Effect: |900 - 100| / 5 = 160, which is limited to 30. Share: 800 / 900. Score:
ln(31) * sqrt(0.889) = 3.24. If it had changed from 1 to 9 millicores, and another container used 900, the effect would
be the same, but the share would be 8 / 909, and the score 0.32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import ShownMetric
from fgm.metrics.metric import ADDITIVE_UNITS
from fgm.metrics.rates import Floats
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.query.comparing.change_sums import BEFORE, DURING, Sums

MIN_SAMPLES = 5
"""Minimum number of samples of a metric in a range; with fewer, the range has no mean."""
FULL_STEP = {"ratio": 0.2, "%": 20.0, "ms/s": 200.0}
"""Change that has the maximum share of 1, by unit. In these units, values of series do not add up to a total."""
COMMON_WEIGHT = 9.0
"""Weight of the mean of all other series. With 9, a change that all series have in common gets a tenth of its score."""
MAX_EFFECT = 30.0
"""Maximum effect of a metric; larger ones are limited to it."""
MIN_NOISE_SHARE = 0.05
"""Minimum noise as a share of the mean; without it, any change of a constant metric would have an infinite effect."""
TYPICAL_SHARE = 100
"""Divisor of the mean of all series; the quotient is the minimum level of a series for its noise.

Without it, a change from 0 to 1 would have an infinite effect.
"""
MIN_SCORE = 0.1
"""Minimum score of a listed series. For comparison: the maximum for one metric is ln(1 + 30) = 3.4."""
MAX_SCORE_RATIO = 10
"""Maximum ratio between the highest score and the score of a listed series."""
DERIVED_WEIGHT = 1.5
"""Factor on the scores of derived metrics when the metrics of a series are ordered: readers know these better."""
METRICS_PER_SERIES = 4
"""Maximum number of listed metrics of a series."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one metric of one series.

    `before`, `during`: mean in each range; None if there are too few samples. `peak_before`, `peak`: highest value in
    each range; None without samples.
    """

    metric: ShownMetric
    before: float | None
    during: float | None
    peak_before: float | None
    peak: float | None
    score: float


@dataclass(frozen=True, slots=True)
class ChangedSeries:
    """One series with its changes, largest first. `row`: its index in the sums. `score`: the sum of their scores."""

    row: int
    score: float
    changes: tuple[Change, ...]


def ranked(
    sums: Sums, metrics: Sequence[ShownMetric], limit: int, *, is_symmetric: bool = False
) -> list[ChangedSeries]:
    """Return the series with the highest scores, at most `limit`. `metrics`: those of the sums, in the same order.

    `is_symmetric`: whether a score is the higher one of the two that a change and the way back have, and 0 for a change
    that is not worth a sentence. What was restless and is quiet now differs as much as the other way round.
    """
    units = [metric.unit for metric in metrics]
    with np.errstate(invalid="ignore", divide="ignore"):
        scores, means = _scores(sums, units)
        if is_symmetric:
            scores = np.maximum(scores, _scores(sums.swapped(), units)[0])
            scores[~_is_worth_a_sentence(sums, means, np.array([floor_of(metric.name) for metric in metrics]))] = 0.0
    changed = []
    for row in range(len(scores)):
        changes = [
            Change(
                metrics[i],
                _finite(means[row, i, BEFORE]),
                _finite(means[row, i, DURING]),
                _finite(sums.high[row, i, BEFORE]),
                _finite(sums.high[row, i, DURING]),
                float(scores[row, i]),
            )
            for i in _distinct(scores[row], metrics)
        ]
        score = sum(change.score for change in changes)
        if score >= MIN_SCORE:
            changed.append(ChangedSeries(row, score, tuple(changes)))
    changed.sort(key=lambda series: -series.score)
    return [series for series in changed[:limit] if series.score >= changed[0].score / MAX_SCORE_RATIO]


def _is_worth_a_sentence(sums: Sums, means: Floats, floors: Floats) -> NDArray[np.bool_]:
    """Return whether two means, or two highest values, are at least the floor of their metric apart.

    Shape: `floors` is float64[metrics]; the result is bool[series, metrics].
    """
    level = np.nan_to_num(means)
    high = np.where(np.isfinite(sums.high), sums.high, 0.0)
    apart = [np.abs(each[:, :, DURING] - each[:, :, BEFORE]) for each in (level, high)]
    return np.asarray(np.maximum(*apart) >= floors)


def _distinct(scores: Floats, metrics: Sequence[ShownMetric]) -> list[int]:
    """Return the indices of the metrics with the highest scores, but only one of those that need the same column."""
    chosen: list[int] = []
    columns: set[str] = set()
    weights = np.array([DERIVED_WEIGHT if metric.kind == "derived" else 1.0 for metric in metrics])
    for i in np.argsort(-scores * weights, kind="stable").tolist():
        if len(chosen) == METRICS_PER_SERIES:
            break
        if scores[i] < MIN_SCORE / METRICS_PER_SERIES:
            continue
        if columns.isdisjoint(metrics[i].needs):
            chosen.append(i)
            columns.update(metrics[i].needs)
    return chosen


def _scores(sums: Sums, units: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the score of each metric of each series, and the means.

    Shape: float64[series, metrics]; float64[series, metrics, 2], NaN without samples.
    """
    means = np.where(sums.count >= MIN_SAMPLES, sums.total / sums.count, np.nan)
    is_additive = np.array([unit in ADDITIVE_UNITS for unit in units])[None, :]
    # In additive units a series that is not there uses nothing. Otherwise its level is unknown: a busy collector did
    # not read the metric, or there was no limit.
    is_absent = sums.count.max(axis=1, keepdims=True) < MIN_SAMPLES
    level = np.where(np.isnan(means) & is_additive[:, :, None] & is_absent, 0.0, means)
    before, during = level[:, :, BEFORE], level[:, :, DURING]
    shift = np.abs(during - before)
    beyond = _beyond(sums)
    effect = _effect(sums, means, before, shift, beyond)
    full_step = np.array([FULL_STEP.get(unit, 0.0) for unit in units])[None, :]
    share = _share(before, during, np.maximum(shift, beyond / 2), is_additive, full_step)
    return _damped(np.nan_to_num(np.log1p(effect) * np.sqrt(np.minimum(1.0, share)))), means


def _beyond(sums: Sums) -> Floats:
    """Return the maximum distance of single samples from the values before: max(0, H - h, l - L).

    h and l are the highest and the lowest value before; H and L are those in the range in question.

    Shape: float64[series, metrics].
    """
    is_in_both = (sums.count >= MIN_SAMPLES).all(axis=2)
    above = np.where(is_in_both, sums.high[:, :, DURING] - sums.high[:, :, BEFORE], 0.0)
    below = np.where(is_in_both, sums.low[:, :, BEFORE] - sums.low[:, :, DURING], 0.0)
    return np.maximum(0.0, np.maximum(above, below))


def _effect(sums: Sums, means: Floats, before: Floats, shift: Floats, beyond: Floats) -> Floats:
    """Return min(30, max(shift / u, beyond / (h - l + u))).

    h and l are the highest and the lowest value before. u is the usual movement: the standard deviation before plus 5%
    of the mean before (or of the typical level, if that is higher).

    Shape: float64[series, metrics].
    """
    noise = np.sqrt(np.maximum(0.0, sums.squares / sums.count - means**2))[:, :, BEFORE]
    usual = np.nan_to_num(noise) + MIN_NOISE_SHARE * np.maximum(np.abs(np.nan_to_num(before)), _typical(before))
    has_before = sums.count[:, :, BEFORE] >= MIN_SAMPLES
    width = np.where(has_before, sums.high[:, :, BEFORE] - sums.low[:, :, BEFORE], 0.0) + usual
    return np.minimum(MAX_EFFECT, np.maximum(shift / usual, beyond / width))


def _typical(before: Floats) -> Floats:
    """Return the typical level of each metric: a hundredth of its mean level over all series.

    Shape: float64[series, metrics], with the same values for all series.
    """
    counts = np.maximum(1, np.sum(~np.isnan(before), axis=0))
    typical = np.nansum(np.abs(before), axis=0) / counts / TYPICAL_SHARE
    return np.broadcast_to(typical[None, :], before.shape)


def _share(before: Floats, during: Floats, moved: Floats, is_additive: Any, full_step: Floats) -> Floats:
    """Return moved / whole.

    In additive units, the whole is the total of all series. In units of FULL_STEP, it is the full step. In other units,
    it is the larger one of the two levels of the series.

    Shape: float64[series, metrics].
    """
    own = np.maximum(np.abs(before), np.abs(during))
    whole = np.where(is_additive, np.nansum(own, axis=0)[None, :], np.where(full_step > 0, full_step, own))
    return np.where(whole > 0, moved / whole, 0.0)


def _damped(scores: Floats) -> Floats:
    """Return q^2 / (q + 9 * o) for each score q. o is the mean score of the same metric over all other series."""
    others = (scores.sum(axis=0) - scores) / max(1, len(scores) - 1)
    return np.where(scores > 0, scores * scores / (scores + COMMON_WEIGHT * others), 0.0)


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
