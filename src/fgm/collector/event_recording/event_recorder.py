"""The task that derives events from the ticks of this run and writes them down, beside recording and in nobody's way.

What cannot be written is lost, and nothing else is: ticks are recorded by others.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from fgm.clock import Clock
from fgm.collector.event_recording.last_tick import last_tick
from fgm.collector.kernel.oom_watch import KillWatch
from fgm.events.machine import EventMachine
from fgm.events.watched import NEEDS
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

MOST_WAITING = 30
"""So many ticks may wait for a slow disk. What happened in one that is dropped is seen in the next."""
MOST_OTHERS = 10_000
"""So much else may wait for it; later things are dropped."""
MOST_EXITS = 500
"""So many ends are remembered, for who learns later why they were."""
_PLACES = [0, *(1 + COLUMNS.index(name) for name in NEEDS)]

log = logging.getLogger(__name__)


class _End(NamedTuple):
    time_ms: int
    series: Series
    row: NDArray[np.float64]


class _Kill(NamedTuple):
    time_ms: int
    key: str
    kills: float


class _ClockStep(NamedTuple):
    time_ms: int
    step_ms: float


_Item = Tick | _End | _Kill | _ClockStep | Event | None


class EventRecorder:
    """What happened, for one data directory. All methods belong to the event loop, and none but `run` waits."""

    def __init__(
        self,
        data_dir: str,
        identifier: str,
        interval_ms: int,
        node_name: str | None,
        *,
        clock: Clock,
        kills: KillWatch | None,
    ) -> None:
        """`kills`: None where the kernel does not tell of kills, which is cgroup v1."""
        self._clock = clock
        self._kills = kills
        self._watched: object = None
        self._place = (data_dir, identifier)
        self._node_name = node_name
        self._machine = EventMachine(NEEDS, interval_ms)
        self._waiting: deque[_Item] = deque()
        self._is_new = anyio.Event()
        self._is_first = True
        self._day_ms = -1
        self._exits: dict[str, int] = {}
        self._failing = False
        self._dropping: set[int] = set()

    def see(self, tick: Tick) -> None:
        """Take a tick of this run that is in the journal, with a column for each of COLUMNS."""
        if self._is_full(MOST_WAITING):
            return
        self._put(Tick(tick.time_ms, tick.series, tick.rows[:, _PLACES]))

    def see_end(self, time_ms: int, series: Series, row: NDArray[np.float64]) -> None:
        """Take what was read of a container when its last process had ended, as in a row of a tick."""
        self._put(_End(time_ms, series, row[_PLACES]))

    def step_clock(self, time_ms: int, step_ms: float) -> None:
        """Note that somebody set the wall clock by `step_ms`; it shows `time_ms` since."""
        self._put(_ClockStep(time_ms, step_ms))

    def complete_exit(self, series: str, finished_ms: int, reason: str | None, exit_code: int | None) -> None:
        """Add why a recorded container ended: `series` is its key.

        Readers join this with the exit that was seen, whichever of both came first; call it once for each end.
        """
        said = [reason] if reason else []
        after: dict[str, Value] = {"reason": reason, "finished_ms": finished_ms}
        if exit_code is not None:
            said.append(f"exit code {exit_code}")
            after["exit_code"] = exit_code
        what = f"ended: {', '.join(said)}" if said else "ended"
        # In the file of the same day, where readers look for both.
        time_ms = self._exits.get(series, finished_ms)
        self._put(Event(time_ms, "exit", series, what, {}, after))

    def end(self) -> None:
        """Let `run` write what there is, and return."""
        self._waiting.append(None)
        self._is_new.set()

    async def run(self) -> None:
        """Derive and write events until `end`. Each is written before the next tick is looked at."""
        async with anyio.create_task_group() as group:
            if self._kills is not None:
                group.start_soon(self._kills.run, self._see_kill, name="OOM kills")
            await self._record()
            group.cancel_scope.cancel()

    async def _record(self) -> None:
        while True:
            while not self._waiting:
                self._is_new = anyio.Event()
                await self._is_new.wait()
            item = self._waiting.popleft()
            match item:
                case None:
                    return
                case Event():
                    await self._write([item])
                case Tick():
                    await self._take(item)
                case _End():
                    await self._write(self._machine.see_end(*item))
                case _Kill():
                    await self._write(self._machine.see_kill(*item))
                case _ClockStep():
                    await self._write(self._machine.step_clock(*item))

    async def _take(self, tick: Tick) -> None:
        found: list[Event] = []
        if self._is_first:
            self._is_first = False
            found += await self._begin(tick.time_ms)
        found += self._machine.see(tick.time_ms, tick.series, tick.rows)
        await self._begin_day(tick.time_ms)
        await self._write(found)
        if self._kills is not None and tick.series is not self._watched:
            await to_thread.run_sync(self._kills.watch, tick.series)
            self._watched = tick.series

    async def _begin(self, first_ms: int) -> list[Event]:
        """Begin with the last tick of an earlier run, if there is one."""
        try:
            earlier = await to_thread.run_sync(last_tick, self._place[0], first_ms, self._node_name)
        except OSError as error:
            log.error("the time before is not known to events", extra=fields(reason=str(error)))
            return []
        return [] if earlier is None else self._machine.see(earlier.time_ms, earlier.series, earlier.rows)

    async def _begin_day(self, time_ms: int) -> None:
        """Make the day's file: an empty one says that somebody watches, and readers need not look into the samples."""
        midnight_ms = layout.day_start(time_ms)
        if midnight_ms == self._day_ms:
            return
        if await to_thread.run_sync(self._try, lambda: events_file.append_to_day(*self._place, midnight_ms, ())):
            self._day_ms = midnight_ms

    async def _write(self, found: Sequence[Event]) -> None:
        if not found:
            return
        for event in found:
            if event.kind == "exit":
                self._exits.pop(event.series, None)
                self._exits[event.series] = event.time_ms
        while len(self._exits) > MOST_EXITS:
            del self._exits[next(iter(self._exits))]
        await to_thread.run_sync(self._try, lambda: events_file.append(*self._place, found))

    def _try(self, write: Callable[[], None]) -> bool:
        """Write; say whether it went well. The first failure of several is logged."""
        try:
            write()
        except (OSError, BadFileError, ValueError) as error:
            if not self._failing:
                log.error("events cannot be written", extra=fields(reason=str(error)))
            self._failing = True
            return False
        self._failing = False
        return True

    def _see_kill(self, key: str, kills: float) -> None:
        self._put(_Kill(self._clock.wall_ns() // 1_000_000, key, kills))

    def _is_full(self, most: int) -> bool:
        if len(self._waiting) < most:
            self._dropping.discard(most)
            return False
        if most not in self._dropping:
            log.warning("the disk is too slow for events; some are passed over")
        self._dropping.add(most)
        return True

    def _put(self, item: _Item) -> None:
        if self._is_full(MOST_OTHERS):
            return
        self._waiting.append(item)
        self._is_new.set()
