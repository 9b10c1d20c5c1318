"""Rhythm: one way to do something again and again, on a grid, with any clock."""

from collections.abc import Awaitable, Callable

from fgm.clock import Clock


async def every(
    clock: Clock, period_s: float, tick: Callable[[], Awaitable[object]], *, first: float | None = None
) -> None:
    """Await `tick` on a fixed grid until cancelled; slots that a slow tick overran are skipped, not caught up.

    `first`: the deadline of the first tick, by `clock.monotonic()`, and so the phase of the grid; None is now. A
    grid that began in the past starts with its next slot. What `tick` raises ends the loop.
    """
    deadline = clock.monotonic() if first is None else _next_slot(first, period_s, clock.monotonic())
    while True:
        await clock.sleep_until(deadline)
        await tick()
        deadline = _next_slot(deadline + period_s, period_s, clock.monotonic())


def _next_slot(deadline: float, period_s: float, now: float) -> float:
    """Return the first slot at or after `deadline` that is not over yet: one that is due now still counts."""
    missed = max(0, int((now - deadline) // period_s))
    return deadline + missed * period_s
