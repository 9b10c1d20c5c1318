"""Column chunks and the footer of a Parquet file, in the only form that fgm writes: zstd, and one data page per column.

Numbers are PLAIN. Texts have a page with a dictionary before their data page, which has the positions in it. A column
without values, such as a metric of another kernel, costs a few bytes and next to no time.

Source: https://parquet.apache.org/docs/file-format/ and parquet.thrift.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.page import MAX_COLUMN_BYTES
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.parquet.thrift import struct, to_bytes
from fgm.store.parquet.window_block import ColumnChunk

ColumnType = Literal["time", "text", "integer", "number"]

_DEFAULT_LEVEL = 3
"""The zstd level of columns for which no level was chosen."""
_INT64, _DOUBLE, _BYTE_ARRAY = 2, 5, 6
_PHYSICAL_TYPES: Mapping[ColumnType, int] = {"time": _INT64, "integer": _INT64, "number": _DOUBLE, "text": _BYTE_ARRAY}
_PLAIN, _RLE, _RLE_DICTIONARY = 0, 3, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_ZSTD = 6
_UTF8, _TIMESTAMP_MILLIS = 0, 9


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column.

    `values`: `Texts` if the type is `text`, int64 if it is `time` (ms since 1970 UTC) or `integer`, and float64 if it
    is `number` (NaN is null). Columns of text and numbers may have nulls.
    """

    name: str
    type: ColumnType
    values: Column
    is_nullable: bool = True
    compression_level: int = _DEFAULT_LEVEL


@dataclass(frozen=True, slots=True)
class FileParts:
    """The parts of a Parquet file. `positions`: of the column chunks that have no dictionary, by column."""

    chunks: bytes
    footer: bytes
    positions: Mapping[str, ColumnChunk]


class _Written(NamedTuple):
    """A page in the file. `at`: its position; sizes in bytes, those of the page without its header."""

    at: int
    header_size: int
    page_size: int
    packed_size: int
    crc: int


def encode_parts(columns: Iterable[ColumnValues], metadata: Mapping[str, str]) -> FileParts:
    """Return the parts of a file with one row group. `metadata`: the key-value metadata of the footer.

    The columns are encoded one after the other, so a generator never holds the values of more than one.

    Raises: ValueError if a column is too large for one page.
    """
    file, rows, uncompressed = bytearray(PARQUET_MAGIC), 0, 0
    elements, chunks, positions = [], [], {}
    for column in columns:
        rows = len(column.values.codes if isinstance(column.values, Texts) else column.values)
        elements.append(_schema_element(column.name, column.type, column.is_nullable))
        pages, present = _append(file, column, rows)
        size = sum(page.header_size + page.page_size for page in pages)
        chunks.append(_chunk_facts(column, rows, present, pages, size))
        uncompressed += size
        if column.type != "text":
            (page,) = pages
            whole = page.header_size + page.packed_size
            positions[column.name] = ColumnChunk(page.at, whole, page.header_size, page.page_size, present, page.crc)
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
    return FileParts(bytes(file), to_bytes(footer), positions)


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


def _chunk_facts(column: ColumnValues, rows: int, present: int, pages: list[_Written], uncompressed: int) -> Any:
    is_text = column.type == "text"
    bounds = {}
    if column.type == "time" and isinstance(column.values, np.ndarray):
        # These are the deprecated fields, which are right for integers: readers ignore min_value and max_value unless
        # the footer says how texts are ordered.
        first, last = (int(time_ms).to_bytes(8, "little", signed=True) for time_ms in _bounds(column.values))
        bounds = {"min": first, "max": last}
    facts = struct(
        "ColumnMetaData",
        type=_PHYSICAL_TYPES[column.type],
        encodings=[_PLAIN, _RLE, _RLE_DICTIONARY] if is_text else [_PLAIN, _RLE],
        path_in_schema=[column.name],
        codec=_ZSTD,
        num_values=rows,
        total_uncompressed_size=uncompressed,
        total_compressed_size=sum(page.header_size + page.packed_size for page in pages),
        data_page_offset=pages[-1].at,
        dictionary_page_offset=pages[0].at if is_text else None,
        statistics=struct("Statistics", null_count=rows - present, **bounds),
    )
    return struct("ColumnChunk", file_offset=pages[0].at, meta_data=facts)


def _bounds(times_ms: NDArray[np.int64] | NDArray[np.float64]) -> tuple[int, int]:
    return int(times_ms.min()), int(times_ms.max())


def _append(file: bytearray, column: ColumnValues, rows: int) -> tuple[list[_Written], int]:
    """Append the pages of a column. Return where they are, and the number of values that are not null."""
    values, pages = column.values, []
    is_present = None
    if isinstance(values, Texts):
        is_present = values.codes >= 0
    elif column.is_nullable:
        is_present = ~np.isnan(values)
    present = rows if is_present is None else int(np.count_nonzero(is_present))
    levels = b"" if is_present is None or not column.is_nullable else _levels(is_present, present)
    if isinstance(values, Texts):
        dictionary = b"".join([_with_size(text.encode()) for text in values.values])
        head = struct("DictionaryPageHeader", num_values=len(values.values), encoding=_PLAIN)
        pages.append(_append_page(file, column, dictionary, type=_DICTIONARY_PAGE, dictionary_page_header=head))
        content, encoding = _indices(values.codes[is_present], len(values.values)), _RLE_DICTIONARY
    else:
        content, encoding = (values if present == rows else values[is_present]).tobytes(), _PLAIN
    of_levels = {"definition_level_encoding": _RLE, "repetition_level_encoding": _RLE}
    head = struct("DataPageHeader", num_values=rows, encoding=encoding, **of_levels)
    pages.append(_append_page(file, column, levels + content, type=_DATA_PAGE, data_page_header=head))
    return pages, present


def _append_page(file: bytearray, column: ColumnValues, page: bytes, **kind: Any) -> _Written:
    """Append one page. `kind`: the fields of its header that depend on the kind of page."""
    if len(page) > MAX_COLUMN_BYTES:
        raise ValueError(f"column {column.name} has a page of {len(page)} bytes, more than {MAX_COLUMN_BYTES}")
    packed = cramjam.zstd.compress(page, level=column.compression_level)
    sizes = {"uncompressed_page_size": len(page), "compressed_page_size": len(packed)}
    header = to_bytes(struct("PageHeader", **sizes, **kind))
    at = len(file)
    file += header
    file += memoryview(packed)
    crc = zlib.crc32(memoryview(packed), zlib.crc32(header))
    return _Written(at, len(header), len(page), len(packed), crc)


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
