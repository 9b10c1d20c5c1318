"""Repetition of an action on a fixed grid of time, with any clock."""

from collections.abc import Awaitable, Callable

from fgm.clock import Clock


async def every(
    clock: Clock, period_s: float, action: Callable[[], Awaitable[object]], *, first: float | None = None
) -> None:
    """Await `action` once per period until cancelled. Slots that a slow action overruns are skipped.

    `first`: when the first action is due by `clock.monotonic()`, which is also the phase of the grid; None means now.
    A grid that began in the past continues with its next slot. An exception of `action` ends the loop.
    """
    now = clock.monotonic()
    deadline = now if first is None else first
    if deadline < now:
        deadline = _next_slot(deadline, period_s, now)
    while True:
        await clock.sleep_until(deadline)
        await action()
        deadline = _next_slot(deadline, period_s, clock.monotonic())


def _next_slot(deadline: float, period_s: float, now: float) -> float:
    """Return the first slot after both `deadline` and `now`."""
    missed = max(0, int((now - deadline) // period_s))
    return deadline + period_s * (missed + 1)
