"""Tables of ticks, and the events that follow from them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fgm.events.columns import NEEDED_COLUMNS
from fgm.events.machine import EventMachine
from fgm.store.events.event import Event, encode
from fgm.store.samples.series import Series

T0 = 1_767_110_400_000
MIB = 1 << 20
NODE = Series("node", node_name="node-1")
SHORT = {
    "oom": "memory.events.oom_kill",
    "throttled": "cpu.stat.nr_throttled",
    "periods": "cpu.stat.nr_periods",
    "waited": "cpu.stat.throttled_usec",
    "quota": "cpu_quota_usec",
    "period": "cpu_period_usec",
    "max": "memory.max",
    "pids_max": "pids.max",
    "memory": "memory.current",
    "pids": "pids.current",
    "populated": "cgroup.events.populated",
    "procs": "container.pid_count",
}
assert set(SHORT.values()) == set(NEEDED_COLUMNS)
Row = dict[str, float]
Ticks = Sequence[dict[Series, Row]]


def pod(uid: str) -> Series:
    return Series("pod", pod_uid=uid, cgroup=f"/kubepods/pod{uid}")


def container(name: str, uid: str | None = "p", container_name: str | None = None) -> Series:
    path = f"/kubepods/pod{uid}/{name}" if uid else f"/docker/{name}"
    return Series("container", name * 64, container_name=container_name, pod_uid=uid, cgroup=path)


A, B, C = container("a"), container("b"), container("c")
POD = pod("p")


class Machine:
    """The machine, fed with ticks by the second."""

    def __init__(self) -> None:
        self.machine = EventMachine(NEEDED_COLUMNS, 1000)
        self._series: tuple[Series, ...] = ()

    def see(self, second: float, rows: dict[Series, Row], late_ms: float = 3.0) -> list[Event]:
        series = tuple(rows)
        if series == self._series:
            series = self._series
        self._series = series
        table = np.full((len(series), 1 + len(NEEDED_COLUMNS)), np.nan)
        table[:, 0] = late_ms
        for i, one in enumerate(series):
            for name, value in rows[one].items():
                table[i, 0 if name == "late" else 1 + NEEDED_COLUMNS.index(SHORT[name])] = value
        found = self.machine.add_tick(T0 + round(second * 1000), series, table)
        assert all(encode(event) for event in found)
        return found

    def run(self, ticks: Ticks) -> list[tuple[float, str, str]]:
        return [told(event) for second, rows in enumerate(ticks) for event in self.see(second, rows)]


def told(event: Event) -> tuple[float, str, str]:
    name = event.series if ":" in event.series or event.series == "node" else event.series[0]
    return (event.time_ms - T0) / 1000, event.kind, name


def run(*ticks: dict[Series, Row]) -> list[tuple[float, str, str]]:
    return Machine().run(ticks)


ALIVE: Row = {"populated": 1, "procs": 1, "oom": 0, "memory": 200 * MIB}
DEAD: Row = ALIVE | {"populated": 0, "procs": 0}


def alive(**values: float) -> Row:
    return ALIVE | values


def test_containers_that_are_alive_at_the_first_tick_did_not_start() -> None:
    assert run({NODE: {}, A: ALIVE}, {NODE: {}, A: ALIVE}) == []


def test_a_container_starts_and_exits() -> None:
    ticks: Ticks = [{NODE: {}}, {NODE: {}, A: ALIVE}, {NODE: {}, A: ALIVE}, {NODE: {}, A: DEAD}, {NODE: {}}]
    machine = Machine()
    events = [event for second, rows in enumerate(ticks) for event in machine.see(second, rows)]

    assert [told(event) for event in events] == [(1, "start", "a"), (3, "exit", "a")]
    assert events[1].what == "ended after 2 s; its memory was 200 MiB"
    assert events[1].before == {"memory.current": 200 * MIB}


def test_a_container_whose_cgroup_vanishes_exited_before_the_tick_without_it() -> None:
    assert run({A: ALIVE, B: ALIVE}, {B: ALIVE}, {B: ALIVE}) == [(1, "exit", "a")]


def test_the_row_that_was_read_at_the_exit_gives_its_time() -> None:
    assert run({A: ALIVE}, {A: DEAD | {"late": -640.0}}, {NODE: {}}) == [(0.36, "exit", "a")]


def test_without_cgroup_events_a_container_without_processes_has_exited() -> None:
    assert run({A: {"procs": 2}}, {A: {"procs": 0}}) == [(1, "exit", "a")]


def test_pods_services_the_node_and_sandboxes_have_no_starts_and_exits() -> None:
    """A sandbox is recognised some ticks after it was found; it has not ended then."""
    service = Series("cgroup", cgroup="/system.slice/a.service")
    sandbox = replace(B, scope="sandbox")

    assert run({NODE: {}}, {NODE: {}, POD: {}, service: {}, sandbox: ALIVE}, {NODE: {}}) == []
    assert run({NODE: {}, B: ALIVE}, {NODE: {}, sandbox: ALIVE}, {NODE: {}}) == []


RESTARTS = [
    ("in one pod", container("a"), container("b"), "restart"),
    ("in one pod, one name not known yet", container("a", "p", "web"), container("b"), "restart"),
    ("in one pod, of one name", container("a", "p", "web"), container("b", "p", "web"), "restart"),
    ("in one pod, of other names", container("a", "p", "init"), container("b", "p", "web"), "start"),
    ("in another pod", container("a", "p", "web"), container("b", "q", "web"), "start"),
    ("without pods, of one name", container("a", None, "web"), container("b", None, "web"), "restart"),
    ("without pods and names", container("a", None), container("b", None), "start"),
    ("of the same id", container("a", None), container("a", None), "restart"),
]


@pytest.mark.parametrize(("first", "then", "kind"), [case[1:] for case in RESTARTS], ids=[case[0] for case in RESTARTS])
def test_a_new_container_restarts_the_one_that_it_follows(first: Series, then: Series, kind: str) -> None:
    machine = Machine()
    ticks: Ticks = [{first: ALIVE}, {NODE: {}}, {NODE: {}}]
    for second, rows in enumerate(ticks):
        machine.see(second, rows)
    (event,) = machine.see(3, {NODE: {}, then: ALIVE})

    assert (event.kind, event.series) == (kind, then.key)
    if kind == "restart":
        assert event.what == f"restarted: it follows {first.key[:12]}, which ended 2 s before"
        assert event.before == {"container": first.key, "ended_ms": T0 + 1000}


def test_one_exit_has_one_successor() -> None:
    assert run({A: ALIVE}, {NODE: {}}, {B: ALIVE, C: ALIVE}) == [
        (1, "exit", "a"),
        (2, "restart", "b"),
        (2, "start", "c"),
    ]


N, P = {"oom": 0.0}, {"oom": 0.0}
N1, P1 = {"oom": 1.0}, {"oom": 1.0}
OOM_TABLE: list[tuple[str, Ticks, list[tuple[float, str, str]]]] = [
    (
        "a process of a container that goes on",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N1, POD: P1, A: alive(oom=1)}, {NODE: N1, POD: P1, A: alive(oom=1)}],
        [(1, "oom_kill", "a")],
    ),
    (
        "a container whose cgroup is still there",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N1, POD: P1, A: DEAD | {"oom": 1}}, {NODE: N1, POD: P1}],
        [(1, "oom_kill", "a"), (1, "exit", "a")],
    ),
    (
        "a container that took its cgroup with it",
        [{NODE: N, POD: P, A: ALIVE, B: ALIVE}, {NODE: N1, POD: P1, B: ALIVE}, {NODE: N1, POD: P1, B: ALIVE}],
        [(1, "oom_kill", "a"), (1, "exit", "a")],
    ),
    (
        "its last row says it, and its pod too",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N1, POD: P1, A: DEAD | {"oom": 1, "late": -200.0}}, {NODE: N1, POD: P1}],
        [(0.8, "oom_kill", "a"), (0.8, "exit", "a")],
    ),
    (
        "all parents were read before it",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N, POD: P, A: alive(oom=1)}, {NODE: N1, POD: P1, A: alive(oom=1)}],
        [(1, "oom_kill", "a")],
    ),
    (
        "the node was read before its pod",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N, POD: P1}, {NODE: N1, POD: P1}],
        [(1, "oom_kill", "a"), (1, "exit", "a")],
    ),
    (
        "it was seen to end a tick before its pod's counter",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N, POD: P}, {NODE: N1, POD: P1}],
        [(1, "exit", "a"), (2, "oom_kill", "a")],
    ),
    (
        "nothing in the pod ended",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N1, POD: P1, A: ALIVE}],
        [(1, "oom_kill", "pod:p")],
    ),
    (
        "nothing that is recorded",
        [{NODE: N, POD: P, A: ALIVE}, {NODE: N1, POD: P, A: ALIVE}, {NODE: N1, POD: P, A: ALIVE}],
        [(1, "oom_kill", "node")],
    ),
    (
        "of two that ended the one with more memory",
        [{POD: P, A: ALIVE, B: alive(memory=300 * MIB)}, {POD: P1}],
        [(1, "exit", "a"), (1, "exit", "b"), (1, "oom_kill", "b")],
    ),
    (
        "a new container in a new pod",
        [{NODE: N}, {NODE: N1, POD: P1, A: alive(oom=1)}],
        [(1, "oom_kill", "a"), (1, "start", "a")],
    ),
    (
        "nothing for counters that begin anew",
        [{NODE: {"oom": 9}, POD: {"oom": 9}, A: alive(oom=9)}, {NODE: {"oom": 2}, POD: {"oom": 2}, A: alive(oom=2)}],
        [],
    ),
    (
        "nothing for what was not known before",
        [{NODE: {}, POD: {}, A: {"populated": 1}}, {NODE: {"oom": 7}, POD: {"oom": 2}, A: alive(oom=2)}],
        [],
    ),
    (
        "a kill while a file could not be read",
        [{POD: P, A: ALIVE}, {POD: {}, A: {"populated": 1}}, {POD: P1, A: alive(oom=1)}, {POD: P1, A: alive(oom=1)}],
        [(2, "oom_kill", "a")],
    ),
    (
        "on cgroup v1 the counter of a pod does not move",
        [{POD: P, A: ALIVE}, {POD: P, A: alive(oom=1)}, {POD: P, A: alive(oom=2)}],
        [(1, "oom_kill", "a"), (2, "oom_kill", "a")],
    ),
]


@pytest.mark.parametrize(("ticks", "expected"), [case[1:] for case in OOM_TABLE], ids=[case[0] for case in OOM_TABLE])
def test_an_oom_kill_is_reported_once_for_the_right_container(
    ticks: Ticks, expected: list[tuple[float, str, str]]
) -> None:
    assert sorted(run(*ticks)) == sorted(expected)


def end_of(machine: Machine, second: float, series: Series, row: Row) -> list[Event]:
    values = np.array([0.0, *(row.get(short, math.nan) for short in SHORT)])
    assert [SHORT[short] for short in SHORT] == list(NEEDED_COLUMNS)
    return machine.machine.add_exit(T0 + round(second * 1000), series, values)


@pytest.mark.parametrize("last_row", [{}, {A: DEAD | {"oom": 2, "late": -600.0}}], ids=["gone", "with its last row"])
def test_a_row_read_at_the_exit_is_reported_before_the_next_tick_and_not_again(last_row: dict[Series, Row]) -> None:
    slice_ = Series("cgroup", cgroup="/kubepods")
    machine = Machine()
    machine.see(0, {NODE: N, slice_: N, POD: P, A: ALIVE, B: ALIVE})
    kill, end = end_of(machine, 0.4, A, DEAD | {"oom": 2})

    assert (told(kill), told(end)) == ((0.4, "oom_kill", "a"), (0.4, "exit", "a"))
    assert (kill.after, kill.before) == ({"killed": 2}, {"memory.current": 200 * MIB})
    assert end.what == "ended by an OOM kill; its memory was 200 MiB"
    assert end_of(machine, 0.5, A, DEAD | {"oom": 2}) == []
    two = {"oom": 2.0}
    assert machine.see(1, {NODE: two, slice_: two, POD: two, B: ALIVE} | last_row) == []
    assert machine.see(2, {NODE: two, slice_: two, POD: two, B: ALIVE}) == []


def test_an_exit_without_a_kill_is_the_victim_if_its_pod_counts_one() -> None:
    machine = Machine()
    machine.see(0, {NODE: N, POD: P, A: ALIVE})

    assert [told(event) for event in end_of(machine, 0.4, A, {"populated": 0})] == [(0.4, "exit", "a")]
    assert [told(event) for event in machine.see(1, {NODE: N1, POD: P1})] == [(1, "oom_kill", "a")]


def test_an_exit_and_a_start_within_a_tick_are_a_restart() -> None:
    machine = Machine()
    machine.see(0, {A: ALIVE})

    assert [told(event) for event in end_of(machine, 0.4, A, DEAD)] == [(0.4, "exit", "a")]
    assert [told(event) for event in machine.see(1, {A: ALIVE})] == [(1, "restart", "a")]


def test_a_kill_in_a_container_is_not_reported_again_for_the_slices_above() -> None:
    slice_ = Series("cgroup", cgroup="/kubepods")
    machine = Machine()
    machine.see(0, {NODE: N, slice_: N, POD: P, A: ALIVE})
    (event,) = machine.see(1, {NODE: {"oom": 3}, slice_: {"oom": 3}, POD: {"oom": 3}, A: alive(oom=3)})

    assert told(event) == (1, "oom_kill", "a")
    assert event.what == "OOM kill: 3 processes killed; memory before was 200 MiB"
    assert event.after == {"killed": 3}
    assert [told(event) for event in machine.see(2, {NODE: {"oom": 4}, slice_: {"oom": 4}, POD: {"oom": 3}})] == [
        (2, "oom_kill", "cgroup:/kubepods"),
        (2, "exit", "a"),
    ]


def test_the_event_of_an_oom_kill_has_the_memory_and_the_exit_has_the_cause() -> None:
    machine = Machine()
    machine.see(0, {POD: P, A: alive(memory=250 * MIB, max=256 * MIB)})
    kill, end = machine.see(1, {POD: P1})

    assert kill.what == "OOM kill: 1 process killed; memory before was 250 MiB of a limit of 256 MiB"
    assert kill.before == {"memory.current": 250 * MIB, "memory.max": 256 * MIB}
    assert end.what == "ended by an OOM kill; its memory was 250 MiB"


def limited(cores: float | None, memory_mib: float | None = 64, pids: float | None = 50) -> Row:
    row = alive(pids=1, periods=10, period=100_000)
    if cores is not None:
        row["quota"] = cores * 100_000
    if memory_mib is not None:
        row["max"] = memory_mib * MIB
    return row | ({} if pids is None else {"pids_max": pids})


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
    machine.see(0, {A: first})
    (event,) = machine.see(1, {A: then})

    assert (event.kind, event.what, event.before, event.after) == ("limit_changed", what, before, after)
    assert machine.see(2, {A: then}) == []


def test_limits_that_were_not_read_or_are_of_a_young_container_have_not_changed() -> None:
    nothing = {"populated": 1.0}

    assert run({A: limited(1)}, {A: nothing}, {A: limited(1)}) == []
    assert run({NODE: {}}, {A: limited(None)}, {A: limited(2)}) == [(1, "start", "a")]


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
        for event in machine.see(second, rows)
    ]

    assert [told(event) for event in events] == [(1, "throttling_began", "a"), (36, "throttling_ended", "a")]
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


def test_missed_ticks_are_a_gap_with_its_first_and_last_tick() -> None:
    machine = Machine()
    for second in (0, 1, 3):  # one tick may be missing
        assert machine.see(second, {NODE: {}, A: ALIVE}) == []
    (event,) = machine.see(40, {NODE: {}, A: ALIVE})

    assert told(event) == (40, "gap", "node")
    assert event.what == "nothing was recorded for 37 s: 36 ticks are missing"
    assert (event.before, event.after) == ({"tick_ms": T0 + 3000}, {"tick_ms": T0 + 40_000})


def test_events_in_a_gap_are_reported_after_it() -> None:
    """The last tick of an earlier run is given first: what lived then and lives now has not started."""
    machine = Machine()
    machine.see(0, {NODE: N, POD: P, A: alive(throttled=3), B: limited(1)})
    events = machine.see(100, {NODE: N1, POD: P1, B: limited(1) | {"throttled": 900.0}, C: ALIVE})

    assert [told(event) for event in events] == [
        (100, "gap", "node"),
        (100, "oom_kill", "a"),
        (100, "exit", "a"),
        (100, "restart", "c"),
    ]
    assert all("while nothing was recorded (1 min 40 s)" in event.what for event in events[1:])


def test_a_step_of_the_clock_is_an_event_and_not_a_gap() -> None:
    machine = Machine()
    for second in range(8):
        machine.see(second, {A: alive(throttled=second * 9)})
    events = machine.machine.step_clock(T0 + 3_608_000, 3_600_000)
    events += machine.see(3608, {A: alive(throttled=64)})

    assert [told(event) for event in events] == [(7, "throttling_ended", "a"), (3608, "clock_step", "node")]
    assert events[1].what == "the wall clock was set forward by 1 h"
    assert [event.what for event in machine.machine.step_clock(T0 + 9000, -3_600_000)] == [
        "the wall clock was set back by 1 h"
    ]
    assert machine.see(9, {A: alive(throttled=64)}) == []


def test_columns_that_a_file_does_not_have_are_null() -> None:
    machine = EventMachine(("memory.current",), 1000)
    rows = np.array([[0.0, 5.0]])

    assert [machine.add_tick(T0 + i * 1000, (A,), rows) for i in range(3)] == [[], [], []]
    assert math.isnan(machine._state._newest[0, 0])
