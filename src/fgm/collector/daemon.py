r"""The collector's tasks, and the order in which they start and stop.

    sampling --ticks--> recording --complete journals--> closing --> Parquet
        |                                                   |
        +--new and removed containers--> index <------------+
        |<------names--- follower <-- Kubernetes API
        |<------names--- engines <-- Docker, Podman, bundles
        +--their processes--> top processes --> Parquet
        |                 \--> process sums --> the next tick
        +--ticks, exits--> events --> events.jsonl

    merging: windows of a past hour --child process--> one file

To stop, sampling ends first. Then recording writes the ticks in its queue and closes the journal, and closing publishes
the window. The index is written last. Every task waits in the event loop, and does its work in a worker thread.
"""

import logging
import signal
from collections.abc import AsyncIterator
from functools import partial

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus

from fgm.clock import Clock
from fgm.collector.engines.engine_follower import EngineFollower
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.file_system_task import FileSystemTask
from fgm.collector.heartbeat import Heartbeat
from fgm.collector.kubernetes.follower import PodFollower
from fgm.collector.merging.merging_task import Merging
from fgm.collector.processes.process_tasks import ProcessTasks
from fgm.collector.retention.cleaner import Cleaner
from fgm.collector.retention.clock_trust import ClockTrust
from fgm.collector.sampling.sampler import Sampler
from fgm.collector.sampling_task import SamplingTask
from fgm.collector.windows.closing_task import WindowCloser
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.recording_task import Recording
from fgm.collector.windows.recovery_task import Recovery
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.logs import fields
from fgm.store.samples.tick import Tick

MAX_WAITING_TICKS = 30
"""Maximum number of ticks that wait for a slow disk. Further ticks are dropped and counted as missed."""

log = logging.getLogger(__name__)


class Daemon:
    """Runs the tasks of a collector, once. The caller has made and checked all parts."""

    def __init__(
        self,
        clock: Clock,
        sampler: Sampler,
        recorder: TickRecorder,
        heartbeat: Heartbeat,
        *,
        sampling: SamplingTask,
        recording: Recording,
        closer: WindowCloser,
        recovery: Recovery,
        index: IndexKeeper,
        follower: PodFollower,
        engines: EngineFollower | None,
        processes: ProcessTasks,
        file_systems: FileSystemTask,
        events: EventRecorder,
        cleaner: Cleaner,
        merging: Merging | None,
    ) -> None:
        self.heartbeat = heartbeat
        self._clock = clock
        self._sampler = sampler
        self._recorder = recorder
        self._sampling = sampling
        self._recording = recording
        self._closer = closer
        self._recovery = recovery
        self._index = index
        self._follower = follower
        self._engines = engines
        self._processes = processes
        self._file_systems = file_systems
        self._events = events
        self._cleaner = cleaner
        self._merging = merging
        self._trust = ClockTrust()
        self._stopping = anyio.Event()

    def stop(self) -> None:
        """Stop sampling, without waiting. `run` returns after all ticks were published."""
        self._stopping.set()

    async def stop_on(self, signals: AsyncIterator[signal.Signals]) -> None:
        """Stop when a signal arrives. Runs until cancelled, so start it as a task."""
        async for number in signals:
            log.info("stopping", extra=fields(signal=signal.Signals(number).name))
            self.stop()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until `stop` is called. Reports "started" after the first tick.

        If the task is cancelled instead, the journal remains, and the next run turns it into a Parquet file.
        """
        try:
            await self._run(task_status)
        finally:
            self._sampler.close()

    async def _run(self, task_status: TaskStatus[None]) -> None:
        send_tick, ticks = anyio.create_memory_object_stream[Tick](MAX_WAITING_TICKS)
        send_journal, journals = anyio.create_memory_object_stream[str](1)
        sampling_scope, recovery_scope, merging_scope = anyio.CancelScope(), anyio.CancelScope(), anyio.CancelScope()
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_on_stop, sampling_scope, recovery_scope, merging_scope, name="stopping")
            group.start_soon(self._index.run, name="index")
            group.start_soon(self._follower.run, name="Kubernetes API")
            if self._engines is not None:
                group.start_soon(self._engines.run, name="engines")
            group.start_soon(self._processes.read_memory, self._sampler.additions.offer, name="process sums")
            group.start_soon(self._file_systems.run, name="file systems")
            group.start_soon(self._sampling.read_exited, name="exits")
            group.start_soon(self._cleaner.run, self._make_room, name="retention")
            if self._merging is not None:
                group.start_soon(self._merging.run, merging_scope, name="merging")
            async with anyio.create_task_group() as stages:
                stages.start_soon(self._closer.run, journals, self._stopping.is_set, name="closing")
                stages.start_soon(self._recording.run, ticks, send_journal.clone(), self._make_room, name="recording")
                stages.start_soon(self._processes.record, name="top processes")
                stages.start_soon(self._events.run, name="events")
                first_ms = await stages.start(self._sampling.run, send_tick, sampling_scope, name="sampling")
                task_status.started()
                stages.start_soon(self._recovery.run, first_ms, send_journal, recovery_scope, name="recovery")
            await self._index.write()
            group.cancel_scope.cancel()

    async def _cancel_on_stop(self, *scopes: anyio.CancelScope) -> None:
        await self._stopping.wait()
        for scope in scopes:
            scope.cancel()

    async def _make_room(self) -> bool:
        """Remove the data that exceeds the limits of retention; return whether any file was removed."""
        async with self._closer.publishing:
            wall_ns = self._clock.wall_ns()
            remove_old = partial(
                self._cleaner.remove_old, is_clock_trusted=self._trust.is_trusted(wall_ns, self._clock.monotonic())
            )
            removal = await to_thread.run_sync(remove_old, wall_ns, self._recorder.path)
        if removal.earliest_ms is not None:
            self._index.forget_before(removal.earliest_ms)
        return removal.files > 0
