"""Pages of Parquet columns without nulls, as files of minutes have them, and the footer that describes them.

Pages of version 1, compressed with zstd. Values that change are PLAIN. Constant ones, and integers of which there are
few different ones, are positions in the dictionary of their column, mostly as runs.

Source: https://parquet.apache.org/docs/file-format/ and parquet.thrift.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.pages import hybrid
from fgm.store.parquet.thrift import struct, to_bytes, with_column_orders

ColumnKind = Literal["time", "text", "integer", "number"]

PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
"""Encodings, in parquet.thrift."""
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_INT32, _INT64, _DOUBLE, _BYTE_ARRAY = 1, 2, 5, 6
_PHYSICAL = {"time": _INT64, "text": _BYTE_ARRAY, "integer": _INT32, "number": _DOUBLE}
_ZSTD, _UTF8, _TIMESTAMP_MILLIS = 6, 0, 9


class Page(NamedTuple):
    """A page as it is in the file. `unpacked`: bytes of the page before compression, with its header."""

    data: bytes
    header_size: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """The column chunk of one column. `pages`: with that of its dictionary first, if it has one.

    `bounds`: lowest and highest value, of times. `nulls`: number of rows without a value.
    """

    name: str
    kind: ColumnKind
    pages: Sequence[Page]
    has_dictionary: bool
    nulls: int | None = None
    bounds: tuple[int, int] | None = None

    def followed_by(self, pages: Sequence[Page]) -> "ColumnChunk":
        """Return the column chunk with further pages at its end."""
        return replace(self, pages=[*self.pages, *pages])


def data_page(content: bytes, rows: int, encoding: int, level: int) -> Page:
    """Return a data page with this content."""
    levels = {"definition_level_encoding": RLE, "repetition_level_encoding": RLE}
    head = struct("DataPageHeader", num_values=rows, encoding=encoding, **levels)
    return _page(content, level, type=_DATA_PAGE, data_page_header=head)


def dictionary_page(content: bytes, values: int, level: int) -> Page:
    """Return the page of a dictionary, whose values are PLAIN."""
    head = struct("DictionaryPageHeader", num_values=values, encoding=PLAIN)
    return _page(content, level, type=_DICTIONARY_PAGE, dictionary_page_header=head)


def plain_texts(texts: Sequence[str]) -> bytes:
    """Return texts in the encoding PLAIN."""
    return b"".join([_with_size(text.encode()) for text in texts])


def codes(positions: NDArray[np.int64]) -> bytes:
    """Return positions in a dictionary, of one or two bytes each. zstd makes them shorter than packed bits would be.

    Raises: ValueError if one is above 65,535.
    """
    highest = positions.max(initial=0)
    if highest > 0xFFFF:
        raise ValueError(f"a dictionary has {highest + 1} values, more than 65,536")
    width = hybrid.width_of(int(highest) + 1)
    return bytes([width]) + hybrid.encode_positions(positions, width)


def runs_of_codes(positions: NDArray[np.int64], rows: NDArray[np.int64], width: int) -> bytes:
    """Return positions in a dictionary, each repeated for a number of rows. `width`: bits of a position."""
    return bytes([width]) + repeated(positions, rows, width // 8)


def present_levels(is_present: NDArray[np.bool_], rows: NDArray[np.int64]) -> bytes:
    """Return definition levels: whether the rows of each run have a value."""
    return _with_size(repeated(is_present.astype(np.int64), rows, 1))


def repeated(values: NDArray[np.int64], rows: NDArray[np.int64], width: int) -> bytes:
    """Return runs of the RLE / bit-packing hybrid: twice the number of rows as varint, and the value."""
    shifted = (rows << 1)[:, None] >> np.arange(0, 35, 7)
    is_used = shifted > 0
    lengths = (shifted & 0x7F) | np.where(np.roll(is_used, -1, axis=1) & (np.arange(5) < 4), 0x80, 0)
    of_values = (values[:, None] >> np.arange(0, 8 * width, 8)) & 0xFF
    is_used = np.concatenate([is_used, np.ones(of_values.shape, np.bool_)], axis=1)
    return np.concatenate([lengths, of_values], axis=1)[is_used].astype(np.uint8).tobytes()


def footer(chunks: Sequence[ColumnChunk], first_at: int, rows: int, created_by: str, metadata: dict[str, str]) -> bytes:
    """Return the footer of a file with one row group. `first_at`: offset of the first column chunk."""
    elements, columns, at, unpacked = [], [], first_at, 0
    for chunk in chunks:
        size, whole = sum(len(page.data) for page in chunk.pages), sum(page.unpacked for page in chunk.pages)
        elements.append(_schema_element(chunk))
        columns.append(_chunk_facts(chunk, at, size, whole, rows))
        at, unpacked = at + size, unpacked + whole
    root = struct("SchemaElement", name="schema", num_children=len(elements))
    facts = struct(
        "FileMetaData",
        version=1,
        schema=[root, *elements],
        num_rows=rows,
        row_groups=[struct("RowGroup", columns=columns, total_byte_size=unpacked, num_rows=rows)],
        key_value_metadata=[struct("KeyValue", key=k.encode(), value=v.encode()) for k, v in metadata.items()],
        created_by=created_by,
    )
    return with_column_orders(to_bytes(facts), len(elements))


def _page(content: bytes, level: int, **kind: Any) -> Page:
    packed = bytes(cramjam.zstd.compress(content, level=level))
    sizes = {"uncompressed_page_size": len(content), "compressed_page_size": len(packed)}
    header = to_bytes(struct("PageHeader", **sizes, **kind))
    return Page(header + packed, len(header), len(header) + len(content))


def _schema_element(chunk: ColumnChunk) -> Any:
    facts: dict[str, Any] = {}
    if chunk.kind == "text":
        facts = {"converted_type": _UTF8}
    elif chunk.kind == "time":
        unit = struct("TimeUnit", MILLIS=struct("MilliSeconds"))
        in_utc = struct("TimestampType", isAdjustedToUTC=True, unit=unit)
        facts = {"converted_type": _TIMESTAMP_MILLIS, "logicalType": struct("LogicalType", TIMESTAMP=in_utc)}
    kinds = {"type": _PHYSICAL[chunk.kind], "repetition_type": int(chunk.nulls is not None)}
    return struct("SchemaElement", name=chunk.name, **kinds, **facts)


def _chunk_facts(chunk: ColumnChunk, at: int, size: int, unpacked: int, rows: int) -> Any:
    bounds = {}
    if chunk.bounds is not None:
        low, high = (bound.to_bytes(8, "little", signed=True) for bound in chunk.bounds)
        bounds = {"min": low, "max": high, "min_value": low, "max_value": high}
    after_dictionary = at + (len(chunk.pages[0].data) if chunk.has_dictionary else 0)
    facts = struct(
        "ColumnMetaData",
        type=_PHYSICAL[chunk.kind],
        encodings=[PLAIN, RLE, RLE_DICTIONARY] if chunk.has_dictionary else [PLAIN, RLE],
        path_in_schema=[chunk.name],
        codec=_ZSTD,
        num_values=rows,
        total_uncompressed_size=unpacked,
        total_compressed_size=size,
        data_page_offset=after_dictionary,
        dictionary_page_offset=at if chunk.has_dictionary else None,
        statistics=struct("Statistics", null_count=chunk.nulls or 0, **bounds),
    )
    return struct("ColumnChunk", file_offset=at, meta_data=facts)


def _with_size(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data
