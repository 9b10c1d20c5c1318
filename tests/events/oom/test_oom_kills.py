"""OOM kills, and the container that each belongs to."""

import math

import pytest

from fgm.store.samples.series import Series
from tests.support.event_machine import (
    ALIVE,
    DEAD,
    MIB,
    NODE,
    POD,
    T0,
    A,
    B,
    Brief,
    Machine,
    Row,
    Ticks,
    alive,
    brief,
    container,
    run,
)

N, P = {"oom": 0.0}, {"oom": 0.0}
N1, P1 = {"oom": 1.0}, {"oom": 1.0}
OOM_TABLE: list[tuple[str, Ticks, list[Brief]]] = [
    (
        "a process of a container that continues",
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
        "its last row has it, and its pod, too",
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
        [(1, "exit", "a"), (1, "oom_kill", "a"), (1, "exit", "a")],
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
        "nothing for counters that start over",
        [{NODE: {"oom": 9}, POD: {"oom": 9}, A: alive(oom=9)}, {NODE: {"oom": 2}, POD: {"oom": 2}, A: alive(oom=2)}],
        [],
    ),
    (
        "nothing for counters that were unknown before",
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
def test_an_oom_kill_is_reported_once_for_the_right_container(ticks: Ticks, expected: list[Brief]) -> None:
    assert sorted(run(*ticks)) == sorted(expected)


@pytest.mark.parametrize("last_row", [{}, {A: DEAD | {"oom": 2, "late": -600.0}}], ids=["gone", "with its last row"])
def test_a_row_read_at_the_exit_is_reported_before_the_next_tick_and_not_again(last_row: dict[Series, Row]) -> None:
    slice_ = Series("cgroup", cgroup="/kubepods")
    machine = Machine()
    machine.tick(0, {NODE: N, slice_: N, POD: P, A: ALIVE, B: ALIVE})
    kill, end = machine.exit(0.4, A, DEAD | {"oom": 2})

    assert (brief(kill), brief(end)) == ((0.4, "oom_kill", "a"), (0.4, "exit", "a"))
    assert (kill.after, kill.before) == ({"killed": 2}, {"memory.current": 200 * MIB})
    assert end.what == "ended by an OOM kill; its memory was 200 MiB"
    assert machine.exit(0.5, A, DEAD | {"oom": 2}) == []
    two = {"oom": 2.0}
    assert machine.tick(1, {NODE: two, slice_: two, POD: two, B: ALIVE} | last_row) == []
    assert machine.tick(2, {NODE: two, slice_: two, POD: two, B: ALIVE}) == []


def test_an_exit_without_a_kill_is_the_victim_if_its_pod_counts_one() -> None:
    machine = Machine()
    machine.tick(0, {NODE: N, POD: P, A: ALIVE})

    assert [brief(event) for event in machine.exit(0.4, A, {"populated": 0})] == [(0.4, "exit", "a")]
    kill, completed = machine.tick(1, {NODE: N1, POD: P1})
    assert (brief(kill), brief(completed)) == ((0.4, "oom_kill", "a"), (0.4, "exit", "a"))
    assert completed.what == "ended by an OOM kill; its memory was 200 MiB"


def test_a_kill_in_a_container_is_not_reported_again_for_the_slices_above() -> None:
    slice_ = Series("cgroup", cgroup="/kubepods")
    machine = Machine()
    machine.tick(0, {NODE: N, slice_: N, POD: P, A: ALIVE})
    (event,) = machine.tick(1, {NODE: {"oom": 3}, slice_: {"oom": 3}, POD: {"oom": 3}, A: alive(oom=3)})

    assert brief(event) == (1, "oom_kill", "a")
    assert event.what == "OOM kill: 3 processes killed; memory before was 200 MiB"
    assert event.after == {"killed": 3}
    assert [brief(event) for event in machine.tick(2, {NODE: {"oom": 4}, slice_: {"oom": 4}, POD: {"oom": 3}})] == [
        (2, "oom_kill", "cgroup:/kubepods"),
        (2, "exit", "a"),
    ]


def test_the_event_of_an_oom_kill_has_the_memory_and_the_exit_has_the_cause() -> None:
    machine = Machine()
    machine.tick(0, {POD: P, A: alive(memory=250 * MIB, max=256 * MIB)})
    kill, end = machine.tick(1, {POD: P1})

    assert kill.what == "OOM kill: 1 process killed; memory before was 250 MiB of a limit of 256 MiB"
    assert kill.before == {"memory.current": 250 * MIB, "memory.max": 256 * MIB}
    assert end.what == "ended by an OOM kill; its memory was 250 MiB"


MEASURED = [
    # processes killed, oom_kill and oom_group_kill of the container, of the pod and of the node: Linux 6.1, cgroup v2
    ("no group", [1, 0], (1, 0), (1, 0), 1),
    ("a group of one", [1, 0], (2, 1), (2, 1), 2),
    ("a group of two", [2, 0], (3, 1), (3, 1), 3),
    ("a group of six", [6, 0], (7, 1), (7, 1), 7),
    ("two groups in a tick", [4, 0], (6, 2), (6, 2), 6),
    ("a group and a single process", [4, 0], (5, 1), (5, 1), 5),
    ("a group of one that was gone at once", [1, 0], (1, 1), (1, 1), 1),
    ("the group is the pod", [2, 1], (3, 0), (4, 1), 4),
]


@pytest.mark.parametrize(
    ("killed", "container", "pod", "node"), [case[1:] for case in MEASURED], ids=[case[0] for case in MEASURED]
)
def test_a_group_kill_is_reported_with_the_number_of_processes(
    killed: list[int], container: tuple[int, int], pod: tuple[int, int], node: int
) -> None:
    """The second container is killed if the pod has kills that are not of the first."""
    other = pod[0] - container[0]
    rows: dict[Series, Row] = {
        NODE: {"oom": node},
        POD: {"oom": pod[0], "groups": pod[1]},
        A: alive(oom=container[0], groups=container[1]),
        B: alive(oom=other, groups=0, memory=MIB),
    }
    zero: dict[Series, Row] = {key: row | {"oom": 0, "groups": 0} for key, row in rows.items()}
    zero[NODE] = {"oom": 0}
    machine = Machine()
    machine.tick(0, zero)
    events = machine.tick(1, rows)

    assert [event.after["killed"] for event in events] == [n for n in killed if n]
    assert machine.tick(2, rows) == []


@pytest.mark.parametrize("middle", [(1, 0), (1, 1), (2, 1), (3, 1)])
@pytest.mark.parametrize("is_read_between", [False, True])
def test_counters_read_in_the_middle_of_a_group_kill_do_not_change_the_number(
    middle: tuple[int, int], is_read_between: bool
) -> None:
    """Three processes: the kernel counts the first, the group, and then all three again."""
    machine = Machine()
    machine.tick(0, {NODE: {"oom": 0}, POD: {"oom": 0, "groups": 0}, A: alive(groups=0)})
    if is_read_between:
        events = machine.machine.add_kill(T0 + 900, A.key, *middle)
        events += machine.tick(1, {NODE: {"oom": 0}, POD: {"oom": 0, "groups": 0}, A: alive(groups=0)})
    else:
        events = machine.tick(
            1, {NODE: {"oom": 0}, POD: {"oom": 0, "groups": 0}, A: alive(oom=middle[0], groups=middle[1])}
        )
    last: dict[Series, Row] = {NODE: {"oom": 4}, POD: {"oom": 4, "groups": 1}}
    events += machine.tick(2, last | {A: alive(oom=4, groups=1)})
    events += machine.tick(3, last | {A: alive(oom=4, groups=1)})

    assert {event.series for event in events} == {A.key}
    assert sum(int(event.after["killed"] or 0) for event in events) == 3


def test_a_group_whose_cgroup_is_gone_is_counted_by_its_pod() -> None:
    machine = Machine()
    machine.tick(0, {NODE: {"oom": 2}, POD: {"oom": 2, "groups": 1}, A: ALIVE})
    kill, end = machine.tick(1, {NODE: {"oom": 6}, POD: {"oom": 6, "groups": 2}})

    assert (brief(kill), brief(end)) == ((1, "oom_kill", "a"), (1, "exit", "a"))
    assert kill.after == {"killed": 3}
    assert machine.tick(2, {NODE: {"oom": 6}, POD: {"oom": 6, "groups": 2}}) == []


@pytest.mark.parametrize("has_last_row", [False, True])
def test_a_group_kill_whose_cgroup_is_removed_while_it_is_counted_is_one_event(has_last_row: bool) -> None:
    """Between two ticks only the first two of its six processes were seen; the pod has the rest, or the last row."""
    machine = Machine()
    machine.tick(0, {NODE: {"oom": 0}, POD: {"oom": 0, "groups": 0}, A: alive(groups=0)})
    assert machine.machine.add_kill(T0 + 300, A.key, 3, 1, is_final=False) == []
    events = machine.exit(0.4, A, DEAD | {"oom": 7, "groups": 1}) if has_last_row else []
    events += machine.tick(1, {NODE: {"oom": 7}, POD: {"oom": 7, "groups": 1}})
    kill, end = events

    assert (brief(kill), kill.after) == ((0.3, "oom_kill", "a"), {"killed": 6})
    assert brief(end) == (0.4 if has_last_row else 1, "exit", "a")
    assert end.what.startswith("ended by an OOM kill")
    assert machine.tick(2, {NODE: {"oom": 7}, POD: {"oom": 7, "groups": 1}}) == []


def test_a_group_kill_that_a_tick_read_in_the_middle_is_one_event_after_its_cgroup_was_removed() -> None:
    machine = Machine()
    machine.tick(0, {NODE: {"oom": 0}, POD: {"oom": 0, "groups": 0}, A: alive(groups=0)})
    middle: dict[Series, Row] = {NODE: {"oom": 3}, POD: {"oom": 2, "groups": 1}, A: alive(oom=3, groups=1)}
    assert machine.tick(1, middle, removed={A}) == []
    kill, end = machine.tick(2, {NODE: {"oom": 7}, POD: {"oom": 7, "groups": 1}})

    assert (brief(kill), kill.after) == ((1, "oom_kill", "a"), {"killed": 6})
    assert brief(end) == (2, "exit", "a")
    assert machine.tick(3, {NODE: {"oom": 7}, POD: {"oom": 7, "groups": 1}}) == []


def test_a_kill_whose_counters_could_not_be_read_has_the_time_at_which_they_changed() -> None:
    """The kernel reports that the file was modified, but its cgroup is gone when it is read. The pod has the kill."""
    machine = Machine()
    machine.tick(0, {NODE: N, POD: P, A: ALIVE, B: ALIVE})
    assert machine.machine.add_kill(T0 + 300, A.key, math.nan, None, is_final=False) == []
    assert machine.machine.add_kill(T0 + 400, B.key, math.nan, None, is_final=False) == []
    kill, end = machine.tick(1, {NODE: N1, POD: P1, B: ALIVE})

    assert (brief(kill), kill.after) == ((0.3, "oom_kill", "a"), {"killed": 1})
    assert brief(end) == (1, "exit", "a")
    assert machine.tick(2, {NODE: N1, POD: P1, B: ALIVE}) == []


SYSTEM = Series("cgroup", cgroup="/system.slice")
SSHD, CRON = (Series("cgroup", cgroup=f"/system.slice/{name}.service") for name in ("sshd", "cron"))


def test_a_kill_in_a_service_is_one_event_of_the_service() -> None:
    assert run(
        {NODE: N, SYSTEM: N, SSHD: N, CRON: N},
        {NODE: N1, SYSTEM: N1, SSHD: N1, CRON: N},
        {NODE: N1, SYSTEM: N1, SSHD: N1, CRON: N},
    ) == [(1, "oom_kill", SSHD.key)]


def test_a_kill_after_which_the_service_was_started_again_is_an_event_of_the_service() -> None:
    """Its counter was removed with its cgroup, but that of the slice grew."""
    machine = Machine()
    machine.tick(0, {NODE: N, SYSTEM: N, SSHD: N | {"memory": 9 * MIB}, CRON: N})
    events = machine.tick(1, {NODE: N1, SYSTEM: N1, SSHD: N, CRON: N}, opened=[SSHD])

    assert [brief(event) for event in events] == [
        *((1, "oom_kill", SSHD.key), (1, "exit", SSHD.key), (1, "restart", SSHD.key))
    ]
    assert events[1].what.startswith("ended by an OOM kill")


def test_a_kill_in_a_service_that_had_just_started_is_an_event_of_the_service() -> None:
    machine = Machine()
    machine.tick(0, {NODE: N, SYSTEM: N})
    machine.tick(1, {NODE: N, SYSTEM: N, SSHD: N | {"memory": 9 * MIB}})
    events = machine.tick(2, {NODE: N1, SYSTEM: N1})

    assert [brief(event) for event in events] == [(2, "oom_kill", SSHD.key)]


DOCKER = Series("cgroup", cgroup="/docker")
WEB, JOB = container("a", None), container("b", None)
LIMITED: Row = {"max": 64 * MIB, "smallest_max": 64 * MIB, "max_depth": 2}


def test_on_v1_a_kill_that_only_the_node_counted_is_of_the_limited_container_that_ended_then() -> None:
    """Docker removes the cgroup at once, and on v1 the counter of the cgroup above does not include it."""
    machine = Machine()
    rows: dict[Series, Row] = {NODE: N, DOCKER: N, WEB: alive(memory=9 * MIB) | LIMITED, JOB: alive(memory=90 * MIB)}
    machine.tick(0, rows)
    kill, *ends = machine.tick(1, {NODE: N1, DOCKER: N})

    assert brief(kill) == (1, "oom_kill", "a")
    assert kill.what == (
        "OOM kill: 1 process killed; memory before was 9 MiB of a limit of 64 MiB; "
        "only the node counted it, at the time at which this one ended"
    )
    assert {brief(end): "OOM kill" in end.what for end in ends} == {(1, "exit", "a"): True, (1, "exit", "b"): False}
    assert machine.tick(2, {NODE: N1, DOCKER: N}) == []


def test_on_v1_the_container_may_be_seen_to_end_a_tick_before_the_node_counts_its_kill() -> None:
    machine = Machine()
    machine.tick(0, {NODE: N, DOCKER: N, WEB: ALIVE | LIMITED})
    machine.tick(1, {NODE: N, DOCKER: N})

    assert [brief(event) for event in machine.tick(2, {NODE: N1, DOCKER: N})] == [
        *((1, "oom_kill", "a"), (1, "exit", "a"))
    ]


@pytest.mark.parametrize(
    ("web", "above", "last"),
    [
        (ALIVE | LIMITED, {"oom": 0.0, "ooms": 0.0}, {}),
        (ALIVE, N, {}),
        (ALIVE | LIMITED, N, {WEB: DEAD}),
    ],
    ids=["v2 would have counted it above", "no limit", "its own counter is still there"],
)
def test_a_kill_that_only_the_node_counted_is_not_of_another_container(
    web: Row, above: Row, last: dict[Series, Row]
) -> None:
    machine = Machine()
    machine.tick(0, {NODE: N, DOCKER: above, WEB: web})
    kill, _ = machine.tick(1, {NODE: N1, DOCKER: above} | last)

    where = "is recorded" if "ooms" in above else "was seen to count it"
    assert (brief(kill), kill.after) == ((1, "oom_kill", "node"), {"killed": 1})
    assert kill.what == f"OOM kill: 1 process killed, in no container or service that {where}"


def test_on_v1_a_kill_in_a_gap_is_not_of_a_container_that_ended_in_it() -> None:
    machine = Machine()
    machine.tick(0, {NODE: N, DOCKER: N, WEB: ALIVE | LIMITED})
    events = machine.tick(600, {NODE: N1, DOCKER: N})

    assert [brief(event) for event in events if event.kind == "oom_kill"] == [(600, "oom_kill", "node")]


def test_a_kill_in_no_recorded_cgroup_does_not_prove_that_the_node_had_no_memory_left() -> None:
    machine = Machine()
    node = {"memory": 900 * MIB, "smallest_max": 1000 * MIB, "max_depth": 0}
    machine.tick(0, {NODE: N | node, POD: P, A: ALIVE})
    (kill,) = machine.tick(1, {NODE: N1 | node, POD: P, A: ALIVE})

    assert "limit_of" not in kill.after
    assert "ran out of memory" not in kill.what
