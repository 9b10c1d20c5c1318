"""Quantiles, and level and spread of series with missing values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fgm.viewer.findings.statistics.levels import levels_and_spreads, medians, quantiles

ROWS = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 30)), elements=st.floats(-1e6, 1e6) | st.just(np.nan)
)


@given(ROWS, st.floats(0, 1))
def test_a_quantile_is_that_of_numpy_without_the_missing_values(values: np.ndarray, share: float) -> None:
    (result,) = quantiles(values, share)

    for row, quantile in zip(values, result, strict=True):
        present = row[~np.isnan(row)]
        expected = np.quantile(present, share) if len(present) else np.nan
        np.testing.assert_allclose(quantile, expected, rtol=1e-9, atol=1e-6)


def test_a_series_without_ticks_has_no_level() -> None:
    assert np.isnan(medians(np.empty((2, 0)))).all()


def test_the_spread_of_noise_is_its_standard_deviation_in_spite_of_outliers() -> None:
    values = np.random.default_rng(1).normal(100, 5, (3, 2000)).astype(np.float32)
    values[:, ::20] = 1e9

    level, spread = levels_and_spreads(values)

    np.testing.assert_allclose(level, 100, atol=1)
    np.testing.assert_allclose(spread, 5, rtol=0.15)


@pytest.mark.parametrize("with_nulls", [0, 3, 40])
def test_quantiles_of_many_values_are_those_of_sorted_ones(with_nulls: int) -> None:
    values = np.random.default_rng(2).normal(size=(40, 200))
    for row in range(with_nulls):
        values[row, : row * 5] = np.nan
    shares = (0.01, 0.5, 0.99)

    result = quantiles(values, *shares)

    for share, of_share in zip(shares, result, strict=True):
        np.testing.assert_allclose(of_share, np.nanquantile(values, share, axis=1), rtol=1e-12)
