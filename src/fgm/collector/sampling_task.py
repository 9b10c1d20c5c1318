"""The task that samples at each time of the grid, and passes each tick on."""

import logging
from collections.abc import Callable

import anyio
from anyio import to_thread
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

from fgm.clock import Clock, read_both
from fgm.collector.engines.engine_follower import EngineFollower
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.heartbeat import Heartbeat
from fgm.collector.kubernetes.follower import PodFollower
from fgm.collector.processes.process_tasks import Listings, ProcessTasks
from fgm.collector.sampling.sampler import Sampler
from fgm.collector.tick_grid import TickGrid
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.logs import fields
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

STEP_TOLERANCE_MS = 1000
"""Maximum difference between the wall clock and the grid that is tolerated; a larger one is a clock step."""
SKIPPED_AFTER_STEP = 2
"""Minimum number of ticks to skip after a clock step. This makes a gap, so that no rate is computed across the step."""

log = logging.getLogger(__name__)


class SamplingTask:
    """The sampling loop. Used in the event loop; reads kernel files in a worker thread."""

    def __init__(
        self,
        clock: Clock,
        grid: TickGrid,
        sampler: Sampler,
        heartbeat: Heartbeat,
        *,
        index: IndexKeeper,
        follower: PodFollower,
        engines: EngineFollower | None,
        processes: ProcessTasks,
        events: EventRecorder,
        rotation_s: int,
        on_step: Callable[[int, float], None],
    ) -> None:
        """`on_step`: called after the wall clock was set, with the time now and the step in ms; must not block."""
        self._clock = clock
        self._grid = grid
        self._sampler = sampler
        self._heartbeat = heartbeat
        self._index = index
        self._follower = follower
        self._engines = engines
        self._processes = processes
        self._events = events
        self._rotation_s = rotation_s
        self._on_step = on_step
        self._asleep_s = clock.asleep_s()
        self._newest_ms = 0
        self._reading = anyio.Lock()
        self._series: tuple[Series, ...] | None = None

    async def run(
        self,
        ticks: MemoryObjectSendStream[Tick],
        scope: anyio.CancelScope,
        *,
        task_status: TaskStatus[int | None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Sample until `scope` is cancelled, then close `ticks`, and end the recording of processes and events.

        Reports "started" after the first tick, with its time in ms; with None if there was no tick.
        """
        clock, grid = self._clock, self._grid
        grid.anchor(*read_both(clock))
        self._asleep_s = clock.asleep_s()
        left_to_skip, has_stepped = 0, False
        first_ms: int | None = None
        with ticks, scope:
            while True:
                deadline = grid.next_due(clock.monotonic())
                await clock.sleep_until(deadline)
                wall_ns, monotonic = read_both(clock)
                if self._follow_step(wall_ns, monotonic):
                    left_to_skip, has_stepped = SKIPPED_AFTER_STEP, True
                    continue
                time_ms, due = grid.at(max(monotonic, deadline))
                if left_to_skip > 0 or (has_stepped and grid.may_follow(time_ms, self._newest_ms, self._rotation_s)):
                    left_to_skip -= 1
                    self._sampler.cost.missed_ticks += 1
                    continue
                has_stepped, self._newest_ms = False, max(self._newest_ms, time_ms)
                async with self._reading:
                    tick = await to_thread.run_sync(self._sampler.tick, time_ms, due)
                    self._processes.add_tick(tick, self._listings)
                    if self._sampler.labelled_rows:
                        self._processes.add_labelled(self._sampler.labelled_rows)
                        self._sampler.labelled_rows = []
                self._heartbeat.sweep_ended()
                self._hand_over(tick, ticks)
                if first_ms is None:
                    first_ms = time_ms
                    task_status.started(first_ms)
        self._processes.end()
        self._events.end()
        if first_ms is None:
            task_status.started(None)

    async def read_exited(self) -> None:
        """Read each container again when its last process exits: its cgroup may be removed before the next tick.

        Runs until cancelled. Returns immediately if exits cannot be watched.
        """
        while (fd := self._sampler.readers.exits.fd) is not None:
            await anyio.wait_readable(fd)
            async with self._reading:
                exited = await to_thread.run_sync(self._sampler.read_exited)
            for final in exited:
                time_ms, due = self._grid.at(final.read_at)
                self._events.add_exit(time_ms + round((final.read_at - due) * 1000), final.series, final.row)

    def _follow_step(self, wall_ns: int, monotonic: float) -> bool:
        """If the wall clock was set, or the machine was suspended, anchor the grid again; return whether it was set."""
        step_ms = self._grid.step_ms(wall_ns, monotonic)
        if abs(step_ms) <= STEP_TOLERANCE_MS:
            return False
        asleep_before_s, self._asleep_s = self._asleep_s, self._clock.asleep_s()
        asleep_ms = (self._asleep_s - asleep_before_s) * 1000
        if asleep_ms > STEP_TOLERANCE_MS:
            log.info("the node was suspended", extra=fields(suspended_ms=round(asleep_ms)))
            self._grid.anchor(wall_ns, monotonic)
            self._sampler.cost.ignore_clock_step()
            self._events.add_suspension(asleep_ms)
            step_ms -= asleep_ms
            if abs(step_ms) <= STEP_TOLERANCE_MS:
                return False
        log.warning("the wall clock was set; following it", extra=fields(step_ms=round(step_ms)))
        self._grid.anchor(wall_ns, monotonic)
        self._sampler.cost.ignore_clock_step()
        time_ms = self._grid.at(monotonic)[0]
        self._events.add_clock_step(time_ms, step_ms)
        self._on_step(time_ms, step_ms)
        self._series = None  # so that the index gets the running containers with their new times
        return True

    def _listings(self) -> Listings:
        readers = self._sampler.readers
        return readers.listings(), readers.other_listings()

    def _hand_over(self, tick: Tick, ticks: MemoryObjectSendStream[Tick]) -> None:
        try:
            ticks.send_nowait(tick)
        except anyio.WouldBlock:
            self._sampler.cost.missed_ticks += 1
            log.error("dropped a tick, because the disk is too slow", extra=fields(time_ms=tick.time_ms))
        if tick.series is not self._series:
            self._series = tick.series
            self._index.update(self._sampler.readers.alive, tick.time_ms)
            self._follower.update_series(tick.series)
            if self._engines is not None:
                self._engines.update_series(tick.series)
