"""Stalls: a busy series that does nothing for seconds is found; idle ones, gaps, starts and exits are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.viewer.findings.detectors import stalls
from tests.support.viewer.made_series import BEGIN, TICKS, busy, cron, grid_of, second_of


def stalled(*starts: int, length: int = 5, seed: int = 1, rest: float = 1.0) -> np.ndarray:
    values = busy(seed)
    for start in starts:
        values[start : start + length] = rest
    return values


def test_a_stall_is_found_with_its_length() -> None:
    grid = grid_of(busy(2), stalled(1300))

    (finding,) = stalls.find(grid)

    assert (finding.kind, finding.row) == ("stall", 1)
    assert second_of(grid, finding.from_ms) == 1300
    assert second_of(grid, finding.to_ms) == 1305
    assert (finding.facts["count"], finding.facts["length_s"]) == (1, 5)
    assert finding.facts["usual"] == pytest.approx(300, rel=0.1)


def test_stalls_again_and_again_are_one_finding_that_is_stronger() -> None:
    grid = grid_of(stalled(1300), stalled(1100, 1160, 1220, 1280))

    once, again = sorted(stalls.find(grid), key=lambda finding: finding.row)

    assert second_of(grid, again.from_ms) == 1100
    assert (again.facts["count"], again.facts["spacing_s"]) == (4, 60)
    assert again.statistic > once.statistic


def test_a_stall_is_found_without_a_time_before_the_range() -> None:
    grid = grid_of(stalled(1300)[BEGIN:], begin=0)

    (finding,) = stalls.find(grid)

    assert second_of(grid, finding.from_ms) == 1300 - BEGIN


@pytest.mark.parametrize(
    "values",
    [
        busy(),
        cron(),
        stalled(1300, rest=np.nan),
        stalled(200, 1300),
        stalled(1300, length=500),
        stalled(1300, rest=200),
        np.where(np.arange(TICKS) > 1305, np.nan, stalled(1300)),
        np.where(np.arange(TICKS) < 1300, np.nan, stalled(1300)),
        np.where(np.arange(TICKS) % 200 < 100, 2.0, busy()),
        np.full(TICKS, np.nan),
    ],
    ids=["noise", "cron", "gap", "also before", "end of work", "dip", "exit", "start", "batch", "no values"],
)
def test_what_is_not_a_stall_is_not_found(values: np.ndarray) -> None:
    assert stalls.find(grid_of(values, busy(2))) == []


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.5, 50))
def test_scaling_changes_neither_finding_nor_time(seed: int, scale: float) -> None:
    values = stalled(1300, 1400, seed=seed)
    (one,), (other,) = (stalls.find(grid_of(made)) for made in (values, scale * values))

    assert (one.from_ms, one.to_ms, one.facts["count"]) == (other.from_ms, other.to_ms, other.facts["count"])
    assert one.statistic == pytest.approx(other.statistic, rel=0.01)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(BEGIN, TICKS - 1), st.integers(1, 60)), max_size=8))
def test_gaps_are_never_stalls(gaps: list[tuple[int, int]]) -> None:
    values = busy()
    for start, length in gaps:
        values[start : start + length] = np.nan

    assert stalls.find(grid_of(values)) == []
