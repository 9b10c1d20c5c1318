"""Ranks what changed: every metric of every series, compared over two stretches of time. Pure.

The score of one metric of one series is the product of two terms, damped by a third:

    score = q^2 / (q + 9 * o)    with  q = ln(1 + effect) * sqrt(share)

    effect   how far the metric left its usual values, in units of its own noise before        (`_effect`)
    share    how much of what all series use together has moved                                (`_share`)
    o        the mean q of all other series: a change that all series show points to none      (`_damped`)

Example: a container uses 100 millicores all the time, then 900; it is the only one. Its noise before is 0, so the least
noise counts, 5 % of the mean: 5. Effect: |900 - 100| / 5 = 160, which counts as 30, the maximum. Share: 800 / 900.
Score: ln(31) * sqrt(0.889) = 3.24. If it had gone from 1 to 9 millicores next to a container that uses 900, the effect
would be the same, but the share 8 / 909, and the score 0.32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgm.metrics.catalogue import ADDITIVE_UNITS
from fgm.metrics.derived import ShownMetric
from fgm.metrics.rates import Floats
from fgm.viewer.query.change_sums import BEFORE, DURING, Sums

MIN_SAMPLES = 5
"""Minimum number of samples of a metric in a stretch for its mean to count."""
FULL_STEP = {"ratio": 0.2, "%": 20.0, "ms/s": 200.0}
"""Step that is as large as matters, by unit: in these units values of several series do not add up to a whole."""
COMMON_WEIGHT = 9.0
"""Weight of what all other series show: a change common to all counts for a tenth."""
MAX_EFFECT = 30.0
"""Maximum effect of a metric."""
MIN_NOISE_SHARE = 0.05
"""Minimum noise as a share of the mean: a metric that never moved before is not infinitely sensitive."""
TYPICAL_SHARE = 100
"""Divisor of the mean of all series that gives the least level of a metric, so that 0 to 1 is not an infinite step."""
MIN_SCORE = 0.1
"""Minimum score of a series to be listed; a full step of one series alone is ln(1 + 30) = 3.4."""
MAX_SCORE_RATIO = 10
"""Maximum ratio of the first score to a listed one."""
DERIVED_WEIGHT = 1.5
"""Weight of derived metrics: a raw counter must have changed this many times more to be listed before one."""
METRICS_PER_SERIES = 4
"""Maximum number of metrics listed for a series."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric of one series. `before`, `during`: means, None without samples; `peak`: the highest value during."""

    metric: ShownMetric
    before: float | None
    during: float | None
    peak: float | None
    score: float


@dataclass(frozen=True, slots=True)
class ChangedSeries:
    """One series with its changes, the largest first. `row`: its index in the sums."""

    row: int
    score: float
    changes: tuple[Change, ...]


def ranked(sums: Sums, metrics: Sequence[ShownMetric], limit: int) -> list[ChangedSeries]:
    """Return the series that changed most, at most `limit`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scores, means = _scores(sums, [metric.unit for metric in metrics])
    changed = []
    for row in range(len(scores)):
        changes = [
            Change(
                metrics[i],
                _finite(means[row, i, BEFORE]),
                _finite(means[row, i, DURING]),
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


def _distinct(scores: Floats, metrics: Sequence[ShownMetric]) -> list[int]:
    """Return the indices of the metrics that changed most; of several that need the same column only the first."""
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
    # In additive units a series without samples uses nothing; in others nothing is known of it.
    level = np.where(np.isnan(means) & is_additive[:, :, None], 0.0, means)
    before, during = level[:, :, BEFORE], level[:, :, DURING]
    shift = np.abs(during - before)
    beyond = _beyond(sums)
    effect = _effect(sums, means, before, shift, beyond)
    full_step = np.array([FULL_STEP.get(unit, 0.0) for unit in units])[None, :]
    share = _share(before, during, np.maximum(shift, beyond / 2), is_additive, full_step)
    return _damped(np.nan_to_num(np.log1p(effect) * np.sqrt(np.minimum(1.0, share)))), means


def _beyond(sums: Sums) -> Floats:
    """Return how far single samples left the range of the time before: max(0, H - h, l - L).

    h and l are the highest and the lowest value before, H and L those during.
    """
    is_in_both = (sums.count >= MIN_SAMPLES).all(axis=2)
    above = np.where(is_in_both, sums.high[:, :, DURING] - sums.high[:, :, BEFORE], 0.0)
    below = np.where(is_in_both, sums.low[:, :, BEFORE] - sums.low[:, :, DURING], 0.0)
    return np.maximum(0.0, np.maximum(above, below))


def _effect(sums: Sums, means: Floats, before: Floats, shift: Floats, beyond: Floats) -> Floats:
    """Return min(30, max(shift / u, beyond / (h - l + u))).

    u, the usual movement, is the standard deviation before, and 5 % of the mean before (at least of a typical level).
    """
    noise = np.sqrt(np.maximum(0.0, sums.squares / sums.count - means**2))[:, :, BEFORE]
    usual = np.nan_to_num(noise) + MIN_NOISE_SHARE * np.maximum(np.abs(np.nan_to_num(before)), _typical(before))
    has_before = sums.count[:, :, BEFORE] >= MIN_SAMPLES
    width = np.where(has_before, sums.high[:, :, BEFORE] - sums.low[:, :, BEFORE], 0.0) + usual
    return np.minimum(MAX_EFFECT, np.maximum(shift / usual, beyond / width))


def _typical(before: Floats) -> Floats:
    """Return a hundredth of the mean level of each metric over all series."""
    counts = np.maximum(1, np.sum(~np.isnan(before), axis=0))
    typical = np.nansum(np.abs(before), axis=0) / counts / TYPICAL_SHARE
    return np.broadcast_to(typical[None, :], before.shape)


def _share(before: Floats, during: Floats, moved: Floats, is_additive: Any, full_step: Floats) -> Floats:
    """Return moved / whole.

    The whole is, in additive units, what all series use together; else the full step of the unit; else the larger of
    the series' own two levels.
    """
    own = np.maximum(np.abs(before), np.abs(during))
    whole = np.where(is_additive, np.nansum(own, axis=0)[None, :], np.where(full_step > 0, full_step, own))
    return np.where(whole > 0, moved / whole, 0.0)


def _damped(scores: Floats) -> Floats:
    """Return q^2 / (q + 9 * o) for each score q, with o the mean score of the same metric of all other series."""
    others = (scores.sum(axis=0) - scores) / max(1, len(scores) - 1)
    return np.where(scores > 0, scores * scores / (scores + COMMON_WEIGHT * others), 0.0)


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
