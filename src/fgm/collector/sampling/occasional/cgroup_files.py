"""Files of a cgroup whose counters hardly ever change: frozen time, failed forks, and the pressure of interrupts."""

from collections.abc import Mapping
from functools import partial

from fgm.collector.kernel.handles import FolderHandle
from fgm.collector.sampling.occasional.file_group import FileGroup, Parse
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.cgroup2 import CGROUP_STAT_LOCAL, PIDS_EVENTS_LOCAL
from fgm.parse.flat_keyed import flat_keyed
from fgm.parse.pressure import pressure


def _irq_pressure(text: bytes) -> dict[str, float]:
    """Return the total of irq.pressure, which has only the line `full`."""
    _, full = pressure(text, "irq.pressure")
    return {} if full is None else {"irq.pressure.full.total": full}


_FILES: Mapping[str, Parse] = {
    "cgroup.stat.local": partial(flat_keyed, keys=CGROUP_STAT_LOCAL, file="cgroup.stat.local"),
    "pids.events.local": partial(flat_keyed, keys=PIDS_EVENTS_LOCAL, file="pids.events.local"),
    "irq.pressure": _irq_pressure,
}


def node_pressure(proc_root: str, counts: ReadCounts) -> FileGroup:
    """Return the file of the whole node, if the kernel measures the time of interrupts."""
    return FileGroup([(f"{proc_root}/pressure/irq", _irq_pressure)], counts)


def cgroup_files(folders: Mapping[str, str], counts: ReadCounts) -> FileGroup | None:
    """Return the files of a cgroup that exist; None if there are none, as on v1 and before Linux 6.1.

    `folders`: the cgroup's folder by v1 controller (or "unified").
    """
    if "unified" not in folders:
        return None
    folder = folders["unified"]
    try:
        handle = FolderHandle(folder)
    except OSError:  # it was removed
        return None
    group = FileGroup(((f"{folder}/{name}", parse) for name, parse in _FILES.items()), counts, handle)
    return group if any(True for _ in group.paths) else None
