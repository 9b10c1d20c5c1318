"""Writes the minutes of an hour: those of every metric that the viewer can show, from the samples of a merged hour."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import BY_NAME, RECORDED
from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.minutes import AGE_BITS, EXTREME_BITS, Ticks, summarise
from fgm.metrics.rates import Floats, gap_ms
from fgm.metrics.shown import SHOWN
from fgm.store.minutes.day_minutes import DEFAULT_LEVEL
from fgm.store.minutes.minute_rows import COLUMNS, MINUTE_MS, MinuteRows, combined
from fgm.store.minutes.minutes_writer import MinutesWriter
from fgm.store.parquet.window_file import WindowFile

GROUP_ROWS = 1 << 16
"""Number of rows of the series that are computed at once. The memory that this needs does not depend on the others."""
_KEPT_COLUMNS = 6
"""Number of columns that are kept in memory, for metrics that are computed from the same ones."""

_SIMILAR = (
    ("io_bytes_per_s", "io.stat.wbytes"),
    ("memory_working_set", "memory.current"),
    ("memory.stat.anon", "memory.stat.inactive_anon", "memory.stat.active_anon"),
    ("pids.current", "pids.peak", "container.pid_count"),
)
"""Metrics that mostly have the same values, or move at the same time. Together they need less space."""


def stored_metrics() -> list[ShownMetric]:
    """Return the metrics whose minutes are stored: all but those that are another one times a constant."""
    return [metric for metric in SHOWN.values() if metric.scaled is None]


def similar_metrics() -> list[list[ShownMetric]]:
    """Return the stored metrics in groups that are written together."""
    group_of = {name: number for number, names in enumerate(_SIMILAR) for name in names}
    groups: dict[int | str, list[ShownMetric]] = {}
    for metric in stored_metrics():
        groups.setdefault(group_of.get(metric.name, metric.name), []).append(metric)
    return list(groups.values())


def write_hour(
    hour: WindowFile,
    before: WindowFile | None,
    out: BinaryIO,
    sources: Iterable[tuple[str, int]],
    level: int = DEFAULT_LEVEL,
) -> None:
    """Write the minutes of an hour. `before`: the file before it, from whose last rows the first rates are computed.

    `sources`: name and fingerprint of `hour`.

    Raises: OSError.
    Raises: BadFileError if one of the files is damaged.
    Raises: ValueError if no metric has values.
    """
    runs = {run.series.key: index for index, run in enumerate(hour.block.runs)}
    from_ms = hour.block.first_ms // MINUTE_MS * MINUTE_MS
    with_values = hour.metrics
    packed: dict[str, list[bytes]] = {}
    for keys in _groups(hour):
        columns = _Columns(hour, before, {key: runs[key] for key in keys})
        for metric in stored_metrics():
            if metric.has_values(with_values):
                rows = _minutes_of(metric, columns, with_values)
                if len(rows):
                    packed.setdefault(metric.name, []).append(_pack(rows))
    writer = MinutesWriter(hour.header, hour.series, from_ms, level)
    for metrics in similar_metrics():
        parts = {metric.name: packed.pop(metric.name, []) for metric in metrics}
        writer.add({name: combined([_unpack(part) for part in each]) for name, each in parts.items() if each})
    writer.write(out, sources)


def _groups(hour: WindowFile) -> Iterator[list[str]]:
    """Yield the keys of the series in groups of about `GROUP_ROWS` rows, in file order."""
    keys, rows = list[str](), 0
    for run in hour.block.runs:
        if keys and rows + run.count > GROUP_ROWS:
            yield keys
            keys, rows = [], 0
        keys.append(run.series.key)
        rows += run.count
    if keys:
        yield keys


def _minutes_of(metric: ShownMetric, columns: "_Columns", with_values: Collection[str]) -> MinuteRows:
    needed = {name: columns[name] for name in metric.needs if name in with_values}
    values = metric.compute(columns.ticks.samples(needed, columns.interval_ms))
    return summarise(columns.ticks, values, AGE_BITS if metric.unit == "s" else EXTREME_BITS)


def _pack(rows: MinuteRows) -> bytes:
    return bytes(cramjam.zstd.compress(b"".join(getattr(rows, name).tobytes() for name in COLUMNS), level=1))


def _unpack(packed: bytes) -> MinuteRows:
    raw = np.frombuffer(bytes(cramjam.zstd.decompress(packed)), np.int64).reshape(len(COLUMNS), -1)
    empty = MinuteRows.empty()
    return MinuteRows(*(raw[index].view(getattr(empty, name).dtype) for index, name in enumerate(COLUMNS)))


class _Columns:
    """Columns of some series of the hour, with the last rows before it, sorted by series and time. A few are kept."""

    def __init__(self, hour: WindowFile, before: WindowFile | None, positions: Mapping[str, int]) -> None:
        """Read times and lateness. `positions`: the index of each series in the file of minutes, by its key."""
        self._files = [hour] if before is None else [before, hour]
        self._keys = list(positions)
        self.interval_ms = hour.header.interval_ms
        self._kept: dict[str, Floats] = {}
        self._span = _span_of(hour, self._keys)
        self._rows: list[slice | NDArray[np.intp]] = []
        parts = []
        lead_ms = gap_ms(max(interval_ms(metric.name, hour.header.interval_ms) for metric in RECORDED))
        for file in self._files:
            chunks = file.chunks((), self._keys)
            of_series = np.repeat(
                np.array([positions[chunk.series.key] for chunk in chunks], np.int64),
                [len(chunk.time_ms) for chunk in chunks],
            )
            time_ms = _joined([chunk.time_ms for chunk in chunks], np.int64)
            late_ms = _joined([chunk.late_ms for chunk in chunks], np.float64)
            rows: slice | NDArray[np.intp] = slice(None)
            if file is not hour:
                rows = np.flatnonzero((time_ms >= hour.block.first_ms - lead_ms) & (time_ms < hour.block.first_ms))
            self._rows.append(rows)
            parts.append((of_series[rows], time_ms[rows], late_ms[rows], np.full(len(time_ms[rows]), file is not hour)))
        series, times, late_ms, is_lead = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self._order: NDArray[np.intp] = np.lexsort((times, series))
        self.ticks = Ticks(*(column[self._order] for column in (series, times, late_ms, is_lead)))

    def __getitem__(self, name: str) -> Floats:
        column = self._kept.pop(name, None)
        if column is None:
            parts = [self._part(file, name, rows) for file, rows in zip(self._files, self._rows, strict=True)]
            column = np.concatenate(parts)[self._order]
        self._kept[name] = column
        if len(self._kept) > _KEPT_COLUMNS:
            del self._kept[next(iter(self._kept))]
        return column

    def _part(self, file: WindowFile, name: str, rows: slice | NDArray[np.intp]) -> Floats:
        if not isinstance(rows, slice) and BY_NAME[name].kind != "counter":
            return np.full(len(rows), np.nan)  # no value of a gauge is computed from the one before
        if isinstance(rows, slice) and self._span is not None:
            return file.part(name, *self._span)
        chunks = file.chunks((name,), self._keys, with_late=False)
        return _joined([chunk.values[name] for chunk in chunks], np.float64)[rows]


def _span_of(hour: WindowFile, keys: Collection[str]) -> tuple[int, int] | None:
    """Return the first row and the number of rows of some series; None if other rows are between them."""
    runs = sorted((run for key in keys for run in hour.block.by_key[key]), key=lambda run: run.first)
    rows = sum(run.count for run in runs)
    return (runs[0].first, rows) if runs[-1].first + runs[-1].count == runs[0].first + rows else None


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
