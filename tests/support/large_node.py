"""Data of a node with as many containers as a full one has, with names as long as Kubernetes allows them."""

from dataclasses import replace
from pathlib import Path

from fgm.store.directory import layout
from fgm.store.events import events_file
from fgm.store.events.event import Event
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import LabelledRow, ProcessRow
from tests.support.viewer.data_directory import KILLS, MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container

CONTAINERS = 165
LENGTH_S = 360
"""Length of the recording: five minutes, and one in which every container is busy, grows and is killed."""
CALM_S = 300
LONG = "a-very-long-name-" * 15
POD, NAMESPACE, NAME = LONG[:246], LONG[:60], LONG[:60]
"""Begins of names: pods have up to 253 characters, namespaces and containers up to 63."""


def written(folder: Path) -> Path:
    """Write the data; return the directory."""
    data = DataDirectory(folder)
    of = [_container(number) for number in range(CONTAINERS)]
    slow = Series("cgroup", cgroup=f"/system.slice/{LONG[:240]}.service", node_name="node-1")
    data.parquet(*(_samples(series, number) for number, series in enumerate([NODE, slow, *of])))
    data.write_index(*((series, T0, T0 + 1000 * LENGTH_S) for series in of))
    start_ms = T0 + 1000 * 270
    here = data.folder(start_ms)
    rows = [_process(series, pid, second) for second in (280, 310, 340) for series in of[:40] for pid in range(12)]
    (here / layout.table_name("processes", start_ms)).write_bytes(process_tables.encode("processes", rows, data.header))
    disks = [_disk(series, number, second) for second in (280, 290) for series in [NODE] for number in range(60)]
    (here / layout.table_name("labelled", start_ms)).write_bytes(process_tables.encode("labelled", disks, data.header))
    events_file.append_to_day(
        str(folder), "node-1", start_ms, [_kill(series, number) for number, series in enumerate(of)]
    )
    return folder


def _container(number: int) -> Series:
    return replace(
        container(number),
        container_name=f"{NAME}{number:03}",
        pod_name=f"{POD}{number:07}",
        namespace=f"{NAMESPACE}{number:03}",
    )


def _samples(series: Series, number: int) -> Chunk:
    busy = [1e4 * second + (9e5 + 1e3 * number) * max(0, second - CALM_S) for second in range(LENGTH_S)]
    grown = [1e6 * (number + 1) + 1e6 * max(0, second - CALM_S) for second in range(LENGTH_S)]
    kills = [float(second > CALM_S + 30) for second in range(LENGTH_S)]
    return chunk(series, T0, {USAGE: busy, MEMORY: grown, KILLS: kills})


def _process(series: Series, pid: int, second: int) -> ProcessRow:
    at_ms = T0 + 1000 * second
    names = (series.container_id, series.container_name, series.pod_name, series.namespace, series.pod_uid)
    cpu_usec, rss_bytes = 1e6 * second * pid, 1e8 + second * 1e6
    return ProcessRow(at_ms, *names, 1000 + pid, T0, f"worker-process-{pid}"[:15], cpu_usec, rss_bytes, 8.0, 100.0)


def _disk(series: Series, number: int, second: int) -> LabelledRow:
    label = f"/{LONG}{number:03}"
    names = (None, None, None, None, None)
    at_ms = T0 + 1000 * second
    return LabelledRow(at_ms, series.scope, *names, series.cgroup, "filesystem.free_bytes", label, 1e9 * second)


def _kill(series: Series, number: int) -> Event:
    at_ms = T0 + 1000 * (CALM_S + 30) + number
    return Event(at_ms, "oom_kill", series.key, "a process was killed: memory ran out", {"kills": 0}, {"kills": 1})
