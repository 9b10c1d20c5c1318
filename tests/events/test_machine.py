"""Gaps, steps of the clock, and the order of events."""

import math

import numpy as np

from fgm.events.machine import EventMachine
from tests.support.event_machine import ALIVE, NODE, POD, T0, A, B, C, Machine, alive, brief, limited, run

N, P = {"oom": 0.0}, {"oom": 0.0}
N1, P1 = {"oom": 1.0}, {"oom": 1.0}


def test_containers_that_are_alive_at_the_first_tick_did_not_start() -> None:
    assert run({NODE: {}, A: ALIVE}, {NODE: {}, A: ALIVE}) == []


def test_missed_ticks_are_a_gap_with_its_first_and_last_tick() -> None:
    machine = Machine()
    for second in (0, 1, 3):  # one tick may be missing
        assert machine.tick(second, {NODE: {}, A: ALIVE}) == []
    (event,) = machine.tick(40, {NODE: {}, A: ALIVE})

    assert brief(event) == (40, "gap", "node")
    assert event.what == "nothing was recorded for 37 s: 36 ticks are missing"
    assert (event.before, event.after) == ({"tick_ms": T0 + 3000}, {"tick_ms": T0 + 40_000})


def test_events_in_a_gap_are_reported_after_it() -> None:
    """The last tick of an earlier run is given first: what lived then and lives now has not started."""
    machine = Machine()
    machine.tick(0, {NODE: N, POD: P, A: alive(throttled=3), B: limited(1)})
    events = machine.tick(100, {NODE: N1, POD: P1, B: limited(1) | {"throttled": 900.0}, C: ALIVE})

    assert [brief(event) for event in events] == [
        (100, "gap", "node"),
        (100, "oom_kill", "a"),
        (100, "exit", "a"),
        (100, "restart", "c"),
    ]
    assert all("while nothing was recorded (1 min 40 s)" in event.what for event in events[1:])


def test_a_step_of_the_clock_is_an_event_and_not_a_gap() -> None:
    machine = Machine()
    for second in range(8):
        machine.tick(second, {A: alive(throttled=second * 9)})
    events = machine.machine.step_clock(T0 + 3_608_000, 3_600_000)
    events += machine.tick(3608, {A: alive(throttled=64)})

    assert [brief(event) for event in events] == [(7, "throttling_ended", "a"), (3608, "clock_step", "node")]
    assert events[1].what == "the wall clock was set forward by 1 h"
    assert [event.what for event in machine.machine.step_clock(T0 + 9000, -3_600_000)] == [
        "the wall clock was set back by 1 h"
    ]
    assert machine.tick(9, {A: alive(throttled=64)}) == []


def test_a_life_before_a_step_of_the_clock_counts_by_one_clock() -> None:
    """Its length, its age (no limit of a young container has changed) and what follows its exit."""
    machine = Machine()
    machine.tick(0, {B: alive(max=256)})
    machine.tick(1, {A: alive(), B: alive(max=256)})
    machine.tick(60, {A: alive(), B: alive(max=256)})
    machine.machine.step_clock(T0 - 7_139_000, -7_200_000)
    changed = machine.tick(-7138, {A: alive(), B: alive(max=512)})
    ended = machine.tick(-7137, {B: alive(max=512)})
    machine.machine.step_clock(T0 + 64_000, 7_200_000)
    restarted = machine.tick(65, {B: alive(max=512), C: alive()})

    assert [event.kind for event in changed] == ["limit_changed"]
    assert [event.what.partition(";")[0] for event in ended] == ["ended after 1 min 2 s"]
    assert [event.kind for event in restarted] == ["restart"]
    assert "which ended 2 s before" in restarted[0].what


def test_a_tick_before_that_of_the_earlier_run_shows_a_step_back_and_a_gap_of_unknown_length() -> None:
    machine = Machine()
    machine.tick(7200, {A: alive()}, first={A: 7000})
    step, gap, *lives = machine.tick(0, {B: alive()})

    assert (step.kind, gap.kind) == ("clock_step", "gap")
    assert step.what == "the wall clock was set back by at least 2 h while nothing was recorded"
    assert (gap.before, gap.after) == ({}, {"tick_ms": T0})
    assert [event.what.replace(":", ";").partition(";")[0] for event in lives] == [
        "ended while nothing was recorded",
        "restarted while nothing was recorded",
    ]
    assert machine.tick(1, {B: alive()}) == []


def test_a_suspension_is_a_gap_that_says_so() -> None:
    machine = Machine()
    machine.tick(0, {A: alive()})
    machine.machine.suspend(28_800_000)
    (gap,) = machine.tick(28_801, {A: alive()})

    assert gap.what == "the node was suspended for 8 h, and nothing was recorded"
    assert gap.after == {"tick_ms": T0 + 28_801_000, "suspended_ms": 28_800_000}
    (later,) = machine.tick(28_810, {A: alive()})
    assert later.what.startswith("nothing was recorded for 9 s")


def test_columns_that_a_file_does_not_have_are_null() -> None:
    machine = EventMachine(("memory.current",), 1000)
    rows = np.array([[0.0, 5.0]])

    assert [machine.add_tick(T0 + i * 1000, (A,), rows) for i in range(3)] == [[], [], []]
    assert math.isnan(machine._state._newest[0, 0])
