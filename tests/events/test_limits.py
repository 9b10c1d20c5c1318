"""Changes of limits."""

import pytest

from fgm.store.events.event import Event
from tests.support.event_machine import MIB, NODE, POD, T0, A, B, Machine, Row, limited, run


@pytest.mark.parametrize(
    ("first", "then", "what", "before", "after"),
    [
        (
            limited(0.5),
            limited(1),
            "CPU limit changed from 500 millicores to 1000 millicores",
            {"cpu_limit_millicores": 500},
            {"cpu_limit_millicores": 1000},
        ),
        (
            limited(1, 64, 50),
            limited(None, 128, 50),
            "CPU limit changed from 1000 millicores to none; memory limit changed from 64 MiB to 128 MiB",
            {"cpu_limit_millicores": 1000, "memory.max": 64 * MIB},
            {"cpu_limit_millicores": None, "memory.max": 128 * MIB},
        ),
        (limited(1), limited(1, 64, 7), "limit of threads changed from 50 to 7", {"pids.max": 50}, {"pids.max": 7}),
        (
            limited(1, None),
            limited(1, 8),
            "memory limit changed from none to 8 MiB",
            {"memory.max": None},
            {"memory.max": 8 * MIB},
        ),
    ],
)
def test_a_changed_limit_is_an_event(first: Row, then: Row, what: str, before: Row, after: Row) -> None:
    machine = Machine()
    for second in range(16):
        assert machine.tick(second, {A: first}) == []
    (event,) = machine.tick(16, {A: then})

    assert (event.kind, event.what, event.before, event.after) == ("limit_changed", what, before, after)
    assert machine.tick(17, {A: then}) == []


def test_limits_that_were_not_read_or_are_of_a_young_container_have_not_changed() -> None:
    nothing = {"populated": 1.0}

    assert run({A: limited(1)}, {A: nothing}, {A: limited(1)}) == []
    assert run({NODE: {}}, {A: limited(None)}, {A: limited(2)}) == [(1, "start", "a")]
    assert run(*[{A: limited(None)}] * 15, {A: limited(2)}) == []


def test_a_container_of_the_first_tick_is_as_old_as_its_first_row() -> None:
    """The first tick may be the last one of the previous run."""
    for age_s, kinds in ((4, []), (5, ["limit_changed"])):
        machine = Machine()
        machine.tick(0, {A: limited(None)}, first={A: -age_s})
        events = [
            event for second in range(1, 12) for event in machine.tick(second, {A: limited(2 if second > 10 else None)})
        ]

        assert [event.kind for event in events] == kinds


@pytest.mark.parametrize("step_s", [-36_000, 36_000])
def test_a_step_of_the_clock_changes_no_age(step_s: int) -> None:
    for seconds, kinds in ((10, []), (20, ["limit_changed"])):
        machine = Machine()
        for second in range(seconds):
            machine.tick(second, {A: limited(1)})
        machine.machine.step_clock(T0 + 1000 * (seconds + step_s), 1000 * step_s)
        events = machine.tick(seconds + step_s, {A: limited(2)})

        assert [event.kind for event in events] == kinds


def resized(pod: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> list[Event]:
    """The events of a pod with two containers whose memory limits change, from and to so many MiB."""
    machine = Machine()
    events: list[Event] = []
    for second in range(18):
        now = int(second > 16)
        rows = {POD: limited(None, pod[now]), A: limited(None, a[now]), B: limited(None, b[now])}
        events += machine.tick(second, rows)
    return events


def test_a_resize_of_a_pod_is_one_event_although_its_containers_have_copies_of_its_limit() -> None:
    (event,) = resized(pod=(512, 768), a=(512, 768), b=(512, 768))
    assert (event.series, event.what) == ("pod:p", "the pod's memory limit changed from 512 MiB to 768 MiB")

    (event,) = resized(pod=(512, 768), a=(512, 768), b=(64, 64))
    assert event.series == "pod:p"


def test_a_resize_of_a_container_is_no_event_of_its_pod_whose_limit_is_the_sum() -> None:
    (event,) = resized(pod=(192, 256), a=(128, 192), b=(64, 64))
    assert (event.series, event.what) == (A.key, "memory limit changed from 128 MiB to 192 MiB")


def test_a_resize_of_the_only_container_of_a_pod_is_an_event_of_the_container() -> None:
    machine = Machine()
    for second in range(17):
        machine.tick(second, {POD: limited(None, 64), A: limited(None, 64)})
    (event,) = machine.tick(17, {POD: limited(None, 96), A: limited(None, 96)})
    assert event.series == A.key
