"""The rows of a merged hour that count if there are also single windows of that hour.

A window is among the sources of the hour if the hour has its rows: it has only not been removed yet, and is not read.
Any other window of the hour was recorded or recovered later, and replaces the rows of the hour in its range.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from fgm.store.directory import layout
from fgm.store.parquet.window_block import WindowBlock
from fgm.store.samples.chunk import Chunk

Range = tuple[int, int]
"""A range of time: start (inclusive) and end (exclusive), in ms since 1970."""

END_MS = 1 << 62
"""An instant after all others."""


def has_rows_of(hour: WindowBlock, window: WindowBlock) -> bool:
    """Return whether a window is among the sources of an hour. A copy of a window may have another name."""
    start_ms = range_of(window)[0]
    return any(
        source.fingerprint == window.fingerprint and _start_of(source.name) == start_ms for source in hour.sources
    )


def range_of(window: WindowBlock) -> Range:
    """Return the range of a window, from its first tick and its rotation interval."""
    span = layout.window_at(window.first_ms, window.header.rotation_s)
    return span.start_ms, span.end_ms


def start_of(block: WindowBlock) -> int:
    """Return the start of a window, or of a merged hour, from its block."""
    starts = [start_ms for source in block.sources if (start_ms := _start_of(source.name)) is not None]
    return min(starts) - min(starts) % layout.HOUR_MS if starts else range_of(block)[0]


def range_of_source(hour: WindowBlock, name: str) -> Range | None:
    """Return the range in which an hour has the rows of one of its sources; None if it has none of that name.

    The range ends where the next source begins, because the length of a window may have been changed.
    """
    if not any(source.name == name for source in hour.sources):
        return None
    starts = [start_ms for source in hour.sources if (start_ms := _start_of(source.name)) is not None]
    start_ms = _start_of(name)
    if start_ms is None:
        return None
    return start_ms, min((other for other in starts if other > start_ms), default=END_MS)


def cut(chunk: Chunk, within: Range | None, hidden: Sequence[Range]) -> Chunk:
    """Return the rows of a chunk in a range, without those in hidden ranges, as copies if there are fewer.

    `within`: None: all.
    """
    time_ms = chunk.time_ms
    first, end = (0, len(time_ms)) if within is None else np.searchsorted(time_ms, within).tolist()
    rows = slice(first, end)
    kept = np.ones(end - first, np.bool_)
    for start_ms, end_ms in hidden:
        kept[(time_ms[rows] >= start_ms) & (time_ms[rows] < end_ms)] = False
    if len(kept) == len(time_ms) and kept.all():
        return chunk
    values = {name: column[rows][kept] for name, column in chunk.values.items()}
    return Chunk(chunk.series, time_ms[rows][kept], chunk.late_ms[rows][kept], values)


def joined(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return one chunk for each series, in ascending order of time. Of rows with the same time the first one counts."""
    by_key: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        if len(chunk.time_ms):
            by_key.setdefault(chunk.series.key, []).append(chunk)
    return [parts[0] if len(parts) == 1 else _joined(parts) for parts in by_key.values()]


def _joined(parts: Sequence[Chunk]) -> Chunk:
    time_ms = np.concatenate([part.time_ms for part in parts])
    by_time = np.unique(time_ms, return_index=True)[1]
    newest = max(parts, key=lambda part: int(part.time_ms[-1]))
    values = {name: np.concatenate([part.values[name] for part in parts])[by_time] for name in parts[0].values}
    late_ms = np.concatenate([part.late_ms for part in parts])[by_time]
    return Chunk(newest.series, time_ms[by_time], late_ms, values)


def groups_of(keys: Iterable[str], rows: Mapping[str, int], max_rows: int) -> Iterator[list[str]]:
    """Divide keys into groups that have at most so many rows together, and at least one key each."""
    group, total = list[str](), 0
    for key in keys:
        count = rows.get(key, 0)
        if group and total + count > max_rows:
            yield group
            group, total = [], 0
        group.append(key)
        total += count
    if group:
        yield group


def _start_of(name: str) -> int | None:
    parsed = layout.parse_name(name)
    return None if parsed is None else parsed.start_ms
