"""Column chunks and the footer of a Parquet file: fastparquet encodes them, and fgm cuts and compresses their pages.

fastparquet appends eight zero bytes to each data page. Most readers ignore them, but ClickHouse refuses a compressed
page that is longer than its values, if the column cannot be null. Therefore fastparquet encodes each column without
compression, and the zero bytes are cut off before the page is compressed here. They stay in the pages of strings, which
are indices of a dictionary: ClickHouse ignores them there, and fastparquet 2024.11 needs them to fill the last group.
"""

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cramjam

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.window_block import ColumnChunk

ColumnType = Literal["time", "text", "integer", "number"]

_MAX_HEADER_BYTES = 256
"""Maximum size of the header of a page: ten small integers, without statistics."""
_DEFAULT_LEVEL = 3
"""The zstd level of columns for which no level was chosen."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """The values of one column as fastparquet takes them.

    `values`: a pandas Categorical if the type is `text`, int64 if it is `time` (ms since 1970 UTC) or `integer`, and
    float64 if it is `number` (NaN is null). Columns of text and numbers may have nulls.
    """

    name: str
    type: ColumnType
    values: Any
    is_nullable: bool = True
    compression_level: int = _DEFAULT_LEVEL


@dataclass(frozen=True, slots=True)
class FileParts:
    """The parts of a Parquet file. `positions`: of the column chunks that have no dictionary, by column."""

    chunks: bytes
    footer: bytes
    positions: Mapping[str, ColumnChunk]


def encode_parts(columns: Iterable[ColumnValues], metadata: Mapping[str, str]) -> FileParts:
    """Return the parts of a file with one row group. `metadata`: the key-value metadata of the footer.

    The columns are encoded one after the other, so a generator never holds the values of more than one.

    Raises: ValueError if a column is too large for one page.
    """
    from fastparquet import parquet_thrift  # noqa: PLC0415 - see the docstring of parquet_encoding
    from fastparquet.cencoding import ThriftObject  # noqa: PLC0415 - see the docstring of parquet_encoding
    from fastparquet.util import created_by  # noqa: PLC0415 - see the docstring of parquet_encoding

    file = io.BytesIO()
    file.write(PARQUET_MAGIC)
    elements, chunks, positions = [], [], {}
    for column in columns:
        element = _schema_element(column)
        chunk, position = _append(file, column, element)
        elements.append(element)
        chunks.append(chunk)
        if position is not None:
            positions[column.name] = position
    rows = chunks[0].meta_data.num_values
    uncompressed = sum(chunk.meta_data.total_uncompressed_size for chunk in chunks)
    group = ThriftObject.from_fields("RowGroup", num_rows=rows, columns=chunks, total_byte_size=uncompressed)
    root = parquet_thrift.SchemaElement(name=b"schema", num_children=len(elements), i32=True)
    footer = ThriftObject.from_fields(
        "FileMetaData",
        num_rows=rows,
        schema=[root, *elements],
        version=1,
        created_by=created_by.encode(),
        row_groups=[group],
        key_value_metadata=[parquet_thrift.KeyValue(key=key, value=value) for key, value in metadata.items()],
        i32list=[1],
    )
    return FileParts(file.getvalue(), bytes(footer.to_bytes()), positions)


def _schema_element(column: ColumnValues) -> Any:
    import pandas as pd  # noqa: PLC0415 - see the docstring of parquet_encoding
    from fastparquet.parquet_thrift import FieldRepetitionType  # noqa: PLC0415 - see the docstring of parquet_encoding
    from fastparquet.writer import find_type  # noqa: PLC0415 - see the docstring of parquet_encoding

    dtype = {"time": "datetime64[ms, UTC]", "text": "str", "integer": "int64", "number": "float64"}[column.type]
    element, _ = find_type(pd.Series([], dtype=dtype, name=column.name), object_encoding="utf8")
    if column.is_nullable:
        element.repetition_type = FieldRepetitionType.OPTIONAL
    return element


def _append(file: io.BytesIO, column: ColumnValues, element: Any) -> tuple[Any, ColumnChunk | None]:
    """Append a column chunk. Return its part of the footer, and its position if it has no dictionary."""
    from fastparquet.parquet_thrift import CompressionCodec, PageType  # noqa: PLC0415 - see parquet_encoding

    plain, chunk = _encode(column, element)
    facts, start, uncompressed, position = chunk.meta_data, file.tell(), 0, None
    present = facts.num_values - (facts.statistics.null_count or 0)
    data_pages = 0
    for header, content in _pages(plain):
        page_at, page = file.tell(), content
        if header.type == PageType.DATA_PAGE:
            data_pages += 1
            facts.data_page_offset = page_at
            if column.type != "text":
                page = content[: _end_of_values(content, present, is_nullable=column.is_nullable)]
        else:
            facts.dictionary_page_offset = page_at
        packed = cramjam.zstd.compress(page, level=column.compression_level)
        header.uncompressed_page_size, header.compressed_page_size = len(page), len(packed)
        packed_header = bytes(header.to_bytes())
        file.write(packed_header)
        file.write(packed)
        uncompressed += len(packed_header) + len(page)
        if column.type != "text":
            crc = zlib.crc32(memoryview(packed), zlib.crc32(packed_header))
            size = len(packed_header) + len(packed)
            position = ColumnChunk(page_at, size, len(packed_header), len(page), present, crc)
    if data_pages != 1:
        raise ValueError(f"column {column.name} has {data_pages} pages")
    chunk.file_offset, facts.codec = start, CompressionCodec.ZSTD
    facts.total_compressed_size, facts.total_uncompressed_size = file.tell() - start, uncompressed
    return chunk, position


def _end_of_values(page: memoryview, present: int, *, is_nullable: bool) -> int:
    """Return where the values of a page end that are 8 bytes each: behind the definition levels, if there are any."""
    levels_size = 4 + int.from_bytes(page[:4], "little") if is_nullable else 0
    return levels_size + 8 * present


def _encode(column: ColumnValues, element: Any) -> tuple[memoryview, Any]:
    """Return the pages of a column as fastparquet writes them, and its part of the footer."""
    import pandas as pd  # noqa: PLC0415 - see the docstring of parquet_encoding
    from fastparquet.writer import write_column  # noqa: PLC0415 - see the docstring of parquet_encoding

    written = io.BytesIO()
    values = pd.Series(column.values, name=column.name, copy=False)
    # Version 1 of data pages, whatever FASTPARQUET_DATAPAGE_V2 says: the block describes no other.
    chunk = write_column(written, values, element, datapage_version=1, stats=column.type == "time")
    return written.getbuffer(), chunk


def _pages(plain: memoryview) -> Iterator[tuple[Any, memoryview]]:
    """Yield the header and the content of each page."""
    from fastparquet.cencoding import NumpyIO, from_buffer  # noqa: PLC0415 - see the docstring of parquet_encoding

    position = 0
    while position < len(plain):
        reader = NumpyIO(plain[position : position + _MAX_HEADER_BYTES])  # it copies them
        header = from_buffer(reader, "PageHeader")
        start = position + reader.tell()
        position = start + header.compressed_page_size
        yield header, plain[start:position]
