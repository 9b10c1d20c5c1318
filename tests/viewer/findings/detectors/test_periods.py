"""Periods: a new or larger beat is found with its period, its begin and those who share it; an old one is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.viewer.findings.detectors import periods
from tests.support.viewer.made_series import BEGIN, TICKS, busy, cron, grid_of, second_of


def beating(period_s: float, start: int = 1100, length: int = 2, height: float = 500.0, seed: int = 1) -> np.ndarray:
    values = busy(seed)
    for begin in np.arange(start, TICKS - length, period_s):
        values[round(begin) : round(begin) + length] += height
    return values


@pytest.mark.parametrize("period_s", [7, 12.5, 30, 60])
def test_a_new_beat_is_found_with_its_period_and_begin(period_s: float) -> None:
    grid = grid_of(busy(2), beating(period_s))

    (finding,) = periods.find(grid)

    assert (finding.kind, finding.row) == ("period", 1)
    assert finding.facts["period_s"] == pytest.approx(period_s, rel=0.03)
    assert second_of(grid, finding.from_ms) == pytest.approx(1100, abs=3)
    assert finding.facts["beats"] == pytest.approx(700 / period_s, rel=0.1)


def test_series_that_beat_together_are_one_finding() -> None:
    grid = grid_of(busy(2), beating(30, seed=3), beating(30, seed=4, height=900), beating(30, start=1114, seed=5))

    findings = periods.find(grid)

    assert {(finding.row, finding.others) for finding in findings} == {(2, (1,)), (3, ())}


def test_a_beat_that_is_much_larger_than_before_is_found() -> None:
    values = cron(height=100.0) + busy(deviation=0.1, level=100)
    values[BEGIN:] += np.where(np.arange(TICKS - BEGIN) % 60 < 4, 900, 0)

    (finding,) = periods.find(grid_of(values))

    assert finding.facts["period_s"] == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    "values",
    [
        busy(),
        cron(),
        busy() + cron(),
        busy() + np.where(np.arange(TICKS) >= 1300, 400, 0),
        np.cumsum(np.random.default_rng(1).normal(0, 20, TICKS)) + 5000,
        np.where(np.arange(TICKS) < 1300, np.nan, busy()),
        np.full(TICKS, np.nan),
    ],
    ids=["noise", "cron", "busy cron", "step", "walk", "start", "no values"],
)
def test_what_does_not_beat_or_beat_before_is_not_found(values: np.ndarray) -> None:
    assert periods.find(grid_of(values, busy(2))) == []


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(5, 500), st.floats(0, 5_000))
def test_scaling_and_shifting_changes_neither_finding_nor_time(seed: int, scale: float, shift: float) -> None:
    values = beating(20, seed=seed)
    (one,), (other,) = (periods.find(grid_of(made)) for made in (5 * values, scale * values + shift))

    assert (one.from_ms, one.facts["beats"]) == (other.from_ms, other.facts["beats"])
    assert one.statistic == pytest.approx(other.statistic, rel=0.02)
