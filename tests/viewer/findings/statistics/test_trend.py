"""Trends of made series: lines, steps and random walks, with and without noise, outliers and missing values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.viewer.findings.statistics.trend import Trends, decimated, growth, slope_error, trends

TIME = np.arange(40.0)
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


def of(*rows: np.ndarray) -> Trends:
    return trends(TIME[: len(rows[0])], np.array(rows))


@given(slope=NUMBERS, level=NUMBERS)
def test_the_trend_of_a_line_is_the_line(slope: float, level: float) -> None:
    trend = of(level + slope * TIME)

    size = 1e-9 * (abs(slope) * 40 + abs(level)) + 1e-12
    assert trend.slope[0] == pytest.approx(slope, abs=size)
    assert trend.level[0] == pytest.approx(level, abs=40 * size)
    assert trend.slope_low[0] - size <= slope <= trend.slope_high[0] + size


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=30), st.floats(0.1, 100), st.floats(-100, 100))
def test_a_trend_keeps_its_significance_if_values_are_shifted_and_stretched(
    values: list[float], factor: float, shift: float
) -> None:
    series = np.round(np.array(values), 3)
    trend = of(series, -series)
    stretched = of(series * factor)

    assert trend.slope[0] == pytest.approx(-trend.slope[1], abs=1e-9)
    assert trend.z[0] == pytest.approx(-trend.z[1], rel=1e-6)
    assert stretched.slope[0] == pytest.approx(trend.slope[0] * factor, rel=1e-6, abs=1e-6)
    assert of(series + shift).slope[0] == pytest.approx(trend.slope[0], abs=1e-6)


def test_outliers_do_not_change_a_slope() -> None:
    values = 5 + 2 * TIME
    values[[3, 17, 30, 31]] = 1e9

    assert of(values).slope[0] == pytest.approx(2)


def test_missing_values_are_left_out_and_two_values_are_no_trend() -> None:
    gaps, two = 5 + 2 * TIME, np.full(40, np.nan)
    gaps[::3] = np.nan
    two[[4, 9]] = 1.0, 2.0
    trend = of(gaps, two, np.full(40, np.nan))

    assert trend.slope[0] == pytest.approx(2)
    assert trend.z[0] > 4
    assert np.isnan([trend.slope[1:], trend.z[1:], trend.slope_low[1:], trend.slope_high[1:]]).all()


def test_an_interval_contains_the_true_slope_as_often_as_it_says() -> None:
    noise = np.random.default_rng(1).standard_normal((400, 40))
    trend = trends(TIME, 0.1 * TIME + noise)

    contained = (trend.slope_low <= 0.1) & (trend.slope_high >= 0.1)
    assert 0.93 <= contained.mean() <= 0.99
    assert (trend.z > 3).mean() > 0.9


def test_an_interval_is_wider_if_noise_forgets_slowly() -> None:
    noise = np.random.default_rng(5).standard_normal((300, 240))
    for tick in range(1, 240):
        noise[:, tick] += 0.9 * noise[:, tick - 1]
    time = np.arange(240.0)
    rows = [decimated(time, 0.3 * time + row) for row in noise]
    trend = trends(rows[0][0], np.array([points for _, points in rows]))

    contained = (trend.slope_low <= 0.3) & (trend.slope_high >= 0.3)
    assert 0.9 <= contained.mean() <= 0.99


def test_noise_has_no_trend_and_a_random_walk_seldom_has_one() -> None:
    noise = np.random.default_rng(2).standard_normal((1000, 40))

    assert (np.abs(trends(TIME, noise).z) > 2.576).mean() <= 0.02
    assert (np.abs(trends(TIME, noise.cumsum(axis=1)).z) > 2.576).mean() < 0.2
    # Without the correction, two of three random walks would be significant.
    kendall = np.sign(noise.cumsum(axis=1)[:, :, np.newaxis] - noise.cumsum(axis=1)[:, np.newaxis, :])
    score = np.tril(kendall).sum(axis=(1, 2))
    assert (np.abs(score) / np.sqrt(40 * 39 * 85 / 18) > 2.576).mean() > 0.5


@given(
    begin=st.floats(20, 700),
    slope=st.floats(0.01, 1e7),
    level=st.floats(0, 1e10),
    every=st.sampled_from([1, 5, 30]),
)
def test_the_growth_of_a_broken_line_begins_where_it_breaks_also_between_samples(
    begin: float, slope: float, level: float, every: int
) -> None:
    time = np.arange(0.0, 900, every)
    values = level + slope * np.maximum(0, time - begin)
    fitted = growth(time, values)

    if slope * 200 > 1e-6 * level:  # beyond that, float64 has not enough digits
        assert abs(fitted.begin - begin) <= 1 + every / 10
        assert fitted.slope == pytest.approx(slope, rel=0.02)
        assert fitted.at(time) == pytest.approx(values, rel=1e-2, abs=slope * (2 + every / 5))
    assert not fitted.is_whole


def test_a_line_has_no_begin() -> None:
    fitted = growth(TIME, 7 + 3 * TIME)

    assert fitted.is_whole
    assert fitted.slope == pytest.approx(3)


def test_noise_moves_the_begin_of_a_growth_little() -> None:
    time, numbers = np.arange(0.0, 1800, 5), np.random.default_rng(3)
    begins = [
        growth(time, 100 + 0.1 * np.maximum(0, time - 1000) + numbers.standard_normal(len(time))).begin
        for _ in range(50)
    ]

    assert np.abs(np.array(begins) - 1000).mean() < 5


def test_a_slope_is_less_certain_if_the_noise_forgets_slowly() -> None:
    numbers = np.random.default_rng(4)
    white, slow = numbers.standard_normal(300), numbers.standard_normal(300).cumsum()
    time = np.arange(300.0)

    assert slope_error(time, slow / slow.std()) > 3 * slope_error(time, white / white.std())
    assert slope_error(time, np.zeros(300)) == 0
    assert slope_error(time, np.zeros(300), least=1.0) == pytest.approx(1 / np.sqrt(300**3 / 12), rel=0.01)


@given(st.integers(3, 500))
def test_decimated_points_of_a_line_are_on_the_line(count: int) -> None:
    time = np.arange(float(count))
    at, points = decimated(time, 5 + 2 * time)

    assert len(at) == min(count, 40)
    assert points == pytest.approx(5 + 2 * at)


def test_decimated_points_are_medians_of_parts() -> None:
    time = np.arange(1000.0)
    values = 3 * time
    values[::50] = 1e9
    at, of_parts = decimated(time, values, 40)

    assert len(at) == len(of_parts) == 40
    assert of_parts == pytest.approx(3 * at, abs=3)
    assert decimated(TIME, TIME, 40) == (TIME, TIME)
