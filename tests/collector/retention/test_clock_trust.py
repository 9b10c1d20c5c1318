"""A clock that was set forward by mistake does not make all data too old at once."""

from fgm.collector.retention.clock_trust import ClockTrust

YEAR_S = 365 * 86_400


def test_data_is_not_removed_by_age_for_an_hour_after_the_start() -> None:
    trust, wall_s = ClockTrust(), 1_800_000_000
    assert not trust.is_trusted(wall_s * 10**9, 100.0)
    assert not trust.is_trusted((wall_s + 3599) * 10**9, 3699.0)
    assert trust.is_trusted((wall_s + 3600) * 10**9, 3700.0)


def test_data_is_not_removed_by_age_for_an_hour_after_the_clock_was_set_forward() -> None:
    trust, wall_s = ClockTrust(), 1_800_000_000
    trust.is_trusted(wall_s * 10**9, 100.0)
    assert trust.is_trusted((wall_s + 7200) * 10**9, 7300.0)
    assert not trust.is_trusted((wall_s + YEAR_S) * 10**9, 7360.0)
    assert not trust.is_trusted((wall_s + YEAR_S + 3599) * 10**9, 10_959.0)
    assert trust.is_trusted((wall_s + YEAR_S + 3600) * 10**9, 10_960.0)


def test_a_clock_that_is_set_back_is_trusted() -> None:
    trust, wall_s = ClockTrust(), 1_800_000_000
    trust.is_trusted(wall_s * 10**9, 100.0)
    assert trust.is_trusted((wall_s - YEAR_S) * 10**9, 3700.0)
