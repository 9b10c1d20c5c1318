"""Rhythm: one way to do something again and again, on a grid, with any clock."""

from collections.abc import Awaitable, Callable

from fgm.clock import Clock


async def every(
    clock: Clock, period_s: float, tick: Callable[[], Awaitable[object]], *, first: float | None = None
) -> None:
    """Await `tick` on a fixed grid until cancelled; slots that a slow tick overran are skipped.

    `first`: when the first tick is due, by `clock.monotonic()`, and so the grid's phase; None is now. A grid
    that began in the past goes on with its next slot. What `tick` raises ends the loop.
    """
    now = clock.monotonic()
    deadline = now if first is None else first
    if deadline < now:
        deadline = _next_slot(deadline, period_s, now)
    while True:
        await clock.sleep_until(deadline)
        await tick()
        deadline = _next_slot(deadline, period_s, clock.monotonic())


def _next_slot(deadline: float, period_s: float, now: float) -> float:
    """Return the first slot that is after `deadline` and after now."""
    missed = max(0, int((now - deadline) // period_s))
    return deadline + period_s * (missed + 1)
