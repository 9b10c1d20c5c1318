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
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.column_pages import ColumnType, ColumnValues, pages_of
from fgm.store.parquet.page import MAX_COLUMN_BYTES
from fgm.store.parquet.pages.number_pages import Page
from fgm.store.parquet.pages.page_table import DICTIONARY, PLAIN, ColumnChunk, PagePosition
from fgm.store.parquet.table_pages import Texts
from fgm.store.parquet.thrift import next_list, struct, to_bytes, with_column_orders

_INT64, _DOUBLE, _BYTE_ARRAY = 2, 5, 6
_PHYSICAL_TYPES: Mapping[ColumnType, int] = {"time": _INT64, "integer": _INT64, "number": _DOUBLE, "text": _BYTE_ARRAY}
_RLE = 3
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_ZSTD = 6
_UTF8, _TIMESTAMP_MILLIS, _UINT_64 = 0, 9, 14
_NO_LIST, _NO_GROUPS = b"\x19\0", b"\x29\0\x29\0"
"""In the compact protocol of Thrift: no list in the next field; no schema and, two fields on, no groups."""


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
    writer = ParquetWriter(file)
    positions = {}
    for column in columns:
        positions[column.name] = writer.append(column)
        del column  # its values need not be in memory while the next ones are made
    writer.end_group()
    return WrittenColumns(writer.footer(metadata), positions, writer.crc)


class ParquetWriter:
    """Writes row groups, each of them column by column, with the same columns in the same order."""

    def __init__(self, file: BinaryIO) -> None:
        """Write the beginning of the file.

        Raises: OSError.
        """
        self._pages = _PageWriter(file)
        self._elements: dict[str, Any] = {}
        self._chunks: list[Any] = []
        self._groups: list[bytes] = []
        self._rows, self._all_rows, self._uncompressed = 0, 0, 0

    @property
    def rows(self) -> int:
        """Number of rows of the row groups that have ended."""
        return self._all_rows

    @property
    def crc(self) -> int:
        """CRC32 of the column chunks of texts and of those without values."""
        return self._pages.crc

    def append(self, column: ColumnValues) -> ColumnChunk:
        """Write a column of the current row group, and return the positions of its pages.

        Raises: OSError; ValueError if a column is too large.
        """
        self._rows = len(column.values.codes if isinstance(column.values, Texts) else column.values)
        self._elements.setdefault(column.name, _schema_element(column))
        pages = self._pages.append(column)
        size = sum(page.header_size + page.page_size for page in pages)
        self._chunks.append(_chunk_facts(column, self._rows, pages, size))
        self._uncompressed += size
        return ColumnChunk(column.type, tuple(pages))

    def end_group(self) -> None:
        """End the current row group: the next column belongs to another one."""
        group = struct("RowGroup", columns=self._chunks, total_byte_size=self._uncompressed, num_rows=self._rows)
        self._groups.append(to_bytes(group))  # a structure takes forty times as much memory
        self._all_rows += self._rows
        self._chunks, self._rows, self._uncompressed = [], 0, 0

    def footer(self, metadata: Mapping[str, str]) -> bytes:
        """Return the footer, which follows the last column chunk, its own length and the magic number after it.

        `metadata`: the key-value metadata.
        """
        root = struct("SchemaElement", name="schema", num_children=len(self._elements))
        pairs = [struct("KeyValue", key=key.encode(), value=value.encode()) for key, value in metadata.items()]
        schema = [root, *self._elements.values()]
        none: dict[str, list[Any]] = {"row_groups": [], "key_value_metadata": []}  # the encoder needs both
        before = to_bytes(struct("FileMetaData", version=1, schema=schema, num_rows=self._all_rows, **none))
        facts = {"row_groups": [], "key_value_metadata": pairs, "created_by": f"fgm version {__version__}"}
        after = to_bytes(struct("FileMetaData", schema=[], **facts))
        groups = before.removesuffix(_NO_LIST + _NO_LIST + b"\0") + next_list(self._groups)
        return with_column_orders(groups + after.removeprefix(_NO_GROUPS), len(self._elements))


def _schema_element(column: ColumnValues) -> Any:
    return _element(column.name, column.type, column.is_nullable, column.is_unsigned)


@cache
def _element(name: str, kind: ColumnType, is_nullable: bool, is_unsigned: bool) -> Any:
    facts: dict[str, Any] = {}
    if kind == "text":
        facts = {"converted_type": _UTF8}
    elif is_unsigned:
        facts = {"converted_type": _UINT_64}
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
        # Some readers take only the deprecated fields, which are right for integers, and Polars only the others.
        first, last = (int(time_ms).to_bytes(8, "little", signed=True) for time_ms in _bounds(column.values))
        bounds = {"min": first, "max": last, "min_value": first, "max_value": last}
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


class _PageWriter:
    """Writes pages, and counts where they are."""

    def __init__(self, file: BinaryIO) -> None:
        file.write(PARQUET_MAGIC)
        self._file = file
        self._at = len(PARQUET_MAGIC)
        self.crc = 0
        """CRC32 of the column chunks of texts and of those without values."""

    def append(self, column: ColumnValues) -> list[PagePosition]:
        """Write the pages of a column. Return where they are."""
        pages = pages_of(column)
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
