"""Ticks from which events are derived, and earlier runs that recorded them."""

from pathlib import Path

import numpy as np

from fgm.collector.windows.closing import close_window
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from tests.support.collector.windows import HEADER, START_MS, record

A = Series("container", "a" * 64, pod_uid="p", cgroup="/kubepods/podp/a")
B = Series("container", "b" * 64, pod_uid="p", cgroup="/kubepods/podp/b")
POD = Series("pod", pod_uid="p", cgroup="/kubepods/podp")
POPULATED, KILLS, GROUP_KILLS, MEMORY = (
    1 + COLUMNS.index(name)
    for name in (
        *("cgroup.events.populated", "memory.events.oom_kill", "memory.events.oom_group_kill"),
        "memory.current",
    )
)


def tick(second: float, *series: Series, kills: float = 0, group_kills: float = 0) -> Tick:
    rows = np.full((len(series), 1 + len(COLUMNS)), np.nan)
    rows[:, 0], rows[:, POPULATED], rows[:, MEMORY] = 1.0, 1, 1 << 20
    rows[:, KILLS], rows[:, GROUP_KILLS] = kills, group_kills
    return Tick(START_MS + round(second * 1000), series, rows)


def leave_behind(data_dir: Path, *ticks: Tick, closed: bool, header: FileHeader = HEADER) -> None:
    for journal in record(data_dir, *ticks, header=header):
        if closed:
            close_window(journal, 3)
