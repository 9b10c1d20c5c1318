"""Starts, exits and restarts of containers."""

from dataclasses import replace

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
    C,
    Machine,
    Ticks,
    alive,
    brief,
    container,
    run,
)

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


def test_a_container_starts_and_exits() -> None:
    ticks: Ticks = [{NODE: {}}, {NODE: {}, A: ALIVE}, {NODE: {}, A: ALIVE}, {NODE: {}, A: DEAD}, {NODE: {}}]
    machine = Machine()
    events = [event for second, rows in enumerate(ticks) for event in machine.tick(second, rows)]

    assert [brief(event) for event in events] == [(1, "start", "a"), (3, "exit", "a")]
    assert events[1].what == "ended after 2 s; its memory was 200 MiB"
    assert events[1].before == {"memory.current": 200 * MIB}


def test_a_container_whose_cgroup_vanishes_exited_before_the_tick_without_it() -> None:
    assert run({A: ALIVE, B: ALIVE}, {B: ALIVE}, {B: ALIVE}) == [(1, "exit", "a")]


def test_the_row_that_was_read_at_the_exit_gives_its_time() -> None:
    assert run({A: ALIVE}, {A: DEAD | {"late": -640.0}}, {NODE: {}}) == [(0.36, "exit", "a")]


def test_without_cgroup_events_a_container_without_processes_has_exited() -> None:
    assert run({A: {"procs": 2}}, {A: {"procs": 0}}) == [(1, "exit", "a")]


SSHD = Series("cgroup", cgroup="/system.slice/sshd.service")


def test_a_service_that_had_run_for_a_while_exits_and_restarts() -> None:
    machine = Machine()
    machine.tick(0, {NODE: {}, SSHD: {"memory": 5 * MIB}})
    events = machine.tick(60, {NODE: {}})
    events += machine.tick(61, {NODE: {}, SSHD: {"memory": 5 * MIB}})

    assert [brief(event) for event in events] == [
        *((60, "gap", "node"), (60, "exit", SSHD.key), (61, "restart", SSHD.key))
    ]
    assert events[1].what == "ended while nothing was recorded (1 min); its memory was 5 MiB"
    assert events[2].what == "restarted: it ended 1 s before"


def test_a_service_that_was_made_again_between_two_ticks_has_restarted() -> None:
    machine = Machine()
    machine.tick(0, {NODE: {}, SSHD: {"memory": 5 * MIB}})
    events = machine.tick(1, {NODE: {}, SSHD: {"memory": 1 * MIB}}, opened=[SSHD])

    assert [brief(event) for event in events] == [(1, "exit", SSHD.key), (1, "restart", SSHD.key)]


def test_a_service_that_runs_for_seconds_has_no_events() -> None:
    assert run({NODE: {}}, {NODE: {}, SSHD: {}}, {NODE: {}}, {NODE: {}, SSHD: {}}, {NODE: {}}) == []


def test_pods_services_the_node_and_sandboxes_have_no_starts_and_exits() -> None:
    """A sandbox is recognised some ticks after it was found; it has not ended then."""
    service = Series("cgroup", cgroup="/system.slice/a.service")
    sandbox = replace(B, scope="sandbox")

    assert run({NODE: {}}, {NODE: {}, POD: {}, service: {}, sandbox: ALIVE}, {NODE: {}}) == []
    assert run({NODE: {}, B: ALIVE}, {NODE: {}, sandbox: ALIVE}, {NODE: {}}) == []


def test_a_sandbox_that_is_found_to_be_used_has_an_exit_but_did_not_start_then() -> None:
    sandbox = replace(B, scope="sandbox")

    assert run({NODE: {}}, {NODE: {}, sandbox: ALIVE}, {NODE: {}, B: ALIVE}, {NODE: {}}) == [(3, "exit", "b")]


@pytest.mark.parametrize(("first", "then", "kind"), [case[1:] for case in RESTARTS], ids=[case[0] for case in RESTARTS])
def test_a_new_container_restarts_the_one_that_it_follows(first: Series, then: Series, kind: str) -> None:
    machine = Machine()
    ticks: Ticks = [{first: ALIVE}, {NODE: {}}, {NODE: {}}]
    for second, rows in enumerate(ticks):
        machine.tick(second, rows)
    (event,) = machine.tick(3, {NODE: {}, then: ALIVE})

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


def test_a_container_whose_cgroup_was_replaced_between_two_ticks_has_restarted() -> None:
    machine = Machine()
    machine.tick(0, {NODE: {}, A: alive(oom=3, memory=5)})
    exited, restarted = machine.tick(1, {NODE: {}, A: alive(oom=0)}, opened={A})

    assert (brief(exited), brief(restarted)) == ((1, "exit", "a"), (1, "restart", "a"))
    assert exited.before == {"memory.current": 5}
    assert [brief(event) for event in machine.tick(2, {NODE: {}, A: alive(oom=1)})] == [(2, "oom_kill", "a")]


def test_a_container_whose_cpu_time_decreased_has_restarted() -> None:
    """The last tick of the previous run does not tell whether a cgroup was replaced since then."""
    assert run({A: alive(cpu=20_000.0)}, {A: alive(cpu=10_001.0)}) == []
    assert run({A: alive(cpu=20_000.0)}, {A: alive(cpu=10_000.0)}) == [(1, "exit", "a"), (1, "restart", "a")]


def test_an_exit_and_a_start_within_a_tick_are_a_restart() -> None:
    machine = Machine()
    machine.tick(0, {A: ALIVE})

    assert [brief(event) for event in machine.exit(0.4, A, DEAD)] == [(0.4, "exit", "a")]
    assert [brief(event) for event in machine.tick(1, {A: ALIVE})] == [(1, "restart", "a")]


def test_the_length_of_a_life_does_not_contain_a_step_of_the_clock() -> None:
    machine = Machine()
    machine.run([{NODE: {}}, {NODE: {}, A: ALIVE}, {NODE: {}, A: ALIVE}])
    machine.machine.step_clock(T0 - 3_597_000, -3_600_000)
    (exited,) = machine.tick(-3597, {NODE: {}})

    assert exited.what.startswith("ended after 2 s")
