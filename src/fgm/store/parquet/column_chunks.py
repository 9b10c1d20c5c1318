"""Column chunks and the footer of a Parquet file, in the only form that fgm writes: zstd, and pages of version 1.

Numbers are PLAIN. Texts have a page with a dictionary before their data page, which has the positions in it. A column
without values, such as a metric of another kernel, costs a few bytes and next to no time.

Source: https://parquet.apache.org/docs/file-format/ and parquet.thrift.
"""

import io
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
from fgm.store.parquet.pages.page_table import DICTIONARY, INDICES, PLAIN, ColumnChunk, PagePosition
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.parquet.thrift import struct, to_bytes

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


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column.

    `values`: `Texts` if the type is `text`, int64 if it is `time` (ms since 1970 UTC), and float64 if it is `number`
    (NaN is null). Those of an `integer` are int64, or float64 if it has nulls: they are rounded, and one that has no
    64 bits is null. `page_starts`: the rows with which a page begins, 0 first.
    """

    name: str
    type: ColumnType
    values: Column
    is_nullable: bool = True
    compression_level: int = _DEFAULT_LEVEL
    page_starts: Sequence[int] = (0,)


@dataclass(frozen=True, slots=True)
class FileParts:
    """The parts of a Parquet file. `positions`: of the column chunks of numbers, by column."""

    chunks: bytes
    footer: bytes
    positions: Mapping[str, ColumnChunk]


def encode_parts(columns: Iterable[ColumnValues], metadata: Mapping[str, str]) -> FileParts:
    """Return the parts of a file with one row group. `metadata`: the key-value metadata of the footer.

    Raises: ValueError if a column is too large.
    """
    file = io.BytesIO()
    footer, positions = write_columns(file, columns, metadata)
    return FileParts(file.getvalue(), footer, positions)


def write_columns(
    file: BinaryIO, columns: Iterable[ColumnValues], metadata: Mapping[str, str]
) -> tuple[bytes, dict[str, ColumnChunk]]:
    """Write the column chunks of a file with one row group. Return its footer, and the positions of its pages.

    The columns are encoded one after the other, so a generator never holds the values of more than one. The positions
    are those of all columns except texts.

    Raises: OSError; ValueError if a column is too large.
    """
    writer = _Writer(file)
    rows, uncompressed = 0, 0
    elements, chunks, positions = [], [], {}
    for column in columns:
        rows = len(column.values.codes if isinstance(column.values, Texts) else column.values)
        elements.append(_schema_element(column.name, column.type, column.is_nullable))
        pages = writer.append_all(column, rows)
        size = sum(page.header_size + page.page_size for page in pages)
        chunks.append(_chunk_facts(column, rows, pages, size))
        uncompressed += size
        positions[column.name] = ColumnChunk(column.type, tuple(pages))
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
    return to_bytes(footer), positions


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


class _Page(NamedTuple):
    """A page before compression. `present`: number of values that are not null."""

    content: bytes
    rows: int
    present: int
    encoding: int


class _Writer:
    """Writes pages, and counts where they are."""

    def __init__(self, file: BinaryIO) -> None:
        file.write(PARQUET_MAGIC)
        self._file = file
        self._at = len(PARQUET_MAGIC)

    def append_all(self, column: ColumnValues, rows: int) -> list[PagePosition]:
        """Write the pages of a column. Return where they are."""
        values, pages = column.values, []
        encoding = PLAIN
        if isinstance(values, Texts):
            dictionary, encoding = b"".join([_with_size(text.encode()) for text in values.values]), INDICES
            head = struct("DictionaryPageHeader", num_values=len(values.values), encoding=PLAIN)
            kind = {"type": _DICTIONARY_PAGE, "dictionary_page_header": head}
            pages.append(self._append(column, _Page(dictionary, 0, len(values.values), DICTIONARY), kind))
        for first, end in pairwise((*column.page_starts, rows)):
            page = _data_page(column, slice(first, end), encoding)
            levels = {"definition_level_encoding": _RLE, "repetition_level_encoding": _RLE}
            head = struct("DataPageHeader", num_values=end - first, encoding=encoding, **levels)
            kind = {"type": _DATA_PAGE, "data_page_header": head}
            pages.append(self._append(column, page, kind))
        return pages

    def _append(self, column: ColumnValues, page: _Page, kind: Mapping[str, Any]) -> PagePosition:
        """Write one page. `kind`: the fields of its header that depend on the kind of page."""
        content, rows, present, encoding = page
        if len(content) > MAX_COLUMN_BYTES:
            raise ValueError(f"column {column.name} has a page of {len(content)} bytes, more than {MAX_COLUMN_BYTES}")
        packed = cramjam.zstd.compress(content, level=column.compression_level)
        sizes = {"uncompressed_page_size": len(content), "compressed_page_size": len(packed)}
        header = to_bytes(struct("PageHeader", **sizes, **kind))
        self._file.write(header)
        self._file.write(memoryview(packed))
        size, offset = len(header) + len(packed), self._at
        self._at += size
        crc = zlib.crc32(memoryview(packed), zlib.crc32(header))
        return PagePosition(offset, size, len(header), len(content), rows, present, encoding, crc)


def _data_page(column: ColumnValues, part: slice, encoding: int) -> _Page:
    """Return the page with the values of these rows."""
    values = column.values
    if isinstance(values, Texts):
        codes = values.codes[part]
        is_present = codes >= 0
        content = _indices(codes[is_present], len(values.values))
    else:
        numbers = values[part]
        if numbers.dtype.kind == "f" and column.type != "number":
            numbers = np.rint(numbers)
            is_present = np.abs(numbers) < _MAX_INTEGER
            content = numbers[is_present].astype("<i8").tobytes()
        else:
            is_present = ~np.isnan(numbers)
            content = numbers[is_present].tobytes()
    present = int(np.count_nonzero(is_present))
    if column.is_nullable:
        content = _levels(is_present, present) + content
    elif present != len(is_present):
        raise ValueError(f"column {column.name} has a null, but is not nullable")
    return _Page(content, len(is_present), present, encoding)


def _levels(is_present: NDArray[np.bool_], present: int) -> bytes:
    """Return definition levels: whether each row has a value."""
    if present in {0, len(is_present)}:
        return _with_size(_varint(len(is_present) << 1) + bytes([present > 0]))  # one level, repeated
    packed = np.packbits(is_present, bitorder="little")
    return _with_size(_varint(len(packed) << 1 | 1) + packed.tobytes())


def _indices(codes: NDArray[np.int32], size: int) -> bytes:
    """Return positions in a dictionary of `size` texts, in whole groups of eight and whole bytes for each position."""
    width = 1 if size <= 1 << 8 else 2 if size <= 1 << 16 else 4
    groups = -(-len(codes) // 8)
    padded = np.zeros(groups * 8, f"<u{width}")
    padded[: len(codes)] = codes
    return bytes([8 * width]) + _varint(groups << 1 | 1) + padded.tobytes()


def _with_size(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _varint(number: int) -> bytes:
    """Return an unsigned integer in seven bits per byte, the lowest first."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)
