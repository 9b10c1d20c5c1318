"""The whole collector in the process of a test, on a captured host and a clock of the test."""

from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import to_thread

from fgm.clock import SystemClock
from fgm.collector.assembly import make_daemon
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.daemon import Daemon
from fgm.collector.settings import Settings
from fgm.collector.sizes import FreeSpace
from tests.support.captured_host import CapturedHost, captured_host
from tests.support.processes import LOOK_AGAIN_S


class SteppedClock(SystemClock):
    """The clocks of the machine, with a wall clock that the test can set, and time asleep that it can add."""

    step_ns = 0
    slept_s = 0.0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.step_ns + round(self.slept_s * 1e9)

    def asleep_s(self) -> float:
        return super().asleep_s() + self.slept_s


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
            no_engines=True,  # those of this machine know none of the containers
        )

    async def daemon(self) -> Daemon:
        def make() -> Daemon:
            self.data_dir.mkdir(exist_ok=True)
            return make_daemon(self.settings, detect(self.settings.cgroup_root), {}, self.clock)

        return await to_thread.run_sync(make)

    async def run_until(self, condition: Callable[[], bool]) -> None:
        """Record until the condition holds, then stop in order."""
        daemon = await self.daemon()
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                await group.start(daemon.run)
                while not await to_thread.run_sync(condition):
                    await anyio.sleep(LOOK_AGAIN_S)
                daemon.stop()
