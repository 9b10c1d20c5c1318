r"""The collector's task graph: sampling -> recording -> closing, and the index beside them.

    sampling --ticks--> recording --closed journals--> closing --> Parquet
        |                                                 |
        +--containers that came or went--> indexing <-----+
        |<------names--- metadata <-- Kubernetes API
        +--their processes--> top processes --> Parquet
        |                 \--> process sums --> the next tick
        +--what happened--> events --> events.jsonl

Stopping is the end of the first stream: sampling stops, recording writes what is in its queue and closes the window,
closing publishes it, and the index says so. Every task waits in the event loop and works in a thread.
"""

import errno
import logging
import os
import signal
from collections.abc import AsyncIterator

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from fgm.allocator import give_back
from fgm.clock import Clock, read_both
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.heartbeat import Heartbeat
from fgm.collector.kubernetes.follower import Metadata
from fgm.collector.processes.tasks import ProcessWatch
from fgm.collector.retention.cleaner import Upkeep
from fgm.collector.retention.limits import Limits
from fgm.collector.sampling.sampler import Sampler
from fgm.collector.settings import Settings
from fgm.collector.tick_grid import TickGrid
from fgm.collector.windows.closing import ClosedWindow, close_window, set_aside
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.tick_recorder import Recorder
from fgm.collector.windows.window_summary import Summary
from fgm.logs import fields
from fgm.store.directory.layout import DAY_MS
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError, ForeignFileError
from fgm.store.samples.tick import Tick

TICKS_WAITING = 30
"""So many ticks may wait for a slow disk; further ones are dropped, and counted."""
CLOSE_AFTER_TICK_S = 0.3
STEP_TOLERANCE_MS = 1000
LEFT_OUT_AFTER_STEP = 2
"""Ticks after a step of the clock: so the row before it and the first one behind are a gap apart, and have no rate."""
TRIES_TO_CLOSE = 2
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

log = logging.getLogger(__name__)


class Daemon:
    """A collector whose parts were made, and checked, before its first task starts."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        sampler: Sampler,
        recorder: Recorder,
        index: IndexKeeper,
        *,
        processes: ProcessWatch,
        events: EventRecorder,
        metadata: Metadata,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sampler = sampler
        self._recorder = recorder
        self._index = index
        self._processes = processes
        self._events = events
        self._grid = TickGrid(settings.interval_ms, clock.wall_ns(), clock.monotonic())
        self._metadata = metadata
        self._api_requests = 0
        self._reading = anyio.Lock()
        self._sampling = anyio.CancelScope()
        self._recovery = anyio.CancelScope()
        self._failed: dict[str, int] = {}
        self._summary = Summary(sampler)
        self._publishing = anyio.Lock()
        self._resumed = anyio.Event()
        limits = Limits(settings.retention_bytes, settings.retention_days * DAY_MS, settings.min_free)
        self._upkeep = Upkeep(settings.data_dir, limits)
        self.heartbeat = Heartbeat(clock.monotonic, settings.interval_s)

    def stop(self) -> None:
        """End sampling; `run` returns when everything that was sampled is published."""
        self._sampling.cancel()
        self._recovery.cancel()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until `stop`, once; "started" is the first tick.

        Cancelled, it leaves its journal to the next start.
        """
        try:
            await self._run(task_status)
        finally:
            self._sampler.close()

    async def _run(self, task_status: TaskStatus[None]) -> None:
        send_tick, ticks = anyio.create_memory_object_stream[Tick](TICKS_WAITING)
        send_closed, closed = anyio.create_memory_object_stream[str](1)
        async with anyio.create_task_group() as group:
            group.start_soon(self._index.run, name="index")
            group.start_soon(self._metadata.run, name="metadata")
            group.start_soon(self._processes.read_memory, self._sampler.offer, name="process sums")
            group.start_soon(self._read_ended, name="ends")
            group.start_soon(self._upkeep.run, self._make_room, name="upkeep")
            async with anyio.create_task_group() as stages:
                stages.start_soon(self._close, closed, name="closing")
                stages.start_soon(self._record, ticks, send_closed.clone(), name="recording")
                stages.start_soon(self._processes.record, name="top processes")
                stages.start_soon(self._events.run, name="events")
                first_ms = await stages.start(self._sample, send_tick, name="sampling")
                task_status.started()
                stages.start_soon(self._recover, first_ms, send_closed, name="recovery")
            await self._index.write()
            group.cancel_scope.cancel()

    async def stop_on(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Stop in order when a signal comes; for a task of its own."""
        async for number in signals:
            log.info("stopping", extra=fields(signal=signal.Signals(number).name))
            self.stop()

    async def _sample(
        self,
        ticks: MemoryObjectSendStream[Tick],
        *,
        task_status: TaskStatus[int | None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        clock = self._clock
        grid = self._grid
        grid.anchor(*read_both(clock))
        known: object = None
        left_out = 0
        first_ms: int | None = None
        with ticks, self._sampling:
            while True:
                deadline = grid.next_due(clock.monotonic())
                await clock.sleep_until(deadline)
                wall_ns, monotonic = read_both(clock)
                step_ms = grid.step_ms(wall_ns, monotonic)
                if abs(step_ms) > STEP_TOLERANCE_MS:
                    log.warning("the wall clock was set; following it", extra=fields(step_ms=round(step_ms)))
                    grid.anchor(wall_ns, monotonic)
                    self._sampler.set_clock()
                    self._events.step_clock(grid.at(monotonic)[0], step_ms)
                    left_out = LEFT_OUT_AFTER_STEP
                    continue
                if left_out:
                    left_out -= 1
                    self._sampler.cost.missed_ticks += 1
                    continue
                time_ms, due = grid.at(max(monotonic, deadline))
                async with self._reading:
                    tick = await to_thread.run_sync(self._sampler.tick, time_ms, due)
                    self._processes.see(time_ms, self._sampler.listings)
                self.heartbeat.sweep_ended()
                try:
                    ticks.send_nowait(tick)
                except anyio.WouldBlock:
                    self._sampler.cost.missed_ticks += 1
                    log.error("the disk is too slow; a tick was dropped", extra=fields(time_ms=time_ms))
                if tick.series is not known:
                    known = tick.series
                    self._index.see(self._sampler.alive, time_ms)
                    self._metadata.see(tick.series, time_ms)
                if first_ms is None:
                    first_ms = time_ms
                    task_status.started(first_ms)
        self._processes.end()
        self._events.end()
        if first_ms is None:
            task_status.started(None)

    async def _read_ended(self) -> None:
        """Read a container once more when its last process ends: at the next tick its cgroup may be gone."""
        while (fd := self._sampler.ends.fd) is not None:
            await anyio.wait_readable(fd)
            async with self._reading:
                ended = await to_thread.run_sync(self._sampler.read_ended)
            for final in ended:
                time_ms, due = self._grid.at(final.read_at)
                self._events.see_end(time_ms + round((final.read_at - due) * 1000), final.series, final.row)

    async def _record(self, ticks: MemoryObjectReceiveStream[Tick], send_closed: MemoryObjectSendStream[str]) -> None:
        recorder, failing = self._recorder, False
        with ticks, send_closed:
            async for tick in ticks:
                closed = recorder.close_before(tick.time_ms)
                if closed is not None and closed != recorder.path_of(tick.time_ms):
                    await send_closed.send(closed)
                try:
                    try:
                        await self._append(tick)
                    except OSError as error:
                        if error.errno not in NO_ROOM or not await self._make_room():
                            raise
                        await self._append(tick)
                except (OSError, BadFileError) as error:
                    if not failing:
                        log.error("ticks cannot be recorded", extra=fields(reason=str(error)))
                    failing = True
                    self._sampler.cost.missed_ticks += 1
                else:
                    self.heartbeat.tick_recorded()
                    self._events.see(tick)
                    if failing:
                        log.info("ticks are recorded again", extra=fields(time_ms=tick.time_ms))
                        self._resumed.set()
                    failing = False
            closed = recorder.close()
            if closed is not None:
                await send_closed.send(closed)

    async def _append(self, tick: Tick) -> None:
        """Record a tick. Raises OSError and BadFileError.

        A journal is not opened while one is being closed, which might be the same; and where the wall clock was set
        back into a window whose journal is still there, that is closed first.
        """
        recorder = self._recorder
        if recorder.path is not None:
            await to_thread.run_sync(recorder.append, tick)
            return
        path = recorder.path_of(tick.time_ms)
        if recorder.was_recorded(tick.time_ms) and await to_thread.run_sync(os.path.exists, path):
            await self._close_one(path)
        async with self._publishing:
            await to_thread.run_sync(recorder.append, tick)

    async def _make_room(self) -> bool:
        """Remove old data as far as its limits want it; say whether any has gone."""
        async with self._publishing:
            swept = await to_thread.run_sync(self._upkeep.sweep, self._clock.wall_ns(), self._recorder.path)
        if swept.earliest_ms is not None:
            self._index.forget_before(swept.earliest_ms)
        return swept.files > 0

    async def _recover(self, first_ms: int | None, send_closed: MemoryObjectSendStream[str]) -> None:
        """Hand over the journals that earlier runs left, all but the one that this run continues.

        Again when a disk is back: a folder that had gone may have come back with some.
        """
        with send_closed, self._recovery:
            for path in await to_thread.run_sync(self._journals):
                if first_ms is None or not self._recorder.may_record(path, first_ms):
                    await send_closed.send(path)
            if self._index.is_missing:
                await self._index.rebuild()
            while True:
                await self._resumed.wait()
                self._resumed = anyio.Event()
                for path in await to_thread.run_sync(self._journals):
                    await send_closed.send(path)

    def _journals(self) -> list[str]:
        try:
            return list(data_files(self._settings.data_dir, "journal"))
        except OSError as error:
            log.error("the data directory cannot be listed", extra=fields(reason=str(error)))
            return []

    async def _close(self, closed: MemoryObjectReceiveStream[str]) -> None:
        with closed:
            async for path in closed:
                if not self._sampling.cancel_called:
                    await self._clock.sleep_until(self._clock.monotonic() + CLOSE_AFTER_TICK_S)
                for journal in dict.fromkeys((*self._failed, path)):
                    await self._close_one(journal)

    async def _close_one(self, journal: str) -> None:
        level = self._settings.compression_level
        try:
            async with self._publishing:
                if journal == self._recorder.path:
                    return  # it is being written again, and will be handed over at its end
                await to_thread.run_sync(give_back)  # what containers that ended have left
                window = await to_thread.run_sync(close_window, journal, level)
                await to_thread.run_sync(give_back)
        except FileNotFoundError:
            self._failed.pop(journal, None)
            log.warning("a journal has gone before its window was closed", extra=fields(journal=journal))
            return
        except ForeignFileError as error:
            log.warning("a file that is called like fgm's is not fgm's; such files stay", extra=fields(file=error.path))
            return
        except (OSError, BadFileError, ValueError) as error:
            await self._note_failure(journal, error)
            return
        self._failed.pop(journal, None)
        if window is not None:
            self._index.add_window(window)
            self._summarise(window)
            self._upkeep.wake()

    async def _note_failure(self, journal: str, error: Exception) -> None:
        tries = self._failed[journal] = self._failed.get(journal, 0) + 1
        log.error("a window could not be closed", extra=fields(journal=journal, reason=str(error), tries=tries))
        if isinstance(error, OSError) or tries < TRIES_TO_CLOSE:
            return  # its journal is whole: the disk may have room again later
        del self._failed[journal]
        try:
            aside = await to_thread.run_sync(set_aside, journal)
            log.error("its journal is kept aside", extra=fields(journal=aside))
        except OSError as failure:
            log.error("its journal cannot be set aside", extra=fields(journal=journal, reason=str(failure)))

    def _summarise(self, window: ClosedWindow) -> None:
        log.info(
            "window closed",
            extra=fields(
                file=window.path,
                rows=window.rows,
                series=len(window.seen),
                size_bytes=window.size_bytes,
                **window.summary,
                **self._summary.since_last(),
                api_requests=self._metadata.requests - self._api_requests,
            ),
        )
        self._api_requests = self._metadata.requests
