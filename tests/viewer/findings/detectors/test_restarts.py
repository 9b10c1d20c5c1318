"""Restart loops: how often, how fast, and why."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series
from fgm.viewer.findings.detectors import restarts
from fgm.viewer.findings.finding import Finding
from tests.support.viewer.made_grid import START_MS, container, made_grid

TICKS, BEGIN = 900, 300
REASON: dict[str, Value] = {"reason": "Error", "exit_code": 1}


def at(tick: float) -> int:
    return START_MS + round(1000 * tick)


def lives(count: int, name: str = "config-sync") -> list[Series]:
    """Return the containers of one workload, one after the other."""
    return [replace(container(name), container_id=f"{number:064x}") for number in range(count)]


def loop(series: Sequence[Series], exits: Sequence[float], wait_s: float) -> list[Event]:
    """Return the exits of all containers but the last, and the restart that follows each of them."""
    events = []
    for earlier, later, tick in zip(series, series[1:], exits, strict=False):
        began: dict[str, Value] = {"container": earlier.key, "ended_ms": at(tick)}
        events.append(Event(at(tick), "exit", earlier.key, "ended", {}, REASON))
        events.append(Event(at(tick + wait_s), "restart", later.key, "restarted", began, {"container": later.key}))
    return events


def find(series: Sequence[Series], events: Sequence[Event]) -> list[Finding]:
    return restarts.find(made_grid(series, {}, ticks=TICKS, begin=BEGIN, events=events))


def test_a_loop_begins_with_the_first_exit() -> None:
    series = lives(6)
    (found,) = find(series, loop(series, [400, 415, 432, 450, 470], 10))

    assert (found.kind, found.row) == ("restarts", 5)
    assert (found.from_ms, found.to_ms) == (at(400), at(480))
    assert found.facts == {
        "restarts": 5,
        "between_s": pytest.approx(17.5),
        "lived_s": pytest.approx(7.5),
        "waited_s": pytest.approx(10),
        "last_reason": "Error",
        "exit_code": 1,
    }


def test_an_exit_after_the_last_restart_is_still_part_of_the_loop() -> None:
    series = lives(4)
    events = loop(series, [400, 420, 440], 10)
    events.append(Event(at(455), "exit", series[-1].key, "ended by an OOM kill", {}, {"oom_killed": 1}))
    (found,) = find(series, events)

    assert found.to_ms == at(455)
    assert (found.facts["restarts"], found.facts["last_reason"]) == (3, "OOM kill")


@pytest.mark.parametrize("count", [2, 3])
def test_one_or_two_restarts_are_no_loop(count: int) -> None:
    series = lives(count)
    assert find(series, loop(series, [400, 420, 440], 10)) == []


def test_a_loop_that_began_before_the_range_counts_from_its_beginning() -> None:
    series = lives(5)
    (found,) = find(series, loop(series, [200, 240, 290, 350], 10))

    assert (found.from_ms, found.facts["restarts"]) == (at(200), 4)


def test_a_loop_that_was_over_before_the_range_is_not_found() -> None:
    series = lives(5)
    assert find(series, loop(series, [100, 120, 140, 160], 10)) == []


def test_restarts_of_different_workloads_are_no_loop() -> None:
    series = [each for name in ("a", "b", "c", "d") for each in lives(2, name)]
    series = [replace(each, container_id=f"{number:064x}") for number, each in enumerate(series)]
    events = [event for i in range(0, 8, 2) for event in loop(series[i : i + 2], [400 + i], 5)]
    assert find(series, events) == []


def test_starts_of_a_scheduled_job_are_no_loop() -> None:
    series = lives(6)
    assert find(series, [Event(at(400 + 30 * i), "start", each.key, "started") for i, each in enumerate(series)]) == []


def test_a_service_that_comes_back_again_and_again_is_a_loop() -> None:
    service = Series("cgroup", cgroup="/system.slice/worker.service")
    began: list[dict[str, Value]] = [{"container": service.key, "ended_ms": at(400 + 20 * i)} for i in range(3)]
    events = [Event(at(405 + 20 * i), "restart", service.key, "restarted", each) for i, each in enumerate(began)]
    (found,) = find([service], events)

    assert (found.row, found.from_ms, found.facts["restarts"]) == (0, at(400), 3)
