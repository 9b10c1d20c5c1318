"""Beginnings and ends of throttling."""

from collections.abc import Sequence

import numpy as np
import pytest

from fgm.store.samples.series import Series
from tests.support.event_machine import NODE, POD, T0, A, Machine, Row, alive, brief, run


def throttled(*periods: int) -> list[dict[Series, Row]]:
    """Ticks in which so many periods were throttled."""
    total = np.cumsum(periods).tolist()
    each = [
        alive(throttled=100 + n, waited=n * 50_000, periods=10 * i, quota=20_000, period=100_000, pids=1)
        for i, n in enumerate(total)
    ]
    return [{A: row, POD: {"throttled": 100 + n}} for row, n in zip(each, total, strict=True)]


def test_throttling_begins_once_and_ends_after_a_quiet_time() -> None:
    machine = Machine()
    events = [
        event
        for second, rows in enumerate(throttled(0, 3, 0, 4, 0, 0, 9, *[0] * 29, 1, *[0] * 40))
        for event in machine.tick(second, rows)
    ]

    assert [brief(event) for event in events] == [(1, "throttling_began", "a"), (36, "throttling_ended", "a")]
    assert events[0].what == "throttling began: the CPU limit of 200 millicores ran out in 7 periods within 2 s"
    assert events[1].what == "throttling ended after 35 s: 17 periods throttled, 0.8 s of waiting"
    assert events[1].before == {"began_ms": T0 + 1000, "throttled_periods": 17, "throttled_usec": 850_000}


@pytest.mark.parametrize("periods", [(0, *[1, 0] * 300), (0, *[9, 0, 0, 0, 0] * 120)])
def test_throttling_with_short_breaks_is_one_event(periods: Sequence[int]) -> None:
    assert [kind for _, kind, _ in run(*throttled(*periods))] == ["throttling_began"]


def test_single_throttled_periods_are_not_throttling() -> None:
    assert run(*throttled(0, *[1, 0, 0, 0, 0] * 60)) == []


def test_throttling_ends_with_its_container_and_a_counter_that_starts_over_is_not_throttling() -> None:
    assert run(*throttled(0, 9, 9), {NODE: {}}) == [
        (1, "throttling_began", "a"),
        (2, "throttling_ended", "a"),
        (3, "exit", "a"),
    ]
    assert run(*throttled(0, -90, 2)) == []
