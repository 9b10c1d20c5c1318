"""Backing off needs several long sweeps, returning needs a minute of short ones."""

from fgm.collector.sampling.back_off import BACK_OFF_AFTER_TICKS, RETURN_AFTER_TICKS, BackOff


def changes(back_off: BackOff, *sweeps_s: float) -> list[int]:
    return [i for i, sweep_s in enumerate(sweeps_s) if back_off.add(sweep_s)]


def test_a_single_long_sweep_changes_nothing() -> None:
    assert changes(BackOff(1.0), *([0.5, 0.5, 0.01] * 10)) == []


def test_long_sweeps_in_a_row_make_it_back_off() -> None:
    back_off = BackOff(1.0)
    assert changes(back_off, *([0.3] * 10)) == [BACK_OFF_AFTER_TICKS - 1]
    assert back_off.is_on


def test_a_minute_of_short_sweeps_ends_it_and_a_longer_one_restarts_the_minute() -> None:
    back_off = BackOff(1.0)
    changes(back_off, *([0.3] * BACK_OFF_AFTER_TICKS))
    assert changes(back_off, *([0.05] * (RETURN_AFTER_TICKS - 1)), 0.15) == []
    assert changes(back_off, *([0.05] * RETURN_AFTER_TICKS)) == [RETURN_AFTER_TICKS - 1]
    assert not back_off.is_on


def test_the_limits_are_shares_of_the_interval() -> None:
    assert changes(BackOff(5.0), *([0.9] * 10)) == []
