"""Studies of made series: lines, steps and beats, with noise, and with gaps."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.findings.studies.study import MIN_VALUES, Levels, Period, Trend, study

T0 = 1_764_500_000_000
SECONDS = np.arange(900)
TIME_MS = T0 + 1000 * SECONDS
NOISE = np.random.default_rng(1).standard_normal(900)
Values = NDArray[np.float64]


def trend(values: Values) -> Trend:
    found = study("trend", TIME_MS, values, 1000)
    assert isinstance(found, Trend)
    return found


def levels(values: Values) -> Levels:
    found = study("changepoint", TIME_MS, values, 1000)
    assert isinstance(found, Levels)
    return found


def period(values: Values, time_ms: NDArray[np.int64] = TIME_MS) -> Period:
    found = study("periodicity", time_ms, values, 1000)
    assert isinstance(found, Period)
    return found


def test_a_trend_is_a_line_from_the_first_value_to_the_last() -> None:
    found = trend(100 + 0.5 * SECONDS + NOISE)

    assert found.is_sure
    assert found.slope_low_per_s < 0.5 < found.slope_high_per_s
    assert (found.from_ms, found.to_ms) == (T0, T0 + 899_000)
    assert found.from_value == pytest.approx(100, abs=1)
    assert found.to_value == pytest.approx(100 + 0.5 * 899, abs=1)


def test_a_line_in_whole_numbers_is_sure_though_its_residuals_are_alike() -> None:
    assert trend(np.floor(SECONDS / 30.0)).is_sure


def test_noise_has_no_sure_trend() -> None:
    assert not trend(100 + NOISE).is_sure
    assert not trend(np.full(900, 7.0)).is_sure


def test_levels_are_between_changes() -> None:
    found = levels(np.where(SECONDS < 300, 10.0, np.where(SECONDS < 700, 50.0, 20.0)) + NOISE).levels

    assert [round(level.value) for level in found] == [10, 50, 20]
    assert [level.from_ms for level in found] == pytest.approx([T0, T0 + 300_000, T0 + 700_000], abs=2000)
    assert [level.to_ms for level in found] == [*(level.from_ms for level in found[1:]), T0 + 900_000]


def test_without_a_change_there_is_one_level() -> None:
    (level,) = levels(10 + NOISE).levels

    assert (level.from_ms, level.to_ms) == (T0, T0 + 900_000)


def test_a_period_says_when_the_first_beat_is() -> None:
    beat = np.where((SECONDS - 12) % 30 < 2, 100.0, 0.0) + NOISE
    found = period(beat)
    assert found.period_ms == 30_000
    assert found.first_ms is not None
    assert (found.first_ms - T0 - 12_000) % 30_000 <= 1000


def test_a_metric_that_is_not_read_at_each_tick_has_a_period_too() -> None:
    every_ten, values = TIME_MS[::10], np.where(SECONDS[::10] % 120 < 20, 100.0, 0.0) + NOISE[::10]

    assert period(values, every_ten).period_ms == 120_000


def test_noise_has_no_period() -> None:
    assert period(10 + NOISE) == Period(None, None)
    assert period(np.full(900, 7.0)) == Period(None, None)


@pytest.mark.parametrize("name", STUDIES)
def test_missing_values_are_left_out(name: str) -> None:
    beat = np.where(SECONDS % 30 < 2, 100.0, 0.0) + NOISE
    gaps = beat.copy()
    gaps[100:140] = np.nan
    with_gaps, without = (study(name, TIME_MS, values, 1000) for values in (gaps, beat))  # type: ignore[arg-type]  # a study

    assert type(with_gaps) is type(without)
    if isinstance(with_gaps, Period):
        assert with_gaps.period_ms == 30_000
    few = np.where(SECONDS < MIN_VALUES - 1, beat, np.nan)
    assert study(name, TIME_MS, few, 1000) is None  # type: ignore[arg-type]  # a study
