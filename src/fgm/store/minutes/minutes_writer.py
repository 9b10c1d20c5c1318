"""Writes a file of minutes, metric by metric, so that only the rows of a few metrics are in memory at a time.

    PAR1 │ column chunks │ sections │ block and trailer │ footer │ u32 bytes of the footer │ PAR1

The rows of runs that do not change come first: they take next to no space, and fgm reads them from the sections. The
rows that change follow, by metric, series and time, in pages that begin with a series.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.store.minutes import parquet_pages
from fgm.store.minutes.dictionary_columns import Dictionary, RunOrder, names, times
from fgm.store.minutes.metric_runs import MetricPlace, MetricRuns
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows
from fgm.store.minutes.minutes_block import (
    INTEGER_COLUMNS,
    VALUE_COLUMNS,
    MinutesBlock,
    Section,
    Shapes,
    Tables,
    pack_section,
)
from fgm.store.minutes.parquet_pages import PLAIN, RLE_DICTIONARY, ColumnChunk, Page
from fgm.store.minutes.row_runs import RowRuns, split
from fgm.store.minutes.series_lines import SeriesLines
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

PAGE_ROWS = 1500
"""Number of rows of each metric after which a page ends with the series, as far as possible."""
_METRICS_PER_SECTION, _SECTION_BYTES = 16, 1 << 17
"""Numbers of metrics and bytes after which a section ends. Runs of several metrics are similar."""
_Shape = tuple[int, int, int, int, int]


class MinutesWriter:
    """Collects the rows of metric after metric, and writes the file at the end."""

    def __init__(self, header: FileHeader, series: Sequence[Series], from_ms: int, level: int) -> None:
        """`series`: those that the rows refer to. `from_ms`: the first minute, or an earlier one. `level`: of zstd."""
        self._header, self._series, self._level = header, series, level
        self._from_ms = from_ms
        self._runs: dict[str, list[MetricRuns]] = {}
        self._constants: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
        self._groups: dict[str, int] = {}
        self._shapes: dict[_Shape, int] = {}
        self._order: list[tuple[int, RowRuns, NDArray[np.int64]]] = []
        self._dictionaries = {name: Dictionary() for name in INTEGER_COLUMNS}
        self._pages: dict[str, list[Page]] = {name: [] for name in VALUE_COLUMNS}
        self._page_rows: list[int] = []
        self._waiting: list[MinuteRows] = []
        self._changing = RunOrder()
        self._constant = RunOrder()

    def add(self, metrics: Mapping[str, MinuteRows]) -> None:
        """Add rows of metrics that are similar, each sorted by series and time.

        Their rows of a series are in the same pages, where what they have in common takes little space. Rows of later
        series may be added to the same metrics next. A metric without rows is not in the file.
        """
        parts = {metric: split(rows, self._from_ms) for metric, rows in metrics.items() if len(rows)}
        if not parts:
            return
        for metric in parts:
            self._runs.setdefault(metric, [])
            self._groups.setdefault(metric, self._groups.get(next(iter(metrics)), len(self._groups)))
        numbers = [list(self._runs).index(metric) for metric in parts]
        first_rows = self._add_changing([changing for changing, _ in parts.values()], np.array(numbers, np.int64))
        for number, (metric, (changing, constant)), first_row in zip(numbers, parts.items(), first_rows, strict=True):
            values, start = constant.values, constant.start
            shape = self._shape_of(constant, values.min_at_ms[start], values.count[start])
            self._constant.add(number, constant.series, constant.first, constant.step, constant.rows)
            self._constants.append((values.min[start], shape))
            nothing = np.zeros(len(changing.rows), np.int64)
            runs = MetricRuns(
                series=np.concatenate([changing.series, constant.series]),
                shape=np.concatenate([self._shape_of(changing, nothing, nothing), shape]),
                first_row=first_row,
                value=values.min[start],
            )
            self._runs[metric].append(runs)

    def write(self, out: BinaryIO, sources: Iterable[tuple[str, int]]) -> None:
        """Write the file. `sources`: names and fingerprints of the files that the minutes were computed from.

        Raises: OSError.
        Raises: ValueError if there are no rows.
        """
        if not self._runs:
            raise ValueError("a file of minutes without rows is not written")
        self._end_page()
        chunks = self._column_chunks()
        rows = self._constant.rows + self._changing.rows
        out.write(PARQUET_MAGIC)
        crc, at, first_offsets = zlib.crc32(PARQUET_MAGIC), len(PARQUET_MAGIC), []
        for chunk in chunks:
            for number, page in enumerate(chunk.pages):
                if chunk.name in VALUE_COLUMNS and number == len(chunk.pages) - len(self._page_rows):
                    first_offsets.append(at)
                out.write(page.data)
                crc, at = zlib.crc32(page.data, crc), at + len(page.data)
        tables = self._tables(first_offsets)
        sections, places = self._write_sections(out, at, tables.shapes.rows)
        metadata = {
            "fgm.format_version": str(self._header.format_version),
            "fgm.header": json.dumps(self._header.to_json(), separators=(",", ":")),
        }
        footer = parquet_pages.footer(chunks, len(PARQUET_MAGIC), rows, f"fgm version {__version__}", metadata)
        low, high, counts = (self._dictionaries[name].values for name in INTEGER_COLUMNS)
        block = MinutesBlock(
            header=self._header,
            first_ms=self._from_ms,
            last_ms=self._from_ms + max(self._constant.last, self._changing.last) * MINUTE_MS,
            rows=rows,
            crc=crc,
            sources=tuple(Source(*source) for source in sources),
            at_ms=(low, high),
            counts=counts,
            sections=tuple(sections),
            metrics=places,
            series=SeriesLines.of(self._series),
            tables=tables,
        )
        out.write(block.to_bytes(footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC)

    def _shape_of(self, runs: RowRuns, at_ms: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the shape of each run. New ones are added."""
        columns = (runs.first, runs.step, runs.rows, at_ms, count)
        shapes = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([self._shapes.setdefault(shape, len(self._shapes)) for shape in shapes], np.int64)

    def _add_changing(self, parts: Sequence[RowRuns], numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Add the rows that change of similar metrics. Return the row of the first value of each run, for each metric.

        `numbers`: those of the metrics.
        """
        series, first, step, rows = (
            np.concatenate(columns)
            for columns in zip(*((each.series, each.first, each.step, each.rows) for each in parts), strict=True)
        )
        metric = np.repeat(np.arange(len(parts)), [len(each.rows) for each in parts])
        page = self._pages_of(series, rows, PAGE_ROWS * len(parts))
        order = np.lexsort((series, metric, page))
        first_row = np.empty(len(rows), np.int64)
        first_row[order] = self._changing.rows + np.cumsum(rows[order]) - rows[order]
        self._changing.add(numbers[metric[order]], series[order], first[order], step[order], rows[order])
        starts = np.cumsum(rows) - rows
        every_row = np.repeat(starts[order] - np.cumsum(rows[order]) + rows[order], rows[order]) + np.arange(rows.sum())
        values = MinuteRows.joined([each.values for each in parts]).at(every_row)
        start = 0
        for number_of_page, size in enumerate(np.bincount(page, rows).astype(int).tolist() if len(page) else []):
            if number_of_page:
                self._end_page()
            self._waiting.append(values.at(slice(start, start + size)))
            start += size
        return np.split(first_row, np.cumsum([len(each.rows) for each in parts])[:-1])

    def _pages_of(self, series: NDArray[np.int64], rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
        """Return the page of each run, 0 for the one that is not complete. The runs of a series are in one page."""
        in_page, page, page_of = sum(len(part) for part in self._waiting), 0, []
        of_series = np.bincount(series, rows).astype(int).tolist()
        for size in of_series:
            if in_page and size and in_page + size > limit:
                page, in_page = page + 1, 0
            in_page += size
            page_of.append(page)
        return np.array(page_of, np.int64)[series]

    def _end_page(self) -> None:
        rows = sum(len(part) for part in self._waiting)
        if rows:
            for name in VALUE_COLUMNS:
                column = np.concatenate([getattr(part, name) for part in self._waiting])
                if name in self._dictionaries:
                    content, encoding = parquet_pages.codes(self._dictionaries[name].codes(column)), RLE_DICTIONARY
                else:
                    content, encoding = column.tobytes(), PLAIN
                self._pages[name].append(parquet_pages.data_page(content, rows, encoding, self._level))
            self._page_rows.append(rows)
        self._waiting = []

    def _column_chunks(self) -> list[ColumnChunk]:
        order = self._constant.joined(self._changing)
        chunks = [times(order, self._from_ms, self._level)]
        chunks += names(order, self._series, list(self._runs), self._level)
        shapes = np.array(list(self._shapes), np.int64).reshape(-1, 5)
        value = np.concatenate([values for values, _ in self._constants])
        of_shape = shapes[np.concatenate([shape for _, shape in self._constants])]
        rows, at_ms, count = of_shape[:, 2], of_shape[:, 3], of_shape[:, 4]
        for name in VALUE_COLUMNS:
            if name in self._dictionaries:
                dictionary = self._dictionaries[name]
                chunk = dictionary.column(name, count if name == "count" else at_ms, rows, self._level)
            else:
                chunk = Dictionary().column(name, value, rows, self._level)
            chunks.append(chunk.followed_by(self._pages[name]))
        return chunks

    def _write_sections(
        self, out: BinaryIO, at: int, rows: NDArray[np.int64]
    ) -> tuple[list[Section], dict[str, MetricPlace]]:
        """Write the sections. `rows`: number of rows of each shape."""
        contents: list[bytes] = []
        places = {}
        metrics = 0
        for metric, parts in self._runs.items():
            runs = MetricRuns.joined(parts)
            if not contents or metrics == _METRICS_PER_SECTION or len(contents[-1]) > _SECTION_BYTES:
                contents.append(b"")
                metrics = 0
            at_byte, group = len(contents[-1]), self._groups[metric]
            places[metric] = MetricPlace(len(contents) - 1, at_byte, len(runs.first_row), len(runs.value), group)
            contents[-1] += runs.to_bytes(rows)
            metrics += 1
        sections = []
        for content in contents:
            section, packed = pack_section(content, at, self._level)
            out.write(packed)
            sections.append(section)
            at += section.size
        return sections, places

    def _tables(self, first_offsets: list[int]) -> Tables:
        pages = [self._pages[name] for name in VALUE_COLUMNS]
        shapes = np.array(list(self._shapes), np.int64).reshape(-1, 5)
        size = np.array([[len(page.data) for page in column] for column in pages], np.int64)
        first = np.array(first_offsets or [0] * len(pages), np.int64)
        return Tables(
            shapes=Shapes(*shapes.T),
            rows=np.array(self._page_rows, np.int64),
            offset=first[:, None] + np.cumsum(size, axis=1) - size,
            size=size,
            crc=np.array([[zlib.crc32(page.data) for page in column] for column in pages], np.int64),
            header_size=np.array([[page.header_size for page in column] for column in pages], np.int64),
        )
