"""Real data directories, written from a few numbers with the writers of the store."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.index.index_file import Facts, Index, IndexEntry, dump
from fgm.store.journal.journal_writer import JournalWriter
from fgm.store.parquet import parquet_encoding
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from fgm.store.tables import process_tables
from fgm.store.tables.table_journal import TableJournal
from fgm.store.tables.table_rows import Row

T0 = 1_767_110_400_000
"""2025-12-30T16:00:00Z, the start of a window."""
USAGE, MEMORY = "cpu.stat.usage_usec", "memory.current"
KILLS = "memory.events.oom_kill"
COLUMNS = (USAGE, MEMORY, "memory.stat.inactive_file", "io.stat.rbytes", "io.stat.wbytes", KILLS)

NODE = Series("node", node_name="node-1")


def container(number: int, name: str = "", pod: str | None = None) -> Series:
    """Return a container whose id begins with its number, in twelve digits."""
    container_id = f"{number:012x}".ljust(64, "e")
    return Series(
        "container",
        container_id=container_id,
        container_name=name or f"name-{number}",
        pod_name=pod or f"pod-{number}",
        namespace="default",
        qos_class="Burstable",
        runtime="containerd",
        node_name="node-1",
    )


def id_of(number: int) -> str:
    """Return the id of that container in the API."""
    return f"{number:012x}"


def chunk(
    series: Series,
    from_ms: int,
    values: Mapping[str, Sequence[float | None]],
    *,
    step_ms: int = 1000,
    late_ms: ArrayLike = 0.0,
) -> Chunk:
    """Return samples every `step_ms`, starting at `from_ms`; None is null."""
    columns = {name: np.array([np.nan if v is None else v for v in column], float) for name, column in values.items()}
    count = len(next(iter(columns.values())))
    time_ms = from_ms + step_ms * np.arange(count, dtype=np.int64)
    return Chunk(series, time_ms, np.broadcast_to(np.asarray(late_ms, float), count).copy(), columns)


def counting(series: Series, from_ms: int, count: int, *, per_second: float = 1000.0) -> Chunk:
    """Return a series whose CPU grows by `per_second` µs each second, and whose memory by one byte."""
    ticks = (from_ms - T0) / 1000 + np.arange(count)
    return chunk(series, from_ms, {USAGE: list(ticks * per_second + 5e6), MEMORY: list(ticks + 1e6)})


class DataDirectory:
    """One data directory, as a collector leaves it."""

    def __init__(
        self, root: Path, *, rotation_s: int = 90, interval_ms: int = 1000, identifier: str = "node-1"
    ) -> None:
        self.root = root
        self.header = FileHeader("node-1", identifier, interval_ms, rotation_s, cluster_name="cluster-1")

    @property
    def index(self) -> Path:
        return self.root / layout.INDEX_NAME

    def folder(self, instant_ms: int) -> Path:
        folder = self.root / layout.day_folder(instant_ms) / layout.identifier_folder(self.header.identifier)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def parquet(self, *chunks: Chunk, columns: Sequence[str] = COLUMNS) -> list[Path]:
        """Write the samples into closed windows; return their files, oldest first."""
        parts: dict[int, list[Chunk]] = {}
        for whole in chunks:
            starts = [layout.window_at(int(t), self.header.rotation_s).start_ms for t in whole.time_ms]
            for start_ms in dict.fromkeys(starts):
                parts.setdefault(start_ms, []).append(_rows(whole, np.array(starts) == start_ms))
        paths = []
        for start_ms, window in sorted(parts.items()):
            path = self.folder(start_ms) / layout.metrics_name(start_ms)
            types = {name: COLUMN_TYPES.get(name, "integer") for name in columns}
            path.write_bytes(parquet_encoding.encode(window, types, self.header))
            paths.append(path)
        return paths

    def journal(self, *chunks: Chunk, supersedes: bool = False) -> Path:
        """Append the ticks of one window to its journal; return the journal."""
        first_ms = min(int(part.time_ms[0]) for part in chunks)
        start_ms = layout.window_at(first_ms, self.header.rotation_s).start_ms
        path = self.folder(start_ms) / layout.journal_name(start_ms)
        writer = JournalWriter(str(path), self.header, COLUMNS, supersedes=supersedes)
        for time_ms in sorted({int(t) for part in chunks for t in part.time_ms}):
            rows_of = [(part, int(np.searchsorted(part.time_ms, time_ms))) for part in chunks]
            rows_of = [(part, i) for part, i in rows_of if i < len(part.time_ms) and part.time_ms[i] == time_ms]
            rows = np.array([_row(part, i) for part, i in rows_of])
            writer.append(Tick(time_ms, tuple(part.series for part, _ in rows_of), rows))
        writer.close()
        return path

    def table(self, kind: TableKind, start_s: int, rows: Sequence[Row]) -> Path:
        """Write the table of a closed window. `start_s`: start of the window, in seconds after T0."""
        start_ms = T0 + start_s * 1000
        path = self.folder(start_ms) / layout.table_name(kind, start_ms)
        path.write_bytes(process_tables.encode(kind, rows, self.header))
        return path

    def open_table(self, kind: TableKind, start_s: int, rows: Sequence[Row]) -> Path:
        """Append rows to the journal of the table of a window."""
        start_ms = T0 + start_s * 1000
        path = self.folder(start_ms) / layout.table_journal_name(kind, start_ms)
        journal = TableJournal(str(path), kind, self.header)
        journal.append(rows)
        journal.close()
        return path

    def write_index(
        self, *containers: tuple[Series, int, int], latest_ms: int | None = None, more: Facts | None = None
    ) -> None:
        """Write index.json: each container with the instants at which it was first and last seen.

        `more`: further facts of each container.
        """
        entries = {}
        for series, first_ms, last_ms in containers:
            assert series.container_id is not None
            facts = Facts(
                pod_name=series.pod_name,
                namespace=series.namespace,
                qos_class=series.qos_class,
                container_name=series.container_name,
            )
            facts.update(more or {})
            entries[series.container_id[:12]] = IndexEntry(series.container_id, first_ms, last_ms, facts)
        span = [ms for _, *both in containers for ms in both]
        latest = max([*span, T0]) if latest_ms is None else latest_ms
        index = Index(entries, latest, min(span, default=T0), latest, self.header.rotation_s)
        new = self.index.with_suffix(".tmp")
        new.write_bytes(dump(index))
        new.rename(self.index)


def _rows(whole: Chunk, places: np.ndarray) -> Chunk:
    values = {name: column[places] for name, column in whole.values.items()}
    return Chunk(whole.series, whole.time_ms[places], whole.late_ms[places], values)


def _row(part: Chunk, place: int) -> list[float]:
    return [part.late_ms[place], *(part.values[c][place] if c in part.values else np.nan for c in COLUMNS)]
