"""Autocorrelation, its significance, and periods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.viewer.findings.statistics.autocorrelation import (
    autocorrelation,
    autocovariance,
    periodicity,
    periods,
    standard_errors,
)


def noise(ticks: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, ticks)


@given(st.integers(0, 1000), st.integers(0, 30))
def test_the_autocovariance_is_the_mean_product_of_the_pairs_that_are_present(seed: int, missing: int) -> None:
    numbers = np.random.default_rng(seed)
    values = numbers.normal(5, 2, 60)
    values[numbers.integers(0, 60, missing)] = np.nan
    centred = values - np.nanmean(values)

    covariance = autocovariance(values[None], 20)[0]

    for lag in range(21):
        products = centred[lag:] * centred[: 60 - lag]
        assert covariance[lag] == pytest.approx(np.nanmean(products), abs=1e-9)


def test_noise_is_not_significant_and_a_beat_is() -> None:
    beat = noise(900) + 3 * (np.arange(900) % 20 < 3)

    of_noise, of_beat = (autocorrelation(values[None], 200) for values in (noise(900), beat))

    assert np.abs(of_noise / standard_errors(of_noise, 900))[0, 1:].max() < 4.5
    assert (of_beat / standard_errors(of_beat, 900))[0, 20] > 8


def test_the_periodicity_of_a_series_has_a_period_only_if_it_beats() -> None:
    beat = noise(900) + 3 * (np.arange(900) % 20 < 3)
    beat[100:150] = np.nan

    of_beat, of_noise, of_nothing = (periodicity(values) for values in (beat, noise(900), np.full(90, np.nan)))

    assert of_beat.period_ticks == 20
    assert of_beat.correlation[20] > of_beat.bound[20]
    assert 0.2 < of_beat.share < 1
    assert (of_noise.period_ticks, of_nothing.period_ticks) == (None, None)
    assert np.mean(np.abs(of_noise.correlation[1:]) > of_noise.bound[1:]) < 0.03


@pytest.mark.parametrize("period", [4, 7, 10, 30, 60, 97])
def test_the_period_is_found_and_not_its_multiple(period: int) -> None:
    beat = 0.3 * noise(900) + 4 * (np.arange(900) % period < max(1, period // 10))

    found, strength = periods(autocovariance(beat[None], 400))

    assert found[0] == pytest.approx(period, abs=1)
    assert strength[0] > 0.2


@pytest.mark.parametrize("values", [np.arange(900.0), np.cumsum(noise(900)), np.full(900, np.nan), np.zeros(900)])
def test_a_trend_a_walk_and_nothing_have_no_strong_period(values: np.ndarray) -> None:
    covariance = autocovariance(values[None], 400)
    _, strength = periods(covariance)

    assert strength[0] <= 0.1 * covariance[0, 0]
