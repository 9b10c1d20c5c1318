r"""The collector's task graph: sampling -> recording -> closing, and the index beside them.

    sampling --ticks--> recording --closed journals--> closing --> Parquet
        |                                                 |
        +--containers that came or went--> indexing <-----+
        |<------names--- metadata <-- Kubernetes API
        +--their processes--> top processes --> Parquet
        |                 \--> process memory --> the next tick
        +--what happened--> events --> events.jsonl

Stopping is the end of the first stream: sampling stops, recording writes what is in its queue and closes the window,
closing publishes it, and the index says so. Every task waits in the event loop and works in a thread.
"""

import logging
import signal

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from fgm.clock import Clock
from fgm.collector.closing import ClosedWindow, close_window, set_aside
from fgm.collector.event_recording import EventRecorder
from fgm.collector.grid import TickGrid
from fgm.collector.indexing import IndexKeeper
from fgm.collector.kubernetes.task import Metadata
from fgm.collector.processes.watch import ProcessWatch
from fgm.collector.recording import Recorder
from fgm.collector.sampling import Sampler
from fgm.collector.settings import Settings
from fgm.logs import fields
from fgm.store.errors import BadFileError
from fgm.store.journal import Tick
from fgm.store.listing import data_files

TICKS_WAITING = 30
"""So many ticks may wait for a slow disk; further ones are dropped, and counted."""
CLOSE_AFTER_TICK_S = 0.3
STEP_TOLERANCE_MS = 1000
TRIES_TO_CLOSE = 2

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
        self._failed_reads = 0

    def stop(self) -> None:
        """End sampling; `run` returns when everything that was sampled is published."""
        self._sampling.cancel()
        self._recovery.cancel()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until `stop`; "started" is the first tick. Cancelled, it leaves its journal to the next start."""
        send_tick, ticks = anyio.create_memory_object_stream[Tick](TICKS_WAITING)
        send_closed, closed = anyio.create_memory_object_stream[str](1)
        async with anyio.create_task_group() as group:
            group.start_soon(self._index.run, name="index")
            group.start_soon(self._metadata.run, name="metadata")
            group.start_soon(self._processes.read_memory, self._sampler.offer, name="process memory")
            group.start_soon(self._read_ended, name="ends")
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

    async def stop_on_signals(self) -> None:
        """Stop in order on SIGTERM and SIGINT; for a task of its own."""
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
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
        grid.anchor(clock.wall_ns(), clock.monotonic())
        known: object = None
        first_ms: int | None = None
        with ticks, self._sampling:
            while True:
                deadline = grid.next_due(clock.monotonic())
                await clock.sleep_until(deadline)
                now = max(clock.monotonic(), deadline)
                step_ms = grid.step_ms(clock.wall_ns(), now)
                if abs(step_ms) > STEP_TOLERANCE_MS:
                    log.warning("the wall clock was set; following it", extra=fields(step_ms=round(step_ms)))
                    grid.anchor(clock.wall_ns(), now)
                    self._events.step_clock(grid.at(now)[0], step_ms)
                    continue
                time_ms, due = grid.at(now)
                async with self._reading:
                    tick = await to_thread.run_sync(self._sampler.tick, time_ms, due)
                    self._processes.see(time_ms, self._sampler.listings)
                try:
                    ticks.send_nowait(tick)
                except anyio.WouldBlock:
                    self._sampler.cost.missed_ticks += 1
                    log.error("the disk is too slow; a tick was dropped", extra=fields(time_ms=time_ms))
                else:
                    self._events.see(tick)
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
                if closed is not None:
                    await send_closed.send(closed)
                try:
                    await to_thread.run_sync(recorder.append, tick)
                except (OSError, BadFileError) as error:
                    if not failing:
                        log.error("ticks cannot be recorded", extra=fields(reason=str(error)))
                    failing = True
                else:
                    if failing:
                        log.info("ticks are recorded again", extra=fields(time_ms=tick.time_ms))
                    failing = False
            closed = recorder.close()
            if closed is not None:
                await send_closed.send(closed)

    async def _recover(self, first_ms: int | None, send_closed: MemoryObjectSendStream[str]) -> None:
        """Hand over the journals that earlier runs left, all but the one that this run continues."""
        with send_closed, self._recovery:
            journals = await to_thread.run_sync(lambda: list(data_files(self._settings.data_dir, "journal")))
            for path in journals:
                if first_ms is None or not self._recorder.may_record(path, first_ms):
                    await send_closed.send(path)
            if self._index.is_missing:
                await self._index.rebuild()

    async def _close(self, closed: MemoryObjectReceiveStream[str]) -> None:
        with closed:
            async for path in closed:
                if not self._sampling.cancel_called:
                    await self._clock.sleep_until(self._clock.monotonic() + CLOSE_AFTER_TICK_S)
                for journal in (*self._failed, path):
                    await self._close_one(journal)

    async def _close_one(self, journal: str) -> None:
        level = self._settings.compression_level
        try:
            window = await to_thread.run_sync(close_window, journal, level)
        except FileNotFoundError:
            self._failed.pop(journal, None)
            log.warning("a journal has gone before its window was closed", extra=fields(journal=journal))
            return
        except (OSError, BadFileError, ValueError) as error:
            await self._note_failure(journal, error)
            return
        self._failed.pop(journal, None)
        if window is not None:
            self._index.add_window(window)
            self._summarise(window)

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
        failed = sum(self._sampler.counts.failed.values())
        log.info(
            "window closed",
            extra=fields(
                file=window.path,
                rows=window.rows,
                series=len(window.seen),
                size_bytes=window.size_bytes,
                failed_reads=failed - self._failed_reads,
                api_requests=self._metadata.requests - self._api_requests,
            ),
        )
        self._failed_reads, self._api_requests = failed, self._metadata.requests
