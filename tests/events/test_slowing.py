"""Slowing of a cgroup for its memory."""

from fgm.store.samples.series import Series
from tests.support.event_machine import MIB, POD, A, B, Machine, Row, alive, brief, run

LIMITS: Row = {"smallest_high": 96 * MIB, "high_depth": 3}


def slowed(*counts: int, depth: int = 3) -> list[dict[Series, Row]]:
    limits = LIMITS | {"high_depth": depth}
    return [{POD: {"high_events": n}, A: alive(high_events=n, memory=97 * MIB) | limits} for n in counts]


def test_slowing_at_memory_high_is_one_event_and_one_end() -> None:
    machine = Machine()
    events = [
        event for second, rows in enumerate(slowed(0, 40, 90, 130, *[130] * 40)) for event in machine.tick(second, rows)
    ]

    assert [brief(event) for event in events] == [(1, "memory_high_began", "a"), (3, "memory_high_ended", "a")]
    assert events[0].what == "slowed at memory.high of 96 MiB, its limit: 40 times; its memory was 97 MiB"
    assert events[0].after == {"slowed": 40, "memory.high": 96 * MIB}
    assert events[1].what == "slowing at memory.high ended after 2 s: slowed 130 times"


def test_a_limit_whose_owner_is_not_known_is_reported_without_one() -> None:
    machine = Machine()
    rows = slowed(0, 40)
    del rows[1][A]["high_depth"]
    machine.tick(0, rows[0])
    (event,) = machine.tick(1, rows[1])

    assert event.what == "slowed at memory.high of 96 MiB: 40 times; its memory was 97 MiB"


def test_the_pod_is_reported_if_the_high_limit_is_its_own_and_not_for_what_its_containers_count() -> None:
    pod_limits = LIMITS | {"high_depth": 2}
    ticks: list[dict[Series, Row]] = [
        {
            POD: {"high_events": 20 * i, "memory": 99 * MIB} | pod_limits,
            A: alive(high_events=0),
            B: alive(high_events=0),
        }
        for i in range(2)
    ]
    machine = Machine()
    machine.tick(0, ticks[0])
    (event,) = machine.tick(1, ticks[1])
    assert (event.series, event.what) == (
        "pod:p",
        "slowed at memory.high of 96 MiB, the pod's limit: 20 times; its memory was 99 MiB",
    )

    both: list[dict[Series, Row]] = [
        {POD: {"high_events": 20 * i}, A: alive(high_events=9 * i), B: alive(high_events=11 * i)} for i in range(3)
    ]
    assert [(kind, series) for _, kind, series in run(*both)] == [
        ("memory_high_began", "a"),
        ("memory_high_began", "b"),
    ]


def test_a_pod_that_is_read_later_than_its_busy_container_is_not_slowed_itself() -> None:
    """Both count the same, but within the milliseconds between the two reads the counter grew on."""
    ticks: list[dict[Series, Row]] = [
        {POD: {"high_events": 3000 * i + 20 * (i > 0)}, A: alive(high_events=3000 * i)} for i in range(12)
    ]

    assert [(kind, series) for _, kind, series in run(*ticks)] == [("memory_high_began", "a")]


def test_a_network_that_memory_pressure_slows_is_an_event() -> None:
    machine = Machine()
    events = [
        event
        for second, count in enumerate([0, 3, 8, *[8] * 31])
        for event in machine.tick(second, {A: alive(sock_throttled=count)})
    ]

    assert [(event.kind, event.what) for event in events] == [
        ("network_slowed_began", "network slowed by memory pressure: sockets were held back 8 times"),
        ("network_slowed_ended", "slowing of the network by memory pressure ended after 1 s: held back 8 times"),
    ]
