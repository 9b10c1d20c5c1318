"""Column chunks and the footer of a Parquet file, in the only form that fgm writes: zstd, and pages of version 1.

Numbers are PLAIN. Texts have a page with a dictionary before their data page, which has the positions in it. A column
without values, such as a metric of another kernel, costs a few bytes and next to no time.

Source: https://parquet.apache.org/docs/file-format/ and parquet.thrift.
"""

import io
import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, BinaryIO, Literal, NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.page import MAX_COLUMN_BYTES
from fgm.store.parquet.pages.hybrid import encode_positions, encode_runs, width_of
from fgm.store.parquet.pages.number_pages import Numbers, Page, levels, plain_pages, smallest_pages
from fgm.store.parquet.pages.page_table import DICTIONARY, INDICES, PLAIN, ColumnChunk, PagePosition
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.parquet.thrift import struct, to_bytes

log = logging.getLogger(__name__)

ColumnType = Literal["time", "text", "integer", "number"]

_DEFAULT_LEVEL = 3
"""The zstd level of columns for which no level was chosen."""
_INT64, _DOUBLE, _BYTE_ARRAY = 2, 5, 6
_PHYSICAL_TYPES: Mapping[ColumnType, int] = {"time": _INT64, "integer": _INT64, "number": _DOUBLE, "text": _BYTE_ARRAY}
_RLE = 3
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_ZSTD = 6
_UTF8, _TIMESTAMP_MILLIS = 0, 9
_MAX_INTEGER = 2.0**63
_BLOCK_ROWS = 1 << 16
"""Number of rows that are converted at once."""
_VALUES_PER_RUN = 8
"""Minimum mean length of the runs of a page of texts; else it has one position after the other."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column.

    `values`: `Texts` if the type is `text`, int64 if it is `time` (ms since 1970 UTC), and float64 if it is `number`
    (NaN is null). Those of an `integer` are int64, or float64 if it has nulls: they are rounded, and one that has no
    64 bits is null. `page_starts`: the rows with which a page begins, 0 first. `is_smallest`: whether to look for the
    encoding with the fewest bytes; then more pages may begin with `series_starts`, and several may become one.
    `is_scratch`: whether float64 values may be overwritten, so that a long column is not in memory twice.
    """

    name: str
    type: ColumnType
    values: Column
    is_nullable: bool = True
    compression_level: int = _DEFAULT_LEVEL
    page_starts: Sequence[int] = (0,)
    is_smallest: bool = False
    is_scratch: bool = False
    series_starts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class FileParts:
    """The parts of a Parquet file. `positions`: of the column chunks of numbers, by column."""

    chunks: bytes
    footer: bytes
    positions: Mapping[str, ColumnChunk]


class WrittenColumns(NamedTuple):
    """What `write_columns` has written. `positions`: of the pages of each column.

    `crc`: CRC32 of the column chunks of texts and of those without values together, which the block of a metrics file
    does not list.
    """

    footer: bytes
    positions: dict[str, ColumnChunk]
    crc: int


def encode_parts(columns: Iterable[ColumnValues], metadata: Mapping[str, str]) -> FileParts:
    """Return the parts of a file with one row group. `metadata`: the key-value metadata of the footer.

    Raises: ValueError if a column is too large.
    """
    file = io.BytesIO()
    written = write_columns(file, columns, metadata)
    return FileParts(file.getvalue(), written.footer, written.positions)


def write_columns(file: BinaryIO, columns: Iterable[ColumnValues], metadata: Mapping[str, str]) -> WrittenColumns:
    """Write the column chunks of a file with one row group. Return its footer, and the positions of its pages.

    The columns are encoded one after the other, so a generator never holds the values of more than one.

    Raises: OSError; ValueError if a column is too large.
    """
    writer = _Writer(file)
    rows, uncompressed = 0, 0
    elements, chunks, positions = [], [], {}
    for column in columns:
        rows = len(column.values.codes if isinstance(column.values, Texts) else column.values)
        elements.append(_schema_element(column.name, column.type, column.is_nullable))
        pages = writer.append(column, rows)
        size = sum(page.header_size + page.page_size for page in pages)
        chunks.append(_chunk_facts(column, rows, pages, size))
        uncompressed += size
        positions[column.name] = ColumnChunk(column.type, tuple(pages))
        del column  # its values need not be in memory while the next ones are made
    root = struct("SchemaElement", name="schema", num_children=len(elements))
    footer = struct(
        "FileMetaData",
        version=1,
        schema=[root, *elements],
        num_rows=rows,
        row_groups=[struct("RowGroup", columns=chunks, total_byte_size=uncompressed, num_rows=rows)],
        key_value_metadata=[
            struct("KeyValue", key=key.encode(), value=value.encode()) for key, value in metadata.items()
        ],
        created_by=f"fgm version {__version__}",
    )
    return WrittenColumns(to_bytes(footer), positions, writer.crc)


@cache
def _schema_element(name: str, kind: ColumnType, is_nullable: bool) -> Any:
    facts: dict[str, Any] = {}
    if kind == "text":
        facts = {"converted_type": _UTF8}
    elif kind == "time":
        unit = struct("TimeUnit", MILLIS=struct("MilliSeconds"))
        in_utc = struct("TimestampType", isAdjustedToUTC=True, unit=unit)
        facts = {"converted_type": _TIMESTAMP_MILLIS, "logicalType": struct("LogicalType", TIMESTAMP=in_utc)}
    kinds = {"type": _PHYSICAL_TYPES[kind], "repetition_type": int(is_nullable)}
    return struct("SchemaElement", name=name, **kinds, **facts)


def _chunk_facts(column: ColumnValues, rows: int, pages: Sequence[PagePosition], uncompressed: int) -> Any:
    has_dictionary = pages[0].encoding == DICTIONARY
    present = sum(page.present for page in pages if page.encoding != DICTIONARY)
    bounds = {}
    if column.type == "time" and isinstance(column.values, np.ndarray):
        # These are the deprecated fields, which are right for integers: readers ignore min_value and max_value unless
        # the footer says how texts are ordered.
        first, last = (int(time_ms).to_bytes(8, "little", signed=True) for time_ms in _bounds(column.values))
        bounds = {"min": first, "max": last}
    facts = struct(
        "ColumnMetaData",
        type=_PHYSICAL_TYPES[column.type],
        encodings=sorted({_RLE, *(PLAIN if page.encoding == DICTIONARY else page.encoding for page in pages)}),
        path_in_schema=[column.name],
        codec=_ZSTD,
        num_values=rows,
        total_uncompressed_size=uncompressed,
        total_compressed_size=sum(page.size for page in pages),
        data_page_offset=pages[int(has_dictionary)].offset,
        dictionary_page_offset=pages[0].offset if has_dictionary else None,
        statistics=struct("Statistics", null_count=rows - present, **bounds),
    )
    return struct("ColumnChunk", file_offset=pages[0].offset, meta_data=facts)


def _bounds(times_ms: NDArray[np.int64] | NDArray[np.float64]) -> tuple[int, int]:
    return int(times_ms.min()), int(times_ms.max())


class _Writer:
    """Writes pages, and counts where they are."""

    def __init__(self, file: BinaryIO) -> None:
        file.write(PARQUET_MAGIC)
        self._file = file
        self._at = len(PARQUET_MAGIC)
        self.crc = 0
        """CRC32 of the column chunks of texts and of those without values."""

    def append(self, column: ColumnValues, rows: int) -> list[PagePosition]:
        """Write the pages of a column. Return where they are."""
        if isinstance(column.values, Texts):
            pages = _text_pages(column, column.values, rows)
        else:
            numbers = _numbers(column, column.values)
            pages = smallest_pages(numbers) if column.is_smallest else plain_pages(numbers)
        is_listed = column.type != "text" and any(page.present for page in pages)
        return [self._append(column, page, is_listed=is_listed) for page in pages]

    def _append(self, column: ColumnValues, page: Page, *, is_listed: bool) -> PagePosition:
        packed, page_size, rows, present, encoding = page
        if page_size > MAX_COLUMN_BYTES:
            raise ValueError(f"column {column.name} has a page of {page_size} bytes, more than {MAX_COLUMN_BYTES}")
        if encoding == DICTIONARY:
            head = struct("DictionaryPageHeader", num_values=present, encoding=PLAIN)
            kind = {"type": _DICTIONARY_PAGE, "dictionary_page_header": head}
        else:
            of_levels = {"definition_level_encoding": _RLE, "repetition_level_encoding": _RLE}
            head = struct("DataPageHeader", num_values=rows, encoding=encoding, **of_levels)
            kind = {"type": _DATA_PAGE, "data_page_header": head}
        sizes = {"uncompressed_page_size": page_size, "compressed_page_size": len(packed)}
        header = to_bytes(struct("PageHeader", **sizes, **kind))
        self._file.write(header)
        self._file.write(packed)
        size, offset = len(header) + len(packed), self._at
        self._at += size
        crc = zlib.crc32(packed, zlib.crc32(header))
        if not is_listed:
            self.crc = zlib.crc32(packed, zlib.crc32(header, self.crc))
        return PagePosition(offset, size, len(header), page_size, rows, present, encoding, crc)


def _numbers(column: ColumnValues, values: NDArray[np.int64] | NDArray[np.float64]) -> Numbers:
    is_present = None
    if values.dtype.kind == "f":
        values, is_present = _present(column, values)
    elif column.is_nullable:
        is_present = np.ones(len(values), np.bool_)
    rows = len(column.values) if is_present is None else len(is_present)
    if not column.is_nullable:
        if len(values) != rows:
            raise ValueError(f"column {column.name} has a null, but is not nullable")
        is_present = None
    series_starts = column.series_starts or column.page_starts
    return Numbers(
        values.astype(np.int64, copy=False),
        rows,
        is_present,
        column.page_starts,
        series_starts,
        column.compression_level,
    )


def _present(column: ColumnValues, values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the values that are not null, as integers or the bits of float64, and which rows have them."""
    present = values.view(np.int64) if column.is_scratch else np.empty(len(values), np.int64)
    is_present = np.empty(len(values), np.bool_)
    count = 0
    for first in range(0, len(values), _BLOCK_ROWS):
        rows = slice(first, first + _BLOCK_ROWS)
        part: NDArray[Any]
        if column.type == "number":
            is_present[rows] = has_value = ~np.isnan(values[rows])
            part = values[rows].view(np.int64)
        else:
            part = np.rint(values[rows])
            is_present[rows] = has_value = (part > -_MAX_INTEGER) & (part < _MAX_INTEGER)
            if np.count_nonzero(np.isnan(part)) + np.count_nonzero(has_value) < len(part):
                _warn_of_large_values(column.name)
        kept = part if has_value.all() else part[has_value]
        present[count : count + len(kept)] = kept
        count += len(kept)
    return present[:count], is_present


@cache
def _warn_of_large_values(name: str) -> None:
    log.warning("a value has more than 64 bits; it is null in files", extra={"fields": {"column": name}})


def _text_pages(column: ColumnValues, texts: Texts, rows: int) -> list[Page]:
    dictionary = b"".join([_with_size(text.encode()) for text in texts.values])
    width = width_of(len(texts.values))
    level = column.compression_level

    def page(content: bytes, rows: int, present: int, encoding: int) -> Page:
        return Page(bytes(cramjam.zstd.compress(content, level=level)), len(content), rows, present, encoding)

    pages = [page(dictionary, 0, len(texts.values), DICTIONARY)]
    for first, end in pairwise((*column.page_starts, rows)):
        codes = texts.codes[first:end]
        is_present = codes >= 0
        present = int(np.count_nonzero(is_present))
        content = bytes([width]) + _positions(codes if present == len(codes) else codes[is_present], width)
        if column.is_nullable:
            content = levels(is_present, present) + content
        elif present != len(codes):
            raise ValueError(f"column {column.name} has a null, but is not nullable")
        pages.append(page(content, end - first, present, INDICES))
    return pages


def _positions(codes: NDArray[np.int32], width: int) -> bytes:
    """Return positions in a dictionary, as runs if these are long."""
    runs = np.count_nonzero(codes[1:] != codes[:-1]) + 1
    return encode_runs(codes, width) if runs * _VALUES_PER_RUN <= len(codes) else encode_positions(codes, width)


def _with_size(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data
