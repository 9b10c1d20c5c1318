"""Ticks are multiples of the interval, even if the clocks are set or differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.collector.tick_grid import TickGrid


@given(
    interval_ms=st.integers(100, 60_000),
    wall_ns=st.integers(0, 4_000_000_000_000_000_000),
    monotonic=st.floats(0, 1e7),
    later=st.floats(0, 1e6),
)
def test_a_tick_is_the_last_grid_instant_before_the_sweep(
    interval_ms: int, wall_ns: int, monotonic: float, later: float
) -> None:
    """Invariants: a tick is on the grid, at most one interval ago, and the next one is due one interval later."""
    grid = TickGrid(interval_ms, wall_ns, monotonic)
    now = monotonic + later
    time_ms, due = grid.at(now)

    assert time_ms % interval_ms == 0
    assert -1e-3 <= now - due <= interval_ms / 1000 + 1e-3
    assert grid.at(grid.next_due(now))[0] == time_ms + interval_ms


def test_time_runs_on_when_the_wall_clock_is_set_back_until_the_grid_is_anchored_again() -> None:
    hour_ns = 3600 * 10**9
    grid = TickGrid(1000, 1_000_000 * 10**9, 50.0)
    set_back_ns = 1_000_010 * 10**9 - hour_ns

    assert grid.at(60.0)[0] == 1_000_010_000
    assert grid.step_ms(set_back_ns, 60.0) == pytest.approx(-3_600_000)
    grid.anchor(set_back_ns, 60.0)
    assert grid.at(60.0)[0] == 1_000_010_000 - 3_600_000
    assert grid.step_ms(set_back_ns, 60.0) == 0
