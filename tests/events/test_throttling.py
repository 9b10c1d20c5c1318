"""Beginnings and ends of throttling."""

from collections.abc import Sequence

import numpy as np
import pytest

from fgm.store.samples.series import Series
from tests.support.event_machine import NODE, POD, T0, A, B, Machine, Row, alive, brief, container, run


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


def quota(periods: int, held: float = 0, **values: float) -> Row:
    return alive(throttled=periods, periods=10, held=held, **values)


def test_a_quota_of_the_pod_that_two_containers_share_is_the_pods_and_names_who_used_it() -> None:
    web, job = container("a", container_name="web"), container("b", container_name="job")
    ticks: list[dict[Series, Row]] = [
        {
            POD: {"throttled": 10 * i, "quota": 50_000, "period": 100_000},
            web: quota(0, held=90_000 * i, cpu=400_000 * i),
            job: quota(0, held=10_000 * i, cpu=100_000 * i),
        }
        for i in range(3)
    ]
    machine = Machine()
    events = [event for second, rows in enumerate(ticks) for event in machine.tick(second, rows)]

    assert [brief(event) for event in events] == [(1, "throttling_began", "pod:p")]
    assert events[0].what == (
        "throttling began: the pod's CPU limit of 500 millicores ran out in 10 periods; it held the containers of the "
        "pod, not limits of their own, where web used 80% and job used 20% of the CPU time"
    )
    assert events[0].after == {"throttled_periods": 10, "cpu_limit_millicores": 500}


def test_a_container_that_the_quota_did_not_hold_is_not_named() -> None:
    ticks: list[dict[Series, Row]] = [
        {POD: {"throttled": 10 * i}, A: quota(0, cpu=9 * i), B: quota(0, held=9 * i, cpu=i)} for i in range(2)
    ]
    machine = Machine()
    machine.tick(0, ticks[0])
    (event,) = machine.tick(1, ticks[1])

    assert event.what.endswith(f"where {'b' * 12} used 10% of the CPU time")


@pytest.mark.parametrize("of_container", [(10, 9, 10, 8, 10), (6, 10, 10, 10, 10)], ids=["fewer", "read later"])
def test_a_pod_that_counts_the_periods_of_its_container_is_not_reported(of_container: Sequence[int]) -> None:
    """A pod of one container has the same quota. On Linux 6.18, both counted 10, 6, 10 and 10 against 10, 5, 10, 10."""
    counts = np.cumsum([0, *of_container]).tolist()
    ticks: list[dict[Series, Row]] = [{POD: {"throttled": 10 * i}, A: quota(n)} for i, n in enumerate(counts)]

    assert [series for _, kind, series in run(*ticks) if kind == "throttling_began"] == ["a"]
