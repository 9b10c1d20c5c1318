"""The numbers of the pages in the block of a metrics file, from format version 4 on.

    columns:  u64 offset of the first page, u32 number of pages
    pages:    u32 bytes with the header, u32 bytes of the uncompressed page, u32 rows, u32 values, u32 CRC32,
              u16 bytes of the header, u8 encoding

Each number is an array of its own, because zstd then finds what repeats. The pages of a column follow each other in the
file. A page with a dictionary is before the data pages of its column, and has no rows.
"""

import json
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

ChunkType = Literal["time", "integer", "number", "text"]
"""What the values of a column are: int64 (a time in ms or another integer), float64, or texts."""

PLAIN, DICTIONARY, DELTA, INDICES = 0, 2, 5, 8
"""Encodings of pages: those of parquet.thrift, and `DICTIONARY` for the page that the indices refer to."""

_COLUMN_FIELDS = (("offset", "<u8"), ("pages", "<u4"))
_PAGE_FIELDS = (
    ("size", "<u4"),
    ("page_size", "<u4"),
    ("rows", "<u4"),
    ("present", "<u4"),
    ("crc", "<u4"),
    ("header_size", "<u2"),
    ("encoding", "u1"),
)
_OFFSET_BYTES, _COLUMN_BYTES = 8, 8 + 4
_LETTERS = {1: "B", 2: "H", 4: "I"}
_PAGE_FORMATS = tuple(
    (struct.Struct(f"<{_LETTERS[size]}"), _LETTERS[size], size) for size in (int(kind[-1]) for _, kind in _PAGE_FIELDS)
)
"""How `struct` reads each number of a page, the letter of its format, and its size in bytes."""
_PAGE_BYTES = sum(size for _, _, size in _PAGE_FORMATS)
_OFFSET = struct.Struct("<Q")


class PagePosition(NamedTuple):
    """Position of a page in its file. `present`: number of values that are not null, or of all in a dictionary.

    Unit: bytes, for the offset and the sizes. `size` is that of the header and the compressed page together.
    """

    offset: int
    size: int
    header_size: int
    page_size: int
    rows: int
    present: int
    encoding: int
    crc: int


class ColumnChunk(NamedTuple):
    """The pages of one column, in the order of its rows."""

    type: ChunkType
    pages: tuple[PagePosition, ...]

    @property
    def present(self) -> int:
        """Number of values that are not null."""
        return sum(page.present for page in self.pages if page.encoding != DICTIONARY)


class PageTable(NamedTuple):
    """The numbers of the pages of some columns, each in an array of its own."""

    columns: Mapping[str, NDArray[np.unsignedinteger]]
    pages: Mapping[str, NDArray[np.unsignedinteger]]

    @classmethod
    def of(cls, chunks: Collection[ColumnChunk]) -> "PageTable":
        """Return the table of these column chunks."""
        first = {"offset": [chunk.pages[0].offset for chunk in chunks], "pages": [len(chunk.pages) for chunk in chunks]}
        pages = [page for chunk in chunks for page in chunk.pages]
        return cls(
            {name: np.array(first[name], kind) for name, kind in _COLUMN_FIELDS},
            {name: np.array([getattr(page, name) for page in pages], kind) for name, kind in _PAGE_FIELDS},
        )

    def to_bytes(self) -> bytes:
        """Return the arrays one after the other."""
        arrays = [*self.columns.values(), *self.pages.values()]
        return b"".join(array.tobytes() for array in arrays)


class ColumnChunks(Mapping[str, ColumnChunk]):
    """The column chunks of a block. Their numbers are parsed on access: most queries need only a few of them."""

    __slots__ = ("_data", "_firsts", "_types")

    def __init__(self, types: Mapping[str, tuple[int, ChunkType]], data: bytes) -> None:
        """`types`: index and type of each column; `data`: the bytes of the page table."""
        self._types = types
        self._data = data
        self._firsts: Sequence[int] | None = None

    def __getitem__(self, name: str) -> ColumnChunk:
        """Return the column chunk of one column.

        Raises: KeyError if there is no such column.
        Raises: ValueError if the page table is malformed.
        """
        index, kind = self._types[name]
        firsts = self._first_pages()
        first, count, data = firsts[index], firsts[index + 1] - firsts[index], self._data
        (offset,) = _OFFSET.unpack_from(data, _OFFSET_BYTES * index)
        fields, position = [], _COLUMN_BYTES * len(self._types)
        for number, letter, size in _PAGE_FORMATS:
            at = position + size * first
            # most columns of a window have one page
            fields.append(
                number.unpack_from(data, at) if count == 1 else struct.unpack_from(f"<{count}{letter}", data, at)
            )
            position += size * firsts[-1]
        positions = []
        for size, page_size, rows, present, crc, header_size, encoding in zip(*fields, strict=True):
            positions.append(PagePosition(offset, size, header_size, page_size, rows, present, encoding, crc))
            offset += size
        return ColumnChunk(kind, tuple(positions))

    def _first_pages(self) -> Sequence[int]:
        if self._firsts is None:
            columns = len(self._types)
            firsts = _first_pages(self._data[_OFFSET_BYTES * columns : _COLUMN_BYTES * columns])
            if len(firsts) != columns + 1 or len(self._data) != _COLUMN_BYTES * columns + _PAGE_BYTES * firsts[-1]:
                raise ValueError("its page table has another length than its number of pages")
            self._firsts = firsts
        return self._firsts

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


@lru_cache(maxsize=32)  # most windows of a host have values in the same columns
def chunk_types(text: bytes) -> Mapping[str, tuple[int, ChunkType]]:
    """Return index and type of each column by name, from the JSON of a block.

    Raises: TypeError or ValueError if it is malformed.
    """
    types = json.loads(text)
    if not set(types.values()) <= set(get_args(ChunkType)):
        raise ValueError("a column has an unknown type")
    return {name: (index, kind) for index, (name, kind) in enumerate(types.items())}


@lru_cache(maxsize=32)  # the columns of many windows have equal numbers of pages
def _first_pages(numbers: bytes) -> Sequence[int]:
    """Return the index of the first page of each column, and the number of all pages."""
    return 0, *accumulate(struct.unpack(f"<{len(numbers) // 4}I", numbers[: len(numbers) // 4 * 4]))
