"""Folding: the form of a beat, since when it beats, and periods to a fraction of a tick."""

import numpy as np
import pytest

from fgm.viewer.findings.statistics.autocorrelation import autocovariance
from fgm.viewer.findings.statistics.folding import beat_of, refined_period


def noise(ticks: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, ticks)


def beating(period: float, begin: int, length: int = 2, height: float = 3.0, ticks: int = 900) -> np.ndarray:
    values = 10 + noise(ticks)
    for start in np.arange(begin, ticks - length, period):
        values[round(start) : round(start) + length] += height
    return values


@pytest.mark.parametrize(("period", "begin"), [(7.4, 400), (12.0, 0), (30.0, 123), (41.7, 300)])
def test_a_beat_has_its_begin_its_levels_and_its_number_though_noise_hides_single_beats(
    period: float, begin: int
) -> None:
    beat = beat_of(beating(period, begin), period)

    assert beat is not None
    assert beat.begin == pytest.approx(begin, abs=2)
    assert beat.count == pytest.approx((900 - begin) / period, rel=0.1)
    assert beat.base == pytest.approx(10, abs=0.5)
    assert beat.peak == pytest.approx(13.5, abs=1)
    assert np.isnan(beat.contrast_before) if begin == 0 else abs(beat.contrast_before) < 0.3


def test_the_period_is_known_to_a_fraction_of_a_tick() -> None:
    covariance = autocovariance(beating(7.4, 0, height=6)[None], 400)[0]

    assert refined_period(covariance, 7) == pytest.approx(7.4, abs=0.05)


def test_missing_values_are_left_out() -> None:
    values = beating(20, 200)
    values[500:560] = np.nan

    beat = beat_of(values, 20)

    assert beat is not None
    assert beat.begin == pytest.approx(200, abs=1)


@pytest.mark.parametrize("values", [np.full(100, np.nan), np.full(100, 5.0)], ids=["no values", "constant"])
def test_nothing_has_no_beat(values: np.ndarray) -> None:
    assert beat_of(values, 10) is None
