"""Copies of merged and single files with other times: the times are appended, and the old ones are no longer used.

Spark reads no row of such a copy (findings/spark-skips-row-groups.sh); `benchmarks.fleet` encodes its files again.
"""

import io
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fgm.store.directory import layout
from fgm.store.minutes import parquet_pages
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.block import PARQUET_MAGIC, read_block
from fgm.store.parquet.column_chunks import encode_parts
from fgm.store.parquet.column_pages import ColumnValues
from fgm.store.parquet.pages.page_table import DICTIONARY, INDICES, ColumnChunk, PagePosition
from fgm.store.parquet.series_columns import page_starts
from fgm.store.parquet.window_block import TIME, Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader

LEVEL = 3
_ENCODINGS = 2
"""Number of the encodings in ColumnMetaData."""


class StampedFile:
    """A file of fgm whose footer can be written again. `shift_ms`: by which the times of a copy differ."""

    def __init__(self, path: str) -> None:
        from fastparquet import ParquetFile  # noqa: PLC0415 - heavy, and only this function needs it

        with open(path, "rb") as whole:
            self._data = whole.read()
            _, end, _ = read_block(path, whole.fileno())
        self._kept = self._data[:end]
        self._footer: Any = ParquetFile(io.BytesIO(self._data)).fmd

    def _footer_with(self, pages: Sequence[PagePosition], bounds: tuple[int, int], header: FileHeader) -> bytes:
        """Return the footer with other pages of the first column, the time. `bounds`: first and last time in ms."""
        from fastparquet.writer import write_thrift  # noqa: PLC0415 - heavy, and only this function needs it

        column = self._footer.row_groups[0].columns[0]
        column.file_offset = pages[0].offset
        facts = column.meta_data
        has_dictionary = pages[0].encoding == DICTIONARY
        facts.dictionary_page_offset = pages[0].offset if has_dictionary else None
        # By its number in parquet.thrift: fastparquet takes the items of a list for structures if its name is used.
        facts[_ENCODINGS] = sorted({0, 3, *(page.encoding for page in pages if page.encoding != DICTIONARY)})
        facts.data_page_offset = pages[1 if has_dictionary else 0].offset
        facts.total_compressed_size = sum(page.size for page in pages)
        facts.total_uncompressed_size = sum(page.header_size + page.page_size for page in pages)
        first, last = (each.to_bytes(8, "little") for each in bounds)
        for low, high in (("min", "max"), ("min_value", "max_value")):
            if getattr(facts.statistics, low) is not None:
                setattr(facts.statistics, low, first)
                setattr(facts.statistics, high, last)
        for fact in self._footer.key_value_metadata:
            if fact.key in {"fgm.header", b"fgm.header"}:
                fact.value = json.dumps(header.to_json(), separators=(",", ":"))
        written = io.BytesIO()
        write_thrift(written, self._footer)
        return written.getvalue()


class StampedMetrics(StampedFile):
    """A metrics file of a window or of an hour."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        file = WindowFile.open(path)
        self._facts, self._time_ms = file.block, file.time_ms()
        file.close()
        columns = {name: column for name, column in file.block.columns.items() if name != TIME}
        listed = [(page.offset, page.offset + page.size) for column in columns.values() for page in column.pages]
        self._crc, at = 0, len(PARQUET_MAGIC)
        for start, end in sorted([*listed, (len(self._kept), len(self._kept))]):  # the old times are between others
            self._crc, at = zlib.crc32(self._kept[at:start], self._crc), end

    def stamped(self, shift_ms: int, header: FileHeader) -> bytes:
        """Return the file with later times."""
        facts = self._facts
        starts = page_starts([run.count for run in facts.runs])
        times = ColumnValues(
            TIME, "time", self._time_ms + shift_ms, is_nullable=False, page_starts=starts, is_smallest=True
        )
        alone = encode_parts([times], {})
        pages = alone.positions[TIME].pages
        begin, end = pages[0].offset, pages[-1].offset + pages[-1].size
        pages = tuple(page._replace(offset=page.offset - begin + len(self._kept)) for page in pages)
        bounds = (facts.first_ms + shift_ms, facts.last_ms + shift_ms)
        footer = self._footer_with(pages, bounds, header)
        block = replace(
            facts,
            header=header,
            first_ms=bounds[0],
            last_ms=bounds[1],
            columns={**facts.columns, TIME: ColumnChunk("time", pages)},
            crc=self._crc,
            sources=tuple(Source(shifted(name, shift_ms), fingerprint) for name, fingerprint in facts.sources),
        ).to_bytes(footer)
        tail = block + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC
        return self._kept + alone.chunks[begin:end] + tail


class StampedMinutes(StampedFile):
    """A file with the minutes of an hour or of a day, whose first column has a dictionary of all minutes."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        file = MinutesFile.open(path)
        self._facts = file.block
        file.close()
        facts = self._footer.row_groups[0].columns[0].meta_data
        first = facts.dictionary_page_offset
        dictionary_bytes = facts.data_page_offset - first
        self._codes = self._data[facts.data_page_offset : first + facts.total_compressed_size]
        self._codes_bytes = facts.total_uncompressed_size - dictionary_bytes

    def stamped(self, shift_ms: int, header: FileHeader, hour: str | None = None) -> bytes:
        """Return the file with later times. `hour`: path of the merged hour that the minutes are of."""
        facts = self._facts
        bounds = (facts.first_ms + shift_ms, facts.last_ms + shift_ms)
        times_ms = np.arange(bounds[0], bounds[1] + 1, MINUTE_MS, dtype="<i8")
        dictionary = parquet_pages.dictionary_page(times_ms.tobytes(), len(times_ms), LEVEL)
        at = len(self._kept)
        pages = (
            PagePosition(at, len(dictionary.data), dictionary.header_size, 8 * len(times_ms), 0, 0, DICTIONARY, 0),
            PagePosition(at + len(dictionary.data), len(self._codes), 0, self._codes_bytes, 0, 0, INDICES, 0),
        )
        footer = self._footer_with(pages, bounds, header)
        sources = tuple(Source(shifted(name, shift_ms), fingerprint) for name, fingerprint in facts.sources)
        if hour is not None:
            file = WindowFile.open(hour)
            sources = (Source(os.path.basename(hour), file.fingerprint),)
            file.close()
        block = replace(facts, header=header, first_ms=bounds[0], last_ms=bounds[1], sources=sources)
        tail = block.to_bytes(footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC
        return self._kept + dictionary.data + self._codes + tail


def shifted(name: str, shift_ms: int) -> str:
    """Return the name of a source with later times."""
    if (minutes := layout.parse_minutes_name(name)) is not None:
        return layout.minutes_name(minutes[0] + shift_ms, minutes[1])
    parsed = layout.parse_name(name)
    assert parsed is not None
    rename = layout.metrics_name if parsed.duration_ms is None else layout.hour_name
    return rename(parsed.start_ms + shift_ms)
