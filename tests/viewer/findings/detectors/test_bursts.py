"""Bursts: excesses over what is usual are found with count, length, height and spacing; usual peaks are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.viewer.findings.detectors import bursts
from fgm.viewer.findings.strength import MIN_STRENGTH, strength_of
from tests.support.viewer.made_series import BEGIN, TICKS, busy, cron, grid_of, second_of


def with_bursts(*starts: int, length: int = 8, height: float = 900.0, seed: int = 1) -> np.ndarray:
    values = busy(seed)
    for start in starts:
        values[start : start + length] += height
    return values


def test_a_burst_is_found_with_its_height_and_length() -> None:
    grid = grid_of(busy(2), with_bursts(1300))

    (finding,) = bursts.find(grid)

    assert (finding.kind, finding.row) == ("burst", 1)
    assert second_of(grid, finding.from_ms) == pytest.approx(1300, abs=2)
    assert second_of(grid, finding.to_ms) == pytest.approx(1308, abs=2)
    assert finding.facts["count"] == 1
    assert finding.facts["length_s"] == pytest.approx(8, abs=2)
    assert finding.facts["peak"] == pytest.approx(1250, rel=0.2)
    assert finding.facts["usual"] == pytest.approx(300, rel=0.1)


def test_usual_is_what_was_measured_however_small_it_is() -> None:
    idle = np.full(TICKS, 1.0)
    idle[1300:1308] = 900.0
    (finding,) = bursts.find(grid_of(idle))

    assert finding.facts["usual_high"] == pytest.approx(1.0)


def test_repeated_bursts_are_one_finding_that_is_stronger() -> None:
    grid = grid_of(with_bursts(1300), with_bursts(1100, 1180, 1290, 1350, 1440))

    once, again = sorted(bursts.find(grid), key=lambda finding: finding.row)

    assert second_of(grid, again.from_ms) == pytest.approx(1100, abs=2)
    assert again.facts["count"] == 5
    assert again.facts["spacing_s"] == pytest.approx(85, abs=5)
    assert again.statistic > once.statistic


def test_a_burst_is_found_without_a_time_before_the_range() -> None:
    grid = grid_of(with_bursts(1300, height=2000)[BEGIN:], begin=0)

    (finding,) = bursts.find(grid)

    assert second_of(grid, finding.from_ms) == pytest.approx(1300 - BEGIN, abs=2)


@pytest.mark.parametrize(
    "values",
    [
        busy(),
        cron(),
        with_bursts(200, 1300),
        np.where(np.arange(TICKS) >= 1300, 4 * busy(), busy()),
        np.where(np.arange(TICKS) < 1300, np.nan, np.where(np.arange(TICKS) < 1320, 5 * busy(), busy())),
        np.where((np.arange(TICKS) > 1300) & (np.arange(TICKS) < 1400), np.nan, busy()),
        np.full(TICKS, np.nan),
    ],
    ids=["noise", "cron", "also before", "step", "start", "gap", "no values"],
)
def test_what_is_usual_is_not_found(values: np.ndarray) -> None:
    assert bursts.find(grid_of(values, busy(2))) == []


def test_rare_bursts_of_idle_series_are_usual_on_a_node_that_has_many_of_them() -> None:
    idle = [np.full(TICKS, 2.0) for _ in range(12)]
    idle[0][1300:1308] = 500

    (alone,) = bursts.find(grid_of(*idle))
    for row, start in enumerate((500, 600, 700, 800, 1000, 1500), start=1):
        idle[row][start : start + 8] = 400

    assert strength_of(alone) > 8
    assert max(map(strength_of, bursts.find(grid_of(*idle))), default=0.0) < MIN_STRENGTH


def test_bursts_of_other_series_before_count_less_in_a_short_range() -> None:
    idle = [np.full(TICKS, 2.0) for _ in range(12)]
    idle[0][BEGIN + 20 : BEGIN + 30] = 500
    for row, start in enumerate((100, 220, 340, 500, 620, 740), start=1):
        idle[row][start : start + 8] = 400

    whole, short = bursts.find(grid_of(*idle)), bursts.find(grid_of(*(values[: BEGIN + 45] for values in idle)))

    assert [finding.row for finding in short] == [0]
    assert strength_of(short[0]) > 8
    assert max(map(strength_of, whole), default=0.0) < MIN_STRENGTH


def test_a_burst_is_found_in_half_a_minute() -> None:
    grid = grid_of(with_bursts(BEGIN + 12)[: BEGIN + 30])

    (finding,) = bursts.find(grid)

    assert second_of(grid, finding.from_ms) == pytest.approx(BEGIN + 12, abs=2)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(5, 500), st.floats(0, 5_000))
def test_scaling_and_shifting_changes_neither_finding_nor_time(seed: int, scale: float, shift: float) -> None:
    values = with_bursts(1300, 1400, seed=seed)
    (one,), (other,) = (bursts.find(grid_of(made)) for made in (5 * values, scale * values + shift))

    assert (one.from_ms, one.to_ms, one.facts["count"]) == (other.from_ms, other.to_ms, other.facts["count"])
    assert one.statistic == pytest.approx(other.statistic, rel=0.01)


def test_the_larger_the_burst_the_larger_its_statistic() -> None:
    statistics = [bursts.find(grid_of(with_bursts(1300, height=height)))[0].statistic for height in (400, 800, 3000)]

    assert statistics == sorted(statistics)
