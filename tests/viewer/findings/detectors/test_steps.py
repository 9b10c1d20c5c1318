"""Steps: a level that changes and stays is found; what returns, grows slowly, or happened before is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.viewer.findings.detectors import steps
from tests.support.viewer.made_series import BEGIN, TICKS, busy, cron, grid_of, second_of

AT = 1300


def stepped(seed: int = 1, factor: float = 2.0, at: int = AT) -> np.ndarray:
    return busy(seed) * np.where(np.arange(TICKS) >= at, factor, 1.0)


@pytest.mark.parametrize("factor", [2.0, 0.4])
def test_a_step_is_found_with_its_levels_and_its_time(factor: float) -> None:
    grid = grid_of(busy(2), stepped(factor=factor), busy(3))

    (finding,) = steps.find(grid)

    assert (finding.kind, finding.row) == ("step", 1)
    assert second_of(grid, finding.from_ms) == pytest.approx(AT, abs=3)
    assert finding.to_ms == grid.time_ms[-1]
    assert finding.facts["before"] == pytest.approx(300, rel=0.1)
    assert finding.facts["after"] == pytest.approx(300 * factor, rel=0.1)


def test_a_step_is_found_without_a_time_before_the_range() -> None:
    grid = grid_of(stepped()[BEGIN:], begin=0)

    (finding,) = steps.find(grid)

    assert second_of(grid, finding.from_ms) == pytest.approx(AT - BEGIN, abs=3)


@pytest.mark.parametrize(
    "values",
    [
        busy(),
        busy() + np.where((np.arange(TICKS) > 1200) & (np.arange(TICKS) < 1260), 500, 0),
        busy() + np.clip(np.arange(TICKS) - 1000, 0, None) * 1.0,
        busy() + np.where(np.arange(TICKS) % 400 < 200, 400, 0),
        cron(),
        np.where(np.arange(TICKS) < 1300, np.nan, busy()),
        np.where(np.arange(TICKS) > 1300, np.nan, busy()),
        np.where(np.arange(TICKS) >= 1780, 3 * busy(), busy()),
        stepped(at=500),
        stepped(factor=1.3),
        np.full(TICKS, np.nan),
    ],
    ids=["noise", "burst", "slope", "batch", "cron", "start", "exit", "at the end", "before", "load", "no values"],
)
def test_what_is_not_a_step_is_not_found(values: np.ndarray) -> None:
    assert steps.find(grid_of(values, busy(2))) == []


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(5, 500))
def test_scaling_changes_neither_the_finding_nor_its_time(seed: int, scale: float) -> None:
    one, other = (steps.find(grid_of(factor * stepped(seed))) for factor in (5.0, scale))

    assert [finding.from_ms for finding in one] == [finding.from_ms for finding in other]
    assert len(one) == 1


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(0, 200))
def test_shifting_changes_neither_the_finding_nor_its_strength(seed: int, shift: float) -> None:
    (one,), (other,) = (steps.find(grid_of(extra + stepped(seed))) for extra in (0.0, shift))

    assert one.from_ms == other.from_ms
    assert one.statistic == pytest.approx(other.statistic, rel=0.01)


def test_a_larger_step_has_a_larger_statistic() -> None:
    statistics = [steps.find(grid_of(stepped(factor=factor)))[0].statistic for factor in (1.7, 2, 4)]

    assert statistics == sorted(statistics)
