"""Facts about a host, which are needed to convert the kernel's values of processes to standard units."""

from collections.abc import Callable
from dataclasses import dataclass

from fgm.parse.processes.process import ProcessStat
from fgm.store.samples.series import Series

Identity = tuple[int, str | None, str | None, str | None, str | None, str | None, int, int, str]
"""Values of the first columns of a ProcessRow or RegionRow, from `time_ms` to `comm`."""


@dataclass(slots=True)
class Host:
    """Facts about a host. `booted_ms`: time of its boot since 1970 UTC; `since_boot`: returns seconds since boot.

    Thread-safe.
    """

    proc_root: str
    ticks_per_second: int
    page_size_bytes: int
    booted_ms: int
    since_boot: Callable[[], float]

    def step_clock(self, step_ms: float) -> None:
        """Move the time of the boot with the wall clock. `step_ms`: negative if that was set back."""
        self.booted_ms += round(step_ms)

    def start_ms(self, stat: ProcessStat) -> int:
        """Return the start time of a process, in ms since 1970 UTC."""
        return self.booted_ms + stat.starttime_ticks * 1000 // self.ticks_per_second

    def identity(self, time_ms: int, series: Series, stat: ProcessStat) -> Identity:
        """Return the first columns of a row: its time, its container and its process."""
        container = (series.container_id, series.container_name, series.pod_name, series.namespace, series.pod_uid)
        return (time_ms, *container, stat.pid, self.start_ms(stat), stat.comm)
