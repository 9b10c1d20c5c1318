"""Merges the windows of an hour into one file, in the steps in which the collector publishes it."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory import layout
from fgm.store.parquet.column_pages import ColumnType
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import LATE, Run, Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import order
from fgm.viewer.files.hours import merged_rows


def windows_of(folder: Path, hour_ms: int) -> list[Path]:
    """Return the single windows of an hour, oldest first."""
    parsed = {path: layout.parse_name(path.name) for path in sorted(folder.glob("metrics-*.parquet"))}
    return [
        path
        for path, name in parsed.items()
        if name is not None and name.duration_ms is None and 0 <= name.start_ms - hour_ms < layout.HOUR_MS
    ]


def publish_hour(folder: Path, hour_ms: int) -> Path | None:
    """Write the file of an hour from its windows and its earlier file, and leave the windows; None without windows."""
    opened = [WindowFile.open(str(path)) for path in windows_of(folder, hour_ms)]
    path = folder / layout.hour_name(hour_ms)
    earlier = WindowFile.open(str(path)) if path.exists() else None
    later = [file for file in opened if earlier is None or not merged_rows.has_rows_of(earlier.block, file.block)]
    if not later:
        return None
    sources = [Source(Path(file.path).name, file.block.fingerprint) for file in later]
    chunks = [chunk for file in later for chunk in file.chunks(sorted(file.metrics))]
    if earlier is not None:
        hidden = [merged_rows.range_of(file.block) for file in later]
        cut = [merged_rows.cut(chunk, None, hidden) for chunk in earlier.chunks(sorted(earlier.metrics))]
        chunks = [*(chunk for chunk in cut if len(chunk.time_ms)), *chunks]
        replaced = {source.name for source in sources}
        sources = [*(source for source in earlier.block.sources if source.name not in replaced), *sources]
    content = _encode(
        sorted(merged_rows.joined(chunks), key=lambda chunk: order(chunk.series)), opened[0].header, sources
    )
    for file in (*opened, *([] if earlier is None else [earlier])):
        file.close()
    new = path.with_suffix(".tmp")
    new.write_bytes(content)
    new.rename(path)
    return path


def remove_sources(folder: Path, hour_ms: int, at_most: int = 1000) -> int:
    """Remove windows whose rows the file of an hour has; return their number."""
    path, removed = folder / layout.hour_name(hour_ms), 0
    if not path.exists():
        return 0
    hour = WindowFile.open(str(path))
    for window in windows_of(folder, hour_ms):
        file = WindowFile.open(str(window))
        if removed < at_most and merged_rows.has_rows_of(hour.block, file.block):
            window.unlink()
            removed += 1
        file.close()
    hour.close()
    return removed


def merge(folder: Path, hour_ms: int) -> Path | None:
    """Merge an hour completely."""
    path = publish_hour(folder, hour_ms)
    remove_sources(folder, hour_ms)
    return path


def _encode(chunks: list[Chunk], header: FileHeader, sources: list[Source]) -> bytes:
    ends = np.cumsum([len(chunk.time_ms) for chunk in chunks]).tolist()
    runs = [
        Run(chunk.series, end - len(chunk.time_ms), len(chunk.time_ms)) for chunk, end in zip(chunks, ends, strict=True)
    ]

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([chunk.late_ms if name == LATE else chunk.values[name] for chunk in chunks])

    file, time_ms = io.BytesIO(), np.concatenate([chunk.time_ms for chunk in chunks])
    columns: dict[str, ColumnType] = dict.fromkeys(
        sorted({name for chunk in chunks for name in chunk.values}), "integer"
    )
    write_metrics(file, header, runs, time_ms, column, columns=columns, sources=sources)
    return file.getvalue()
