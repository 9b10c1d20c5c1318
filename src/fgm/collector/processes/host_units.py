"""The facts about a host that turn the kernel's numbers about processes into units."""

from collections.abc import Callable
from dataclasses import dataclass

from fgm.parse.process import ProcessStat
from fgm.store.samples.series import Series

Identity = tuple[int, str | None, str | None, str | None, str | None, str | None, int, int, str]
"""The columns that come first in a ProcessRow and in a RegionRow, from `time_ms` to `comm`."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host. `booted_ms`: instant of its start, since 1970 UTC; `since_boot`: clock, in seconds."""

    proc_root: str
    ticks_per_second: int
    page_size_bytes: int
    booted_ms: int
    since_boot: Callable[[], float]

    def start_ms(self, stat: ProcessStat) -> int:
        """Return the instant at which a process started, in ms since 1970 UTC."""
        return self.booted_ms + stat.starttime_ticks * 1000 // self.ticks_per_second

    def identity(self, time_ms: int, series: Series, stat: ProcessStat) -> Identity:
        """Return the columns that say of which process of which container a row is, and of which instant."""
        container = (series.container_id, series.container_name, series.pod_name, series.namespace, series.pod_uid)
        return (time_ms, *container, stat.pid, self.start_ms(stat), stat.comm)
