"""The task that derives events from the ticks of this run, and writes them to events.jsonl without delaying recording.

Events that cannot be written are lost. Ticks are not lost, because another task records them.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from fgm.collector.event_recording.exit_reasons import ExitReasons
from fgm.collector.event_recording.last_tick import LastTick, last_tick
from fgm.collector.kernel.oom_watch import OomWatch, SeenKill
from fgm.events.columns import NEEDED_COLUMNS, OOM_GROUP_KILLS, OOM_KILLS
from fgm.events.machine import EventMachine
from fgm.events.oom.oom_text import NO_EVIDENCE, KillEvidence
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.event import Event, Value, exit_text
from fgm.store.samples.defaults import DEFAULT_ROTATION_S
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

MAX_WAITING_TICKS = 30
"""Maximum length of the queue for ticks; further ticks are dropped. The next one shows their events, too."""
MAX_WAITING = 10_000
"""Maximum length of the queue for everything else; further items are dropped."""
_COLUMNS = [0, *(1 + COLUMNS.index(name) for name in NEEDED_COLUMNS)]
_KILLS, _GROUP_KILLS = 1 + OOM_KILLS, 1 + OOM_GROUP_KILLS

log = logging.getLogger(__name__)


class _Exit(NamedTuple):
    time_ms: int
    series: Series
    row: NDArray[np.float64]


class _ClockStep(NamedTuple):
    time_ms: int
    step_ms: float


class _Suspension(NamedTuple):
    asleep_ms: float


_Item = Tick | _Exit | SeenKill | _ClockStep | _Suspension | Event | None


class EventRecorder:
    """Derives and writes the events of one data directory. Used in the event loop. Only `run` waits."""

    def __init__(
        self,
        data_dir: str,
        identifier: str,
        interval_ms: int,
        node_name: str | None,
        *,
        oom_watch: OomWatch | None,
        name_victims: Callable[[Sequence[Event]], list[Event]] = list,
        previous_ms: int = 0,
        rotation_s: int = DEFAULT_ROTATION_S,
    ) -> None:
        """`oom_watch`: None if v1 has the memory controller, because then OOM kills cannot be watched.

        `name_victims`: adds the names of the killed processes to events of OOM kills; may block.

        `previous_ms`: time at which the previous run last wrote its index; 0 if there was none. If it is in the future,
        the wall clock was set back between the runs. It wrote its index at least after each window, of `rotation_s`;
        ticks that are much later were recorded before that, while the clock was further ahead.
        """
        self._previous_ms = previous_ms
        self._previous_end_ms = previous_ms + 2 * rotation_s * 1000
        self._oom_watch = oom_watch
        self._name_victims = name_victims
        self._watched: tuple[Series, ...] | None = None
        self._data_dir = data_dir
        self._identifier = identifier
        self._node_name = node_name
        self._machine = EventMachine(NEEDED_COLUMNS, interval_ms)
        self._waiting: deque[_Item] = deque()
        self._has_new = anyio.Event()
        self._is_first = True
        self._day_ms = -1
        self._reasons = ExitReasons()
        self._kills: dict[str, float] = {}
        self._is_failing = False
        self._full_at: set[int] = set()

    def add_tick(self, tick: Tick) -> None:
        """Add a recorded tick, with a column for each of COLUMNS."""
        if self._is_full(MAX_WAITING_TICKS):
            return
        self._put(Tick(tick.time_ms, tick.series, tick.rows[:, _COLUMNS], tick.opened))

    def add_exit(self, time_ms: int, series: Series, row: NDArray[np.float64]) -> None:
        """Add the row of a container that was read right after its last process exited."""
        self._put(_Exit(time_ms, series, row[_COLUMNS]))

    def add_clock_step(self, time_ms: int, step_ms: float) -> None:
        """Add a step of the wall clock. `time_ms`: time after it; `step_ms`: negative if the clock was set back."""
        self._put(_ClockStep(time_ms, step_ms))

    def add_suspension(self, asleep_ms: float) -> None:
        """Add a time for which the machine was suspended since the last tick."""
        self._put(_Suspension(asleep_ms))

    def complete_exit(self, series: str, finished_ms: int, reason: str | None, exit_code: int | None) -> None:
        """Add the reason for a container's exit. Call it once for each exit. `series`: key of the container.

        Readers merge this event with the exit that is derived from ticks. Either may come first.
        """
        after: dict[str, Value] = {"reason": reason, "finished_ms": finished_ms}
        if exit_code is not None:
            after["exit_code"] = exit_code
        self._put(Event(finished_ms, "exit", series, exit_text(after) or "ended", {}, after))

    def end(self) -> None:
        """Make `run` return after it has written the events in the queue."""
        self._waiting.append(None)
        self._has_new.set()

    async def run(self) -> None:
        """Derive and write events until `end` is called. Write the events of each tick before using the next one."""
        async with anyio.create_task_group() as group:
            if self._oom_watch is not None:
                group.start_soon(self._oom_watch.run, self._put, name="OOM kills")
            await self._record()
            group.cancel_scope.cancel()

    async def _record(self) -> None:
        while True:
            while not self._waiting:
                self._has_new = anyio.Event()
                await self._has_new.wait()
            item = self._waiting.popleft()
            match item:
                case None:
                    await self._write(self._reasons.take_all())
                    return
                case Event():
                    if self._machine.is_alive(item.series):
                        self._reasons.wait(item)
                    else:
                        await self._write([self._reasons.complete(item)])
                case Tick():
                    await self._derive(item)
                case _Exit():
                    await self._write(self._machine.add_exit(*item, await self._evidence(item)))
                case SeenKill(time_ms, key, counters):
                    kills = self._machine.add_kill(time_ms, key, *counters, item.evidence, is_final=item.is_final)
                    await self._write(kills)
                case _ClockStep() | _Suspension():
                    await self._write(self._follow_clock(item))

    async def _evidence(self, exited: _Exit) -> KillEvidence:
        if self._oom_watch is None or not exited.row[_KILLS] > 0:
            return NO_EVIDENCE
        return await self._oom_watch.evidence(exited.series)

    def _follow_clock(self, change: _ClockStep | _Suspension) -> list[Event]:
        if isinstance(change, _ClockStep):
            return self._machine.step_clock(*change)
        self._machine.suspend(change.asleep_ms)
        return []

    async def _derive(self, tick: Tick) -> None:
        events: list[Event] = []
        opened = tick.opened
        if self._is_first:
            self._is_first, opened = False, frozenset()  # every cgroup is new to this run
            events += await self._begin(tick.time_ms)
        removed, ooms = await self._settle(tick)
        events += self._machine.add_tick(
            tick.time_ms, tick.series, tick.rows, opened=opened, removed=removed, ooms=ooms
        )
        await self._begin_day(tick.time_ms)
        await self._write(events)
        await self._write(self._reasons.take_late())
        if self._oom_watch is not None and tick.series is not self._watched:
            await to_thread.run_sync(self._oom_watch.watch, tick.series)
            self._watched = tick.series

    async def _begin(self, first_ms: int) -> list[Event]:
        """Add the last tick of an earlier run, if any, so that the first tick of this run shows what changed since."""
        try:
            earlier = await to_thread.run_sync(self._last_tick, first_ms)
        except OSError as error:
            log.error(
                "cannot read the last tick of the previous run; no gap will be reported",
                extra=fields(reason=str(error)),
            )
            return []
        if earlier is None:
            return []
        tick = earlier.tick
        return self._machine.add_tick(tick.time_ms, tick.series, tick.rows, first_ms=earlier.first_ms)

    async def _settle(self, tick: Tick) -> tuple[set[str], dict[str, float]]:
        """If containers of a tick had OOM kills since the last one, put their final counters into its rows.

        The tick may have read the counters while the kernel was killing the processes of a group. Return the keys of
        containers whose cgroup was removed meanwhile, and `memory.events.oom` of the groups above all of them, by path.
        """
        killed = {tick.series[i]: i for i in np.flatnonzero(tick.rows[:, _KILLS] > 0).tolist()}
        before, self._kills = self._kills, {each.key: float(tick.rows[i, _KILLS]) for each, i in killed.items()}
        if self._oom_watch is None or all(kills <= before.get(key, 0) for key, kills in self._kills.items()):
            return set(), {}
        containers = {each.key: i for each, i in killed.items() if each.scope == "container"}
        settled = await self._oom_watch.settled([tick.series[i] for i in containers.values()])
        for key, counters in settled.items():
            row = tick.rows[containers[key]]
            row[_KILLS] = max(row[_KILLS], counters.kills)
            if counters.group_kills is not None:
                row[_GROUP_KILLS] = max(row[_GROUP_KILLS], counters.group_kills)
        ooms: dict[str, float] = {}
        for position in containers.values():
            ooms |= (await self._oom_watch.evidence(tick.series[position])).ooms
        return containers.keys() - settled.keys(), ooms

    def _last_tick(self, first_ms: int) -> LastTick | None:
        """Return the last tick of the previous run. Later ones were recorded while the clock was ahead."""
        if self._previous_ms:
            is_set_back = self._previous_ms > first_ms
            end_ms = self._previous_end_ms if is_set_back else min(first_ms, self._previous_end_ms)
            last = last_tick(self._data_dir, end_ms, self._node_name)
            if last is not None and (not is_set_back or last.tick.time_ms > first_ms):
                return last
        return last_tick(self._data_dir, first_ms, self._node_name)

    async def _begin_day(self, time_ms: int) -> None:
        """Create the day's events.jsonl, even if empty. Readers derive events from samples only if there is none."""
        midnight_ms = layout.day_start(time_ms)
        if midnight_ms == self._day_ms:
            return
        if await to_thread.run_sync(
            self._try, lambda: events_file.append_to_day(self._data_dir, self._identifier, midnight_ms, ())
        ):
            self._day_ms = midnight_ms

    async def _write(self, events: Sequence[Event]) -> None:
        if not events:
            return
        events = self._reasons.add_to(events)
        if any(event.kind == "oom_kill" for event in events):
            events = await to_thread.run_sync(self._name_victims, events)
        await to_thread.run_sync(self._try, lambda: events_file.append(self._data_dir, self._identifier, events))

    def _try(self, write: Callable[[], None]) -> bool:
        """Call `write`; return whether it succeeded. Of several failures in a row, only the first is logged."""
        try:
            write()
        except (OSError, BadFileError, ValueError) as error:
            if not self._is_failing:
                log.error("cannot write events", extra=fields(reason=str(error)))
            self._is_failing = True
            return False
        self._is_failing = False
        return True

    def _is_full(self, limit: int) -> bool:
        if len(self._waiting) < limit:
            self._full_at.discard(limit)
            return False
        if limit not in self._full_at:
            log.warning("the disk is too slow for events; dropping some")
        self._full_at.add(limit)
        return True

    def _put(self, item: _Item) -> None:
        if self._is_full(MAX_WAITING):
            return
        self._waiting.append(item)
        self._has_new.set()
