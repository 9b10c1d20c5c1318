"""Periodic loops run at the times of their grid, with a fake clock and with the system clock."""

import time

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockingError

from fgm.clock import SystemClock
from fgm.loops import every
from fgm.store.directory import atomic
from tests.support.fake_clock import FakeClock


async def test_a_loop_ticks_at_once_and_then_on_its_grid() -> None:
    clock, ticks = FakeClock(), []

    async def tick() -> None:
        ticks.append(clock.monotonic())

    async with anyio.create_task_group() as group:
        group.start_soon(every, clock, 1.0, tick)
        await clock.advance(3.5)
        group.cancel_scope.cancel()

    assert ticks == [0.0, 1.0, 2.0, 3.0]


async def test_the_first_deadline_sets_the_phase_of_the_grid() -> None:
    clock, ticks = FakeClock(), []

    async def tick() -> None:
        ticks.append(clock.monotonic())

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: every(clock, 1.0, tick, first=0.25))
        await clock.advance(2.5)
        group.cancel_scope.cancel()

    assert ticks == [0.25, 1.25, 2.25]


async def test_a_grid_that_began_in_the_past_continues_with_its_next_slot() -> None:
    clock, ticks = FakeClock(), []
    clock.stall(10.5)

    async def tick() -> None:
        ticks.append(clock.monotonic())

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: every(clock, 1.0, tick, first=0.25))
        await clock.advance(2)
        group.cancel_scope.cancel()

    assert ticks == [11.25, 12.25]


@pytest.mark.parametrize(("stall_s", "expected"), [(0.5, [0, 1, 2, 3, 4]), (1.0, [0, 1, 3, 4]), (2.5, [0, 1, 4])])
async def test_slots_that_a_slow_tick_overran_are_skipped(stall_s: float, expected: list[float]) -> None:
    clock, ticks = FakeClock(), []

    async def tick() -> None:
        ticks.append(clock.monotonic())
        if len(ticks) == 2:
            clock.stall(stall_s)

    async with anyio.create_task_group() as group:
        group.start_soon(every, clock, 1.0, tick)
        await clock.advance(4)
        group.cancel_scope.cancel()

    assert ticks == expected


async def test_two_loops_run_in_order_even_while_they_wait_for_threads() -> None:
    clock, turns = FakeClock(), []

    async def fast() -> None:
        turns.append(await to_thread.run_sync(lambda: ("fast", clock.monotonic())))

    async def slow() -> None:
        turns.append(await to_thread.run_sync(lambda: ("slow", clock.monotonic())))

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: every(clock, 1.0, fast, first=1.0))
        group.start_soon(lambda: every(clock, 2.0, slow, first=1.5))
        await clock.advance(4, sleepers=2)
        group.cancel_scope.cancel()

    assert turns == [("fast", 1.0), ("slow", 1.5), ("fast", 2.0), ("fast", 3.0), ("slow", 3.5), ("fast", 4.0)]


async def test_an_exception_of_the_action_ends_the_loop() -> None:
    async def tick() -> None:
        raise RuntimeError("no such tick")

    with pytest.raises(RuntimeError, match="no such tick"):
        await every(FakeClock(), 1.0, tick)


@pytest.mark.dates
async def test_the_system_clock_sleeps_until_the_deadline_and_yields_when_it_is_past() -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + 0.02

    with anyio.fail_after(5):
        await clock.sleep_until(deadline)
        await clock.sleep_until(deadline - 1)

    assert clock.monotonic() >= deadline
    assert abs(clock.wall_ns() - time.time_ns()) < 5_000_000_000
    with anyio.CancelScope() as scope:
        scope.cancel()
        await clock.sleep_until(deadline - 1)
    assert scope.cancelled_caught


async def test_a_test_fails_if_our_code_blocks_the_event_loop(tmp_path: str) -> None:
    with pytest.raises(BlockingError):
        atomic.publish(str(tmp_path), "name", b"")
