"""Writes a file of minutes, metric by metric, so that the rows of only one metric are in memory at a time.

    PAR1 │ column chunks │ sections │ block and trailer │ footer │ u32 bytes of the footer │ PAR1

The rows of series that do not change come first: they take next to no space, and fgm reads them from the sections. The
rows that change follow, by metric, series and time, in pages that begin with a series.
"""

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.store.minutes import parquet_pages
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows
from fgm.store.minutes.minutes_block import (
    VALUE_COLUMNS,
    MetricRuns,
    MetricSection,
    MinutesBlock,
    PageTable,
    Runs,
    Section,
    pack_section,
)
from fgm.store.minutes.parquet_pages import PLAIN, RLE_DICTIONARY, ColumnChunk, Page
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import IDENTITY_COLUMNS, Series

PAGE_ROWS = 1500
"""Number of rows after which a page ends with the series, as far as possible."""
MIN_CONSTANT_ROWS = 8
"""Minimum number of equal rows next to each other that are a constant run, if the series has other values, too."""
_MAX_PAGE_ROWS = 1 << 17
"""Maximum number of rows in a page of a column that fgm does not read."""
_INTEGERS = ("min_at_ms", "max_at_ms", "count")


class MinutesWriter:
    """Collects the rows of metric after metric, and writes the file at the end. `level`: of zstd."""

    def __init__(self, header: FileHeader, series: Sequence[Series], from_ms: int, level: int) -> None:
        """`series`: those that the rows refer to. `from_ms`: the first minute, or an earlier one."""
        self._header, self._series, self._level = header, series, level
        self._from_ms = from_ms
        self._runs: dict[str, tuple[MetricRuns, int]] = {}
        self._dictionaries: dict[str, _Dictionary] = {name: _Dictionary() for name in _INTEGERS}
        self._pages: dict[str, list[Page]] = {name: [] for name in VALUE_COLUMNS}
        self._page_rows: list[int] = []
        self._waiting: list[MinuteRows] = []
        self._waiting_rows = self._rows_that_change = 0

    def add(self, metric: str, rows: MinuteRows) -> None:
        """Add all rows of a metric, sorted by series and time. Without rows, the metric is not in the file."""
        if not len(rows):
            return
        runs, changing = _split(rows, self._from_ms)
        self._runs[metric] = (runs, self._rows_that_change)
        self._rows_that_change += len(changing)
        ends = np.cumsum(runs.changing.rows)
        start = 0
        for end in ends.tolist():
            # A page ends before the series with which it would become too large.
            if self._waiting_rows and self._waiting_rows + end - start > PAGE_ROWS:
                self._end_page()
            self._waiting.append(changing.at(slice(start, end)))
            self._waiting_rows += end - start
            start = end

    def write(self, out: BinaryIO, sources: Iterable[tuple[str, int]]) -> None:
        """Write the file. `sources`: names and fingerprints of the files that the minutes were computed from.

        Raises: ValueError if there are no rows.
        """
        if not self._runs:
            raise ValueError("a file of minutes without rows is not written")
        self._end_page()
        chunks = [*self._times_and_names(), *self._values()]
        rows = self._constant_rows + self._rows_that_change
        metadata = {
            "fgm.format_version": str(self._header.format_version),
            "fgm.header": json.dumps(self._header.to_json(), separators=(",", ":")),
        }
        out.write(PARQUET_MAGIC)
        crc, at, first_offsets = zlib.crc32(PARQUET_MAGIC), len(PARQUET_MAGIC), []
        for chunk in chunks:
            for number, page in enumerate(chunk.pages):
                if chunk.name in VALUE_COLUMNS and number == len(chunk.pages) - len(self._page_rows):
                    first_offsets.append(at)
                out.write(page.data)
                crc, at = zlib.crc32(page.data, crc), at + len(page.data)
        pages = pack_section(self._page_table(first_offsets).to_bytes(), at, self._level)
        out.write(pages[1])
        at += len(pages[1])
        metrics: dict[str, MetricSection] = {}
        for name, (runs, first_row) in self._runs.items():
            section, packed = pack_section(runs.to_bytes(), at, self._level)
            out.write(packed)
            at += len(packed)
            metrics[name] = MetricSection(*section, first_row)
        footer = parquet_pages.footer(chunks, len(PARQUET_MAGIC), rows, f"fgm version {__version__}", metadata)
        block = self._block(rows, crc, sources, pages[0], metrics)
        out.write(pack_block(block.facts(), footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC)

    @property
    def _constant_rows(self) -> int:
        return sum(int(runs.constant.rows.sum()) for runs, _ in self._runs.values())

    def _end_page(self) -> None:
        if not self._waiting:
            return
        parts, rows = self._waiting, self._waiting_rows
        for name in VALUE_COLUMNS:
            column = np.concatenate([getattr(part, name) for part in parts])
            dictionary = self._dictionaries.get(name)
            if dictionary is None:
                page = parquet_pages.data_page(column.tobytes(), rows, PLAIN, self._level)
            else:
                content = parquet_pages.codes(dictionary.codes(column))
                page = parquet_pages.data_page(content, rows, RLE_DICTIONARY, self._level)
            self._pages[name].append(page)
        self._page_rows.append(rows)
        self._waiting, self._waiting_rows = [], 0

    def _page_table(self, first_offsets: list[int]) -> PageTable:
        pages = [self._pages[name] for name in VALUE_COLUMNS]
        sizes = np.array([[len(page.data) for page in column] for column in pages], np.int64)
        crcs = np.array([[zlib.crc32(page.data) for page in column] for column in pages], np.int64)
        headers = np.array([[page.header_size for page in column] for column in pages], np.int64)
        first = np.array(first_offsets or [0] * len(pages), np.int64)
        offset = first[:, None] + np.cumsum(sizes, axis=1) - sizes
        return PageTable(np.array(self._page_rows, np.int64), offset, sizes, crcs, headers)

    def _block(
        self,
        rows: int,
        crc: int,
        sources: Iterable[tuple[str, int]],
        pages: Section,
        metrics: dict[str, MetricSection],
    ) -> MinutesBlock:
        ranges = [
            (int(each.first.min()), int((each.first + each.step * (each.rows - 1)).max()))
            for runs, _ in self._runs.values()
            for each in (runs.changing, runs.constant)
            if len(each.rows)
        ]
        low, high, counts = (self._dictionaries[name].values() for name in _INTEGERS)
        return MinutesBlock(
            header=self._header,
            first_ms=self._from_ms,
            last_ms=self._from_ms + max(last for _, last in ranges) * MINUTE_MS,
            rows=rows,
            crc=crc,
            sources=tuple(sources),
            at_ms=(low, high),
            counts=counts,
            pages=pages,
            metrics=metrics,
            series=tuple(self._series),
            position={},
        )

    def _values(self) -> list[ColumnChunk]:
        """Return the column chunks of the values: dictionary, constant rows, rows that change."""
        runs = [runs for runs, _ in self._runs.values()]
        rows = np.concatenate([each.constant.rows for each in runs])
        constants = {
            "number": np.concatenate([each.value for each in runs]),
            "at_ms": np.concatenate([each.at_ms for each in runs]),
            "count": np.concatenate([each.count for each in runs]),
        }
        chunks = []
        for name in VALUE_COLUMNS:
            kind = "integer" if name in _INTEGERS else "number"
            values = constants["number" if kind == "number" else "count" if name == "count" else "at_ms"]
            pages: list[Page] = []
            if kind == "integer":
                codes = self._dictionaries[name].codes(values)
                content = self._dictionaries[name].values().astype("<i4").tobytes()
                size = len(self._dictionaries[name].values())
            else:
                dictionary, codes = np.unique(values, return_inverse=True)
                content, size = dictionary.astype("<f8").tobytes(), len(dictionary)
            if size:
                pages.append(parquet_pages.dictionary_page(content, size, self._level))
                pages += _pages_of_runs(codes, rows, size, self._level)
            chunks.append(ColumnChunk(name, kind, [*pages, *self._pages[name]], bool(size)))  # type: ignore[arg-type]  # one of two
        return chunks

    def _times_and_names(self) -> list[ColumnChunk]:
        all_runs = [(number, each.constant) for number, (each, _) in enumerate(self._runs.values())]
        all_runs += [(number, each.changing) for number, (each, _) in enumerate(self._runs.values())]
        rows = np.concatenate([runs.rows for _, runs in all_runs])
        series = np.concatenate([runs.series for _, runs in all_runs])
        metric = np.concatenate([np.full(len(runs.rows), number) for number, runs in all_runs])
        chunks = [self._times([runs for _, runs in all_runs])]
        for name in IDENTITY_COLUMNS:
            texts = [getattr(each, name) for each in self._series]
            values = sorted({text for text in texts if text is not None})
            position = {text: index for index, text in enumerate(values)}
            codes = np.array([-1 if text is None else position[text] for text in texts], np.int64)[series]
            chunks.append(_texts(name, values, codes, rows, self._level, is_nullable=name != IDENTITY_COLUMNS[0]))
        chunks.append(_texts("metric", list(self._runs), metric, rows, self._level, is_nullable=False))
        return chunks

    def _times(self, all_runs: Sequence[Runs]) -> ColumnChunk:
        """Return the column chunk of the times: positions in a dictionary of all minutes."""
        lasts = [int((runs.first + runs.step * (runs.rows - 1)).max()) for runs in all_runs if len(runs.rows)]
        minutes = max(lasts) + 1
        times_ms = self._from_ms + MINUTE_MS * np.arange(minutes)
        pages = [parquet_pages.dictionary_page(times_ms.astype("<i8").tobytes(), minutes, self._level)]
        waiting, waiting_rows = [], 0
        for runs in all_runs:
            for first, step, rows in zip(runs.first.tolist(), runs.step.tolist(), runs.rows.tolist(), strict=True):
                waiting.append(np.arange(first, first + step * rows, step))
                waiting_rows += rows
                if waiting_rows > _MAX_PAGE_ROWS:
                    pages.append(self._page_of_codes(waiting, waiting_rows))
                    waiting, waiting_rows = [], 0
        if waiting:
            pages.append(self._page_of_codes(waiting, waiting_rows))
        return ColumnChunk("time", "time", pages, has_dictionary=True, bounds=(int(times_ms[0]), int(times_ms[-1])))

    def _page_of_codes(self, codes: Sequence[NDArray[np.int64]], rows: int) -> Page:
        return parquet_pages.data_page(parquet_pages.codes(np.concatenate(codes)), rows, RLE_DICTIONARY, self._level)


class _Dictionary:
    """The different values of a column of integers, in the order in which they were first seen."""

    def __init__(self) -> None:
        self._values = np.empty(0, np.int64)

    def codes(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of these values. New ones are added."""
        self._values = np.concatenate([self._values, np.setdiff1d(values, self._values)])
        order = np.argsort(self._values)
        return order[np.searchsorted(self._values, values, sorter=order)]

    def values(self) -> NDArray[np.int64]:
        """Return all values by position."""
        return self._values


def _split(rows: MinuteRows, from_ms: int) -> tuple[MetricRuns, MinuteRows]:
    """Return the runs of a metric, and the rows that change."""
    minute = (rows.time_ms - from_ms) // MINUTE_MS
    is_flat = (rows.min == rows.max) & (rows.min_at_ms == rows.max_at_ms)
    is_equal = is_flat[1:] & is_flat[:-1]
    for column in (rows.series, rows.min, rows.min_at_ms, rows.count):
        is_equal &= column[1:] == column[:-1]
    groups = _groups(~is_equal)
    of_series = _groups(np.diff(rows.series) != 0)
    low, high = np.minimum.reduceat(rows.min, of_series.starts), np.maximum.reduceat(rows.max, of_series.starts)
    runs_of_series = np.add.reduceat(np.isin(np.arange(len(rows)), groups.starts).astype(np.int64), of_series.starts)
    is_regular = (low == high) & (runs_of_series <= 2 + of_series.sizes // MIN_CONSTANT_ROWS)
    has_one_value = np.repeat(is_regular, of_series.sizes)
    is_constant = is_flat & (has_one_value | np.repeat(groups.sizes >= MIN_CONSTANT_ROWS, groups.sizes))
    changing, constant = rows.at(~is_constant), rows.at(is_constant)
    group = np.repeat(np.arange(len(groups.sizes)), groups.sizes)[is_constant]
    of_constant, starts = _runs(constant, minute[is_constant], np.diff(group) != 0)
    of_changing, _ = _runs(changing, minute[~is_constant], np.diff(changing.series) != 0)
    runs = MetricRuns(
        of_changing, of_constant, constant.min[starts], constant.min_at_ms[starts], constant.count[starts]
    )
    return runs, changing


class _Groups:
    """Groups of rows next to each other. `starts`, `ends`: first and last row of each."""

    def __init__(self, starts: NDArray[np.intp], rows: int) -> None:
        self.starts = starts
        self.ends = np.append(starts[1:], rows) - 1
        self.sizes = self.ends - starts + 1


def _groups(is_different: NDArray[np.bool_]) -> _Groups:
    """Return the groups of rows. `is_different`: whether each row begins a group, from the second one on."""
    return _Groups(np.flatnonzero(np.r_[True, is_different]), len(is_different) + 1)


def _runs(
    rows: MinuteRows, minute: NDArray[np.int64], is_different: NDArray[np.bool_]
) -> tuple[Runs, NDArray[np.intp]]:
    """Return the runs of rows, and the first row of each. `is_different`: whether another run must begin."""
    if not len(rows):
        none = np.empty(0, np.int64)
        return Runs(none, none, none, none), np.empty(0, np.intp)
    # A run ends where the distance changes. The row after a longer distance begins the next run.
    step = np.diff(minute)
    starts = [0]
    different = is_different.tolist()
    if len(step) and ((step == 1) | is_different).all():
        starts_array = np.flatnonzero(np.r_[True, is_different])
    else:
        current = 0
        for index, distance in enumerate(step.tolist()):
            if different[index] or (current and distance != current):
                starts.append(index + 1)
                current = 0
            else:
                current = distance
        starts_array = np.array(starts, np.intp)
    sizes = np.diff(np.append(starts_array, len(rows)))
    steps = np.ones(len(starts_array), np.int64)
    has_more = sizes > 1
    steps[has_more] = step[starts_array[has_more]]
    return Runs(rows.series[starts_array], minute[starts_array], steps, sizes.astype(np.int64)), starts_array


def _texts(
    name: str,
    values: Sequence[str],
    codes: NDArray[np.int64],
    rows: NDArray[np.int64],
    level: int,
    *,
    is_nullable: bool,
) -> ColumnChunk:
    """Return the column chunk of texts of which each is repeated for a number of rows; -1 is null."""
    groups = _groups(np.diff(codes) != 0)
    codes, rows = codes[groups.starts], np.add.reduceat(rows, groups.starts)
    pages = [parquet_pages.dictionary_page(parquet_pages.plain_texts(values), len(values), level)]
    pages += _pages_of_runs(codes, rows, len(values), level, is_nullable=is_nullable)
    nulls = int(rows[codes < 0].sum()) if is_nullable else None
    return ColumnChunk(name, "text", pages, has_dictionary=True, nulls=nulls)


def _pages_of_runs(
    codes: NDArray[np.int64], rows: NDArray[np.int64], size: int, level: int, *, is_nullable: bool = False
) -> list[Page]:
    """Return pages with positions in a dictionary of `size` values, each repeated for a number of rows."""
    pages = []
    width = parquet_pages.width_of(size)
    page_of = np.cumsum(rows) // _MAX_PAGE_ROWS
    for number in np.unique(page_of):
        part = page_of == number
        some, counts = codes[part], rows[part]
        levels = b""
        if is_nullable:
            levels = parquet_pages.present_levels((some >= 0).astype(int).tolist(), counts.tolist())
            present = counts[some >= 0].tolist()
            content = parquet_pages.runs_of_codes(some[some >= 0].tolist(), present, width)
        else:
            content = parquet_pages.runs_of_codes(some.tolist(), counts.tolist(), width)
        pages.append(parquet_pages.data_page(levels + content, int(counts.sum()), RLE_DICTIONARY, level))
    return pages
