"""Repeats an action at fixed intervals."""

from collections.abc import Awaitable, Callable

from fgm.clock import Clock


async def every(
    clock: Clock, period_s: float, action: Callable[[], Awaitable[object]], *, first: float | None = None
) -> None:
    """Await `action` once per period, until cancelled or until `action` raises.

    The times form a grid: `first` plus whole periods. If an action takes longer than a period, the times that it misses
    are skipped. `first`: time of the first action, as `clock.monotonic()` counts; None: now. If it is in the past, the
    loop begins at the next time of the grid.
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
    """Return the first time of the grid that is after both `deadline` and `now`."""
    missed = max(0, int((now - deadline) // period_s))
    return deadline + period_s * (missed + 1)
