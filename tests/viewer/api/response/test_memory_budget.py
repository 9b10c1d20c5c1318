"""Requests share a memory budget and wait in line until enough of it is free."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from fgm.viewer.api.response.memory_budget import Budget, Lease
from fgm.viewer.web.problems import Problem


async def until_waiting(budget: Budget, count: int) -> None:
    with anyio.fail_after(5):
        while budget.waiting < count:
            await anyio.lowlevel.checkpoint()


async def test_a_request_for_more_than_is_free_waits_and_keeps_its_place_in_line() -> None:
    """A small request does not overtake a large one, which would otherwise wait forever."""
    budget, order = Budget(10), list[str]()

    async def take(name: str, samples: int) -> None:
        await budget.take(samples)
        order.append(name)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            await budget.take(6)
            group.start_soon(take, "large", 8)
            await until_waiting(budget, 1)
            group.start_soon(take, "small", 1)
            await until_waiting(budget, 2)

            assert (order, budget.free) == ([], 4)

            budget.give_back(6)

    assert (order, budget.free) == (["large", "small"], 1)


async def test_a_request_that_leaves_the_line_takes_nothing_and_delays_no_other() -> None:
    budget = Budget(10)
    with anyio.fail_after(5):
        await budget.take(6)
        async with anyio.create_task_group() as group, anyio.create_task_group() as leaving:
            leaving.start_soon(budget.take, 10)
            await until_waiting(budget, 1)
            group.start_soon(budget.take, 4)
            await until_waiting(budget, 2)
            leaving.cancel_scope.cancel()

    assert (budget.free, budget.waiting) == (0, 0)


async def test_a_request_that_is_cancelled_at_its_turn_gives_its_samples_back() -> None:
    budget = Budget(10)
    await budget.take(10)
    taking = asyncio.ensure_future(budget.take(10))  # Quart cancels tasks so, and not through a scope
    await until_waiting(budget, 1)
    budget.give_back(10)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking

    assert budget.free == 10


async def test_a_line_that_is_too_long_or_does_not_move_is_a_503_with_retry_after() -> None:
    budget = Budget(10, max_waiting=1, max_wait_s=0.01)
    await budget.take(10)

    with pytest.raises(Problem) as stuck:
        await budget.take(1)

    assert (stuck.value.status, stuck.value.retry_after_s) == (503, 5)
    assert budget.waiting == 0

    patient = Budget(10, max_waiting=1)
    await patient.take(10)
    async with anyio.create_task_group() as group:
        group.start_soon(patient.take, 1)
        await until_waiting(patient, 1)
        with pytest.raises(Problem):
            await patient.take(1)
        group.cancel_scope.cancel()


async def test_a_lease_takes_what_is_missing_and_gives_everything_back() -> None:
    budget = Budget(10)
    lease = Lease(budget)
    await lease.take(4)
    lease.grow(3)

    assert budget.free == 6, "it has more than that"

    lease.grow(99)

    assert budget.free == 0

    lease.give_back()
    lease.give_back()

    assert budget.free == 10
