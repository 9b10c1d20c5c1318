"""Periods: a beat that is new, or much larger than before: seconds between two beats, phase, and who shares it.

What beats is alike after one period and after two, and different after half of one: the autocovariance says by how
much. The statistic is the logarithm of how many times as high the beat is as anything periodic before the range. A cron
job that ran before the range, too, is ordinary.

Source: autocovariance as in Box, Jenkins and Reinsel, Time Series Analysis, with Bartlett's standard error.
"""

from typing import NamedTuple

import numpy as np

from fgm.viewer.findings.candidates import LEVELS, Candidates, before_of, candidates_of, strongest
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.autocorrelation import (
    MIN_CYCLES,
    MIN_PERIOD_TICKS,
    autocovariance,
    beat_covariance,
    periods,
    standard_errors,
)
from fgm.viewer.findings.statistics.folding import Beat, beat_of, refined_period
from fgm.viewer.findings.statistics.levels import Floats, quantiles
from fgm.viewer.findings.statistics.sliding import sliding_means

NEEDS = LEVELS

MAX_PERIOD_S = 200
"""Maximum time between two beats that is looked for."""
MIN_BEFORE_S = 300
"""Minimum time before the range from which on it is known what is usual."""
MIN_FREE_S = 60
"""Minimum time without the beat from which on it is new in the range, if it is not known what was before."""
MIN_FREE_PERIODS = 4
"""Minimum number of periods without the beat from which on it is new in the range."""
ENOUGH_S = 300
"""Time without the beat in the range from which on it is known well what is usual, without a time before it."""
MAX_CONTRAST_BEFORE = 0.3
"""Maximum share of a beat that may be there before it begins."""
NOISE_SHARE = 0.1
"""Share of the variance that may beat by chance."""
MIN_SIGNIFICANCE = 4.0
"""Minimum autocorrelation at the period, in units of its standard error."""
MIN_STATISTIC = 0.5
"""Minimum statistic of a finding."""
SAME_PERIOD = 0.04
"""Maximum difference between two periods that are the same, as a share."""
SAME_PHASE_S = 1.5
"""Maximum time between beats of two series that share the beat."""
TREND_S = 120
"""Length of the mean that is subtracted, so that slow changes do not count."""


class _Shared(NamedTuple):
    """A finding with the beat that it is about. `phase_s`: time of a beat modulo the period."""

    finding: Finding
    period_s: float
    phase_s: float
    is_new: bool


def find(grid: Grid) -> list[Finding]:
    """Return one finding for each beat; series that beat at the same time with the same period share it."""
    beats = [beat for metric in NEEDS if grid.has(metric) for beat in _in_metric(grid, candidates_of(grid, metric))]
    chosen = {id(finding) for finding in strongest(beat.finding for beat in beats if beat.is_new)}
    found: list[Finding] = []
    taken: set[int] = set()
    for beat in sorted(beats, key=lambda beat: -beat.finding.statistic):
        finding = beat.finding
        if id(finding) not in chosen or finding.row in taken:
            continue
        others = sorted({other.finding.row for other in beats if _is_shared(beat, other)} - {finding.row})
        taken |= {finding.row, *(other.finding.row for other in beats if other.is_new and other.finding.row in others)}
        found.append(_with_others(finding, tuple(others)))
    return found


def _with_others(finding: Finding, others: tuple[int, ...]) -> Finding:
    return Finding(
        finding.kind,
        finding.row,
        finding.metric,
        finding.from_ms,
        finding.to_ms,
        finding.statistic,
        {**finding.facts, "shared_by": len(others)},
        others,
    )


def _is_shared(beat: _Shared, other: _Shared) -> bool:
    period_s = beat.period_s
    if abs(other.period_s - period_s) > SAME_PERIOD * period_s:
        return False
    apart_s = (other.phase_s - beat.phase_s) % period_s
    return min(apart_s, period_s - apart_s) <= max(SAME_PHASE_S, SAME_PERIOD * period_s)


def _in_metric(grid: Grid, candidates: Candidates) -> list[_Shared]:
    values, begin = candidates.values, candidates.begin
    second = 1000 / grid.interval_ms
    ticks = values.shape[1] - begin
    max_lag = min(round(2 * MAX_PERIOD_S * second), 2 * ticks // MIN_CYCLES)
    if len(values) == 0 or max_lag < 16:
        return []
    least = (candidates.floor / 4) ** 2
    view = _smooth(values[:, begin:])
    covariance = autocovariance(_flat(view, round(TREND_S * second)), max_lag)
    may_beat = np.flatnonzero((covariance[:, MIN_PERIOD_TICKS:] > least).any(axis=1))
    candidates, view, covariance = candidates.of(may_beat), view[may_beat], covariance[may_beat]
    values = candidates.values
    period, strength = periods(covariance)
    variance = covariance[:, 0]
    correlation = np.divide(covariance, variance[:, None], out=np.zeros_like(covariance), where=variance[:, None] > 0)
    z = np.take_along_axis(correlation / standard_errors(correlation, ticks), period[:, None], 1)[:, 0]
    is_beat = (period > 0) & (z >= MIN_SIGNIFICANCE) & (strength > least)
    beating = np.flatnonzero(is_beat)
    if not len(beating):
        return []
    found = []
    for at, usual in zip(beating, _usual(values[beating, :begin], max_lag, second).tolist(), strict=True):
        beat = beat_of(values[at, begin:], refined_period(covariance[at], int(period[at])))
        if beat is None:
            continue
        usual_here, sureness = usual, 1.0
        if np.isnan(usual_here):
            free = beat.begin if beat.contrast_before < MAX_CONTRAST_BEFORE else 0
            is_new = free >= max(MIN_FREE_S * second, MIN_FREE_PERIODS * beat.period)
            quiet = view[at, : max(free - 1, 0)]
            quiet = quiet[~np.isnan(quiet)]
            usual_here = NOISE_SHARE * quiet.var() if is_new and len(quiet) else strength[at]
            sureness = min(1.0, len(quiet) / second / ENOUGH_S)
        change = 0.5 * np.log2(strength[at] / max(usual_here, least))
        found.append(_found(grid, candidates, int(at), beat, float(change) * sureness, float(z[at])))
    return found


def _usual(before: Floats, max_lag: int, second: float) -> Floats:
    """Return the part of the variance that beat before the range with any period; NaN if that is not known."""
    if before.shape[1] < max_lag:
        return np.full(len(before), np.nan)
    earlier = autocovariance(_flat(_smooth(before), round(TREND_S * second)), max_lag)
    lags = np.arange(4, max_lag // 2 + 1)
    usual = np.maximum(beat_covariance(earlier, lags).max(axis=1), NOISE_SHARE * earlier[:, 0])
    return np.where(before_of(before, before.shape[1]) >= MIN_BEFORE_S * second, usual, np.nan)


def _smooth(values: Floats) -> Floats:
    """Return the weighted means of each tick and its neighbours: a beat may be between two ticks."""
    padded = np.concatenate([values[:, :1], values, values[:, -1:]], axis=1)
    return np.asarray(0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:], np.float64)


def _flat(values: Floats, width: int) -> Floats:
    """Return the values without slow changes, and without extreme values, of which one would outweigh all others."""
    width = min(width, values.shape[1])
    means = sliding_means(values, width)
    slow = np.concatenate(
        [np.repeat(means[:, :1], width // 2, axis=1), means, np.repeat(means[:, -1:], width - 1 - width // 2, axis=1)],
        axis=1,
    )
    flat = values - slow
    low, high = quantiles(flat, 0.01, 0.99)
    return np.asarray(np.clip(flat, low[:, None], high[:, None]), np.float64)


def _found(  # noqa: PLR0917 - what was computed for all series at once
    grid: Grid, candidates: Candidates, at: int, beat: Beat, statistic: float, z: float
) -> _Shared:
    second = 1000 / grid.interval_ms
    period_s = beat.period / second
    time_ms = grid.time_ms[grid.begin :]
    begun_ms = int(time_ms[beat.begin])
    facts: dict[str, float | str] = {
        "period_s": period_s,
        "beats": beat.count,
        "peak": beat.peak,
        "base": beat.base,
        "length_s": beat.length / second,
        "phase_s": begun_ms / 1000 % period_s,
        "significance_z": z,
    }
    row, ended_ms = int(candidates.rows[at]), int(time_ms[min(beat.end, len(time_ms) - 1)])
    finding = Finding("period", row, candidates.metric, begun_ms, ended_ms, statistic, facts)
    return _Shared(finding, period_s, begun_ms / 1000 % period_s, statistic >= MIN_STATISTIC)
