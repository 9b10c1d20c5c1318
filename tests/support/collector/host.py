"""A host whose files and clock belong to one test, and the whole collector on it, in this process."""

from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import to_thread

from fgm.clock import SystemClock
from fgm.collector.__main__ import make_metadata, make_sampler, make_watch
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.daemon import Daemon
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.kernel.oom_watch import KillWatch
from fgm.collector.settings import Settings
from fgm.collector.sizes import FreeSpace
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.collector.windows.tick_recorder import Recorder
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.header import FileHeader
from tests.support.captured_host import CapturedHost, captured_host
from tests.support.processes import LOOK_AGAIN_S


class SteppedClock(SystemClock):
    """The machine's clocks, but somebody sets the wall clock."""

    step_ns = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.step_ns


class Host:
    """A captured host and a data directory that belong to one test."""

    def __init__(self, folder: Path) -> None:
        self.captured: CapturedHost = captured_host(folder / "host")
        self.data_dir = folder / "data"
        self.clock = SteppedClock()
        self.settings = Settings(
            data_dir=str(self.data_dir),
            cgroup_root=self.captured.cgroup_root,
            proc_root=self.captured.proc_root,
            sys_root=self.captured.sys_root,
            node_name="worker-3",
            interval_ms=100,
            rotation_seconds=1,
            retention_days=36_500,
            min_free=FreeSpace(),
        )

    async def daemon(self) -> Daemon:
        settings = self.settings
        await to_thread.run_sync(lambda: self.data_dir.mkdir(exist_ok=True))
        header = FileHeader("worker-3", "worker-3", settings.interval_ms, settings.rotation_seconds)
        sampler = await to_thread.run_sync(lambda: make_sampler(settings, detect(settings.cgroup_root)))
        now_ms = self.clock.wall_ns() // 1_000_000
        index = await to_thread.run_sync(IndexKeeper, settings.data_dir, settings.rotation_seconds, now_ms)
        watch = await to_thread.run_sync(make_watch, settings, header)
        recorder = Recorder(settings.data_dir, header, COLUMNS, 3)
        place = (settings.data_dir, "worker-3", settings.interval_ms, "worker-3")
        kills = await to_thread.run_sync(KillWatch, settings.cgroup_root, self.clock)
        events = EventRecorder(*place, clock=self.clock, kills=kills)
        metadata = await to_thread.run_sync(
            lambda: make_metadata(settings, {}, self.clock, index, sampler=sampler, events=events)
        )
        return Daemon(settings, self.clock, sampler, recorder, index, processes=watch, metadata=metadata, events=events)

    async def run_until(self, condition: Callable[[], bool]) -> None:
        """Record until the condition holds, then stop in order."""
        daemon = await self.daemon()
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                await group.start(daemon.run)
                while not await to_thread.run_sync(condition):
                    await anyio.sleep(LOOK_AGAIN_S)
                daemon.stop()
