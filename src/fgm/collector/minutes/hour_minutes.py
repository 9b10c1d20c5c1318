"""Writes the minutes of an hour: those of every metric that the viewer can show, from the samples of a merged hour."""

from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import BY_NAME, RECORDED
from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.minutes import AGE_BITS, EXTREME_BITS, Ticks, summarise
from fgm.metrics.rates import Floats, gap_ms
from fgm.metrics.shown import SHOWN
from fgm.store.minutes.day_minutes import DEFAULT_LEVEL
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_writer import MinutesWriter
from fgm.store.parquet.window_block import LATE
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series

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
    """Return the metrics of which minutes are stored: all but those that are another one times a constant."""
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
    columns = _Columns(hour, before)
    from_ms = hour.block.first_ms // MINUTE_MS * MINUTE_MS
    writer = MinutesWriter(hour.header, columns.series, from_ms, level)
    ticks = columns.ticks
    with_values = hour.metrics
    for metrics in similar_metrics():
        rows = {}
        for metric in metrics:
            if metric.has_values(with_values):
                needed = {name: columns[name] for name in metric.needs if name in with_values}
                values = metric.compute(ticks.samples(needed, hour.header.interval_ms))
                rows[metric.name] = summarise(ticks, values, AGE_BITS if metric.unit == "s" else EXTREME_BITS)
        writer.add(rows)
    writer.write(out, sources)


class _Columns:
    """Columns of the hour, with the last rows before it, sorted by series and time. A few are kept."""

    def __init__(self, hour: WindowFile, before: WindowFile | None) -> None:
        self._files = [hour] if before is None else [before, hour]
        self._kept: dict[str, Floats] = {}
        positions: dict[str, int] = {}
        series: list[Series] = []
        for run in hour.block.runs:
            if run.series.key not in positions:
                positions[run.series.key] = len(series)
                series.append(run.series)
        self.series = series
        self._rows: list[NDArray[np.intp]] = []
        parts = []
        lead_ms = gap_ms(max(interval_ms(metric.name, hour.header.interval_ms) for metric in RECORDED))
        for file in self._files:
            codes = np.array([positions.get(run.series.key, -1) for run in file.block.runs])
            of_series = np.repeat(codes, [run.count for run in file.block.runs])
            time_ms = file.time_ms()
            is_used = of_series >= 0
            if file is not hour:
                is_used &= (time_ms >= hour.block.first_ms - lead_ms) & (time_ms < hour.block.first_ms)
            rows = np.flatnonzero(is_used)
            self._rows.append(rows)
            parts.append((of_series[rows], time_ms[rows], np.full(len(rows), file is not hour)))
        all_series, times, is_lead = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        self._order: NDArray[np.intp] = np.lexsort((times, all_series))
        self.ticks = Ticks(all_series[self._order], times[self._order], self[LATE], is_lead[self._order])

    def __getitem__(self, name: str) -> Floats:
        column = self._kept.pop(name, None)
        if column is None:
            parts = [self._part(file, name, rows) for file, rows in zip(self._files, self._rows, strict=True)]
            column = np.concatenate(parts)[self._order]
        self._kept[name] = column
        if len(self._kept) > _KEPT_COLUMNS:
            del self._kept[next(iter(self._kept))]
        return column

    def _part(self, file: WindowFile, name: str, rows: NDArray[np.intp]) -> Floats:
        if file is not self._files[-1] and name != LATE and BY_NAME[name].kind != "counter":
            return np.full(len(rows), np.nan)  # no value of a gauge is computed from the one before
        return file.column(name)[rows]
