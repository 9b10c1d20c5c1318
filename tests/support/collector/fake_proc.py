"""A /proc that a test writes, and a clock that it moves."""

import os
from pathlib import Path

from fgm.collector.sampling.process_list import Listing
from fgm.store.samples.series import Series

WRITE_ONLY = "/sys/bus/cpu/uevent"
"""A file that cannot be read, even by root; reading it fails with EACCES."""
PAGE_BYTES = 4096
TICKS = 100
MIB = 1 << 20


class Ticking:
    """A clock that advances by `step_s` whenever it is read."""

    def __init__(self, step_s: float = 0.0, now: float = 1000.0) -> None:
        self.now = now
        self.step_s = step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


class FakeProc:
    """Processes as files in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)

    def add(
        self,
        pid: int,
        *,
        comm: str = "app",
        cpu_s: float = 0.0,
        started_s: float = 0.0,
        resident: int = MIB,
        pss_kb: int = 100,
        smaps: str = "",
    ) -> None:
        """Add a process, or change it; `resident` in bytes."""
        folder = Path(self.root, str(pid))
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        ticks, start, pages = round(cpu_s * TICKS), round(started_s * TICKS), resident // PAGE_BYTES
        zeros = " 0" * 10
        stat = f"{pid} ({comm}) S{zeros} {ticks} 0 0 0 20 0 3 0 {start} 9999 {pages} 0 0\n"
        (folder / "stat").write_text(stat)
        (folder / "statm").write_text(f"99999 {pages} 10 1 0 50 0\n")
        (folder / "smaps").write_text(smaps)
        rollup = folder / "smaps_rollup"
        if not rollup.is_symlink():
            rollup.write_text(
                f"0-f ---p 0 00:00 0 [rollup]\nRss: 999 kB\nPss: {pss_kb} kB\nPss_Anon: {pss_kb - 1} kB\n"
            )

    def refuse(self, pid: int, file: str = "smaps_rollup") -> None:
        """Make a file of a process unreadable."""
        path = Path(self.root, str(pid), file)
        path.unlink()
        os.symlink(WRITE_ONLY, path)


def listing(name: str, *pids: int, huge_share: float = 0.0) -> Listing:
    """Return the processes of a container named `name`."""
    series = Series("container", container_id=name, container_name=f"name-{name}", pod_name="pod", namespace="default")
    return Listing(series, ("".join(f"{pid}\n" for pid in pids).encode(),), huge_share)
