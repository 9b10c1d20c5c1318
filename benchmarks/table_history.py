"""Generated process and labelled tables of any length: `python -m benchmarks.table_history --days 7 DIR [--merged]`.

Values resemble recorded ones: CPU time in steps of 10 ms, memory in pages, processes that start and end, the counters
of one disk. The same seed gives the same bytes. With `--merged`, the windows of each hour are merged.
"""

import argparse
import os
import sys
import time
import uuid
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.samples.header import FileHeader
from fgm.store.tables.merged_tables import merge_tables
from fgm.store.tables.table_rows import ORDER, RUN_FIELDS, field_types
from fgm.store.tables.table_writer import write_table

ROTATION_S = 90
ROUND_MS = 10_000
IDENTIFIER = "worker-1"
METRICS = ("io.stat.rbytes", "io.stat.rios", "io.stat.wbytes", "io.stat.wios")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_history", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory to write into")
    parser.add_argument("--days", type=float, default=7.0, help="length in days (default: 7)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers at a time (default: 40)")
    parser.add_argument("--services", type=int, default=30, help="number of services (default: 30)")
    parser.add_argument("--processes", type=int, default=3, help="mean number of processes of a series (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    parser.add_argument("--until", type=int, help="end of the history, in ms since 1970 (default: now)")
    parser.add_argument("--merged", action="store_true", help="merge the windows of each hour")
    arguments = parser.parse_args(argv)
    until_ms = arguments.until or time.time_ns() // 1_000_000
    first_ms = (until_ms - round(arguments.days * layout.DAY_MS)) // layout.HOUR_MS * layout.HOUR_MS
    made = Made(arguments.containers, arguments.services, arguments.processes, arguments.seed)
    for hour_ms in range(first_ms, until_ms, layout.HOUR_MS):
        folder = os.path.join(arguments.data_dir, layout.day_folder(hour_ms), layout.identifier_folder(IDENTIFIER))
        os.makedirs(folder, exist_ok=True)
        starts = range(hour_ms, min(hour_ms + layout.HOUR_MS, until_ms), ROTATION_S * 1000)
        for start_ms in starts:
            made.write(folder, start_ms)
        if arguments.merged and hour_ms + layout.HOUR_MS <= until_ms:
            for kind in ("processes", "labelled"):
                merge(folder, kind, hour_ms)
    return 0


def merge(folder: str, kind: TableKind, hour_ms: int) -> None:
    """Merge the windows of an hour."""
    paths = [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if (parsed := layout.parse_table_name(name)) is not None
        and parsed[0] == kind
        and hour_ms <= parsed[1] < hour_ms + layout.HOUR_MS
    ]
    if not paths:
        return
    with open(os.path.join(folder, layout.table_hour_name(kind, hour_ms)), "w+b") as file:
        merge_tables(file, kind, paths)
    for path in paths:
        os.unlink(path)


class Made:
    """The processes and disks of a node."""

    def __init__(self, containers: int, services: int, processes: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        ids = [self._random.bytes(32).hex() for _ in range(containers)]
        uids = [str(uuid.UUID(bytes=self._random.bytes(16))) for _ in ids]
        self._ids = [*ids, *[None] * services]
        self._uids = [*uids, *[None] * services]
        of_containers = [f"/kubepods/burstable/pod{uid}/{name}" for uid, name in zip(uids, ids, strict=True)]
        self._cgroups = [*of_containers, *(f"/system.slice/service-{i}.service" for i in range(services))]
        series = containers + services
        counts = np.minimum(1 + self._random.geometric(1 / max(processes, 1), series) - 1, 20)
        self._series = np.repeat(np.arange(series), counts)
        self._pid = np.arange(len(self._series)) * 7 + 1000
        self._start_ms = np.full(len(self._series), 1_700_000_000_000) + self._pid * 10
        self._busy = self._random.exponential(3.0, len(self._series)) * (self._random.random(len(self._series)) < 0.5)
        self._cpu = np.zeros(len(self._series))
        self._rss = np.round(self._random.exponential(2000, len(self._series))) * 4096 + 4096
        self._disk = np.zeros((series, len(METRICS)))

    def write(self, folder: str, start_ms: int) -> None:
        """Write the tables of a window."""
        header = FileHeader("node-1", IDENTIFIER, 1000, ROTATION_S)
        times = np.arange(start_ms, start_ms + ROTATION_S * 1000, ROUND_MS)
        ends = self._random.random(len(self._pid)) < 0.002
        self._pid[ends] += 100_003
        self._start_ms[ends] = start_ms
        self._cpu[ends] = 0
        processes, rounds = len(self._pid), len(times)
        shape = (processes, rounds)
        cpu = self._cpu[:, None] + np.cumsum(self._random.poisson(self._busy[:, None], shape), 1) * 10_000.0
        steps = self._random.integers(-50, 60, shape) * (self._random.random(shape) < 0.1) * 4096.0
        rss = np.maximum(self._rss[:, None] + np.cumsum(steps, 1), 4096.0)
        self._cpu, self._rss = cpu[:, -1], rss[:, -1]
        second = self._series % 10 * 1000
        late = np.round(5 + 30 * self._random.random(shape), 1)
        numbers = {
            "time_ms": (times + second[:, None]).ravel(),
            "pid": np.repeat(self._pid, rounds),
            "start_time_ms": np.repeat(self._start_ms, rounds),
            "cpu_usec": cpu.ravel(),
            "rss_bytes": rss.ravel(),
            "threads": np.repeat(1.0 + self._pid % 5, rounds),
            "fds": np.repeat(4.0 + self._pid % 3, rounds),
            "late_ms": late.ravel(),
            "children_cpu_usec": np.zeros(processes * rounds),
        }
        codes = np.repeat(np.arange(processes, dtype=np.int32) % 12, rounds)
        texts = {"comm": Texts(codes, [f"process-{i}" for i in range(12)])}
        self._table(folder, "processes", start_ms, np.repeat(self._series, rounds), numbers, texts, header)

        series, metrics = len(self._ids), len(METRICS)
        requests = self._random.poisson([4096.0, 1.0, 40960.0, 10.0], (rounds, series, metrics))
        disk = self._disk + np.cumsum(requests * (self._random.random((rounds, series, 1)) < 0.3), 0)
        self._disk = disk[-1]
        size = series * metrics
        codes = np.tile(np.tile(np.arange(metrics, dtype=np.int32), series), rounds)
        texts = {"metric": Texts(codes, METRICS), "label": Texts(np.zeros(size * rounds, np.int32), ["nvme0n1"])}
        of_rows = np.tile(np.repeat(np.arange(series), metrics), rounds)
        scopes = np.array([name is None for name in self._ids]).astype(np.int32)
        texts["scope"] = Texts((1 - scopes)[of_rows].astype(np.int32), ["cgroup", "container"])
        numbers = {"time_ms": np.repeat(times, size), "value": disk.ravel()}
        self._table(folder, "labelled", start_ms, of_rows, numbers, texts, header)

    def _table(  # noqa: PLR0917 - the parts of a table
        self,
        folder: str,
        kind: TableKind,
        start_ms: int,
        series: NDArray[np.int64],
        numbers: dict[str, NDArray[np.int64] | NDArray[np.float64]],
        texts: dict[str, Texts],
        header: FileHeader,
    ) -> None:
        columns: dict[str, Column] = {**numbers, **texts}
        names: Sequence[str | None]
        for field, names in (("container_id", self._ids), ("pod_uid", self._uids), ("cgroup", self._cgroups)):
            values = sorted({name for name in names if name is not None})
            codes = np.array([-1 if name is None else values.index(name) for name in names], np.int32)
            columns[field] = Texts(codes[series], values)
        rows = len(series)
        for field in field_types(kind):
            columns.setdefault(field, Texts(np.full(rows, -1, np.int32), []))
        keys = [_key(columns[field]) for field in reversed(ORDER[kind])]
        order = np.lexsort(keys)
        ordered = {field: _at(column, order) for field, column in columns.items()}
        assert set(RUN_FIELDS[kind]) <= ordered.keys()
        with open(os.path.join(folder, layout.table_name(kind, start_ms)), "w+b") as file:
            write_table(file, kind, header, ordered.__getitem__)


def _key(column: Column) -> NDArray[np.int32] | NDArray[np.int64] | NDArray[np.float64]:
    return column.codes if isinstance(column, Texts) else column


def _at(column: Column, order: NDArray[np.intp]) -> Column:
    return column._replace(codes=column.codes[order]) if isinstance(column, Texts) else column[order]


if __name__ == "__main__":
    sys.exit(main())
