"""Decodes chosen columns of a table before format version 4, without fastparquet, whose imports take 40 MiB of memory.

A table has one row group, and each column one data page, after a page with a dictionary if the column has one. So the
pages follow each other in the order of the columns, and no footer is needed to find them. Check the CRC of the bytes
before: the values are not checked here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.page import MAX_COLUMN_BYTES, decompress, split_levels, varint

_DATA, _DICTIONARY = 0, 2
"""Types of pages, PageType in parquet.thrift."""
_STOP, _INTEGERS, _STRUCT = 0, frozenset({3, 4, 5, 6}), 12
"""Types of fields in the compact protocol of Thrift."""


class Texts(NamedTuple):
    """A column of texts.

    Shape: `codes` is int32[rows]: positions in `values`, -1 for null.
    """

    codes: NDArray[np.int32]
    values: Sequence[str]

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> "Texts":
        """Return a column of these texts, with its values in ascending order."""
        values = sorted({text for text in texts if text is not None})
        codes = {text: code for code, text in enumerate(values)}
        return cls(np.array([-1 if text is None else codes[text] for text in texts], np.int32), values)

    def repeated(self, counts: Sequence[int]) -> "Texts":
        """Return a column with each row so many times."""
        return self._replace(codes=np.repeat(self.codes, counts))


class _Page(NamedTuple):
    type: int
    page_size: int
    data: memoryview


Column = NDArray[np.int64] | NDArray[np.float64] | Texts


def read_columns(data: bytes, types: Mapping[str, str], rows: int, wanted: Collection[str]) -> dict[str, Column]:
    """Return columns of a table by name.

    `data`: the whole file; `types`: the type of each column (`column_pages.ColumnType`), in file order; `rows`: number
    of rows.

    Raises: ValueError, LookupError or ArithmeticError if the pages are not as fgm writes them.
    """
    pages, columns = _pages(memoryview(data)), dict[str, Column]()
    left = set(wanted)
    for name, kind in types.items():
        if not left:
            break
        dictionary, page = None, next(pages)
        if page.type == _DICTIONARY:
            dictionary, page = page, next(pages)
        if page.type != _DATA:
            raise ValueError(f"column {name} has a page of type {page.type}")
        if name in left:
            left.remove(name)
            columns[name] = _decode(kind, rows, dictionary, page)
    return columns


def _decode(kind: str, rows: int, dictionary: _Page | None, page: _Page) -> Column:
    values = decompress(page.data, page.page_size)
    if kind in {"time", "integer"}:
        return np.frombuffer(values, "<i8", rows)
    if kind == "number":
        present, rest = split_levels(values, rows)
        numbers = np.full(rows, np.nan)
        count = rows if present is None else int(np.count_nonzero(present))
        numbers[slice(None) if present is None else present] = np.frombuffer(rest, "<f8", count)
        return numbers
    if dictionary is None:
        return Texts(np.full(rows, -1, np.int32), [])
    present, rest = split_levels(values, rows)
    count = rows if present is None else int(np.count_nonzero(present))
    codes = np.full(rows, -1, np.int32)
    if count:
        codes[slice(None) if present is None else present] = _indices(rest, count)
    texts = list(decode_texts(decompress(dictionary.data, dictionary.page_size).data))
    if codes.max(initial=-1) >= len(texts):
        raise ValueError("an index is beyond the end of its dictionary")
    return Texts(codes, texts)


def _indices(data: memoryview, count: int) -> NDArray[np.int32]:
    """Return dictionary indices.

    Source: RLE_DICTIONARY, and the RLE / bit-packing hybrid, of the Parquet format.
    """
    width, position, parts, found = data[0], 1, [], 0
    while found < count:
        run, position = varint(data, position)
        if run & 1:  # groups of 8 bit-packed values
            size = (run >> 1) * width
            if size > len(data) or run >> 1 > count:
                raise ValueError("indices go beyond the end of their page")
            bits = np.unpackbits(np.frombuffer(data, np.uint8, size, position), bitorder="little")
            parts.append(bits.reshape(-1, width) @ (1 << np.arange(width)) if width else np.zeros((run >> 1) * 8))
            found += (run >> 1) * 8
        else:
            size = (width + 7) // 8
            value = int.from_bytes(data[position : position + size], "little")
            repeated = min(run >> 1, count - found)  # a damaged run may be longer than the memory
            if not repeated:
                raise ValueError("a run has no index")
            parts.append(np.full(repeated, value))
            found += repeated
        position += size
    return np.concatenate(parts)[:count].astype(np.int32)


def decode_texts(data: memoryview) -> Iterator[str]:
    """Yield the texts in the page of a dictionary."""
    position = 0
    while position + 4 <= len(data):
        size = int.from_bytes(data[position : position + 4], "little")
        yield bytes(data[position + 4 : position + 4 + size]).decode(errors="replace")
        position += 4 + size


def _pages(data: memoryview) -> Iterator[_Page]:
    position = len(PARQUET_MAGIC)
    while True:
        header, position = _integers(data, position)
        size = header[3]
        if not (0 <= size <= len(data) - position and 0 <= header[2] <= MAX_COLUMN_BYTES):
            raise ValueError("a page has an impossible size")
        yield _Page(header[1], header[2], data[position : position + size])
        position += size


def _integers(data: memoryview, position: int) -> tuple[dict[int, int], int]:
    """Return the integers of a Thrift structure by number of the field, and where it ends. Inner ones are skipped."""
    fields, number = dict[int, int](), 0
    while (head := data[position]) != _STOP:
        number += head >> 4
        kind, position = head & 15, position + 1
        if not head >> 4:
            raise ValueError("a page has an unknown header")
        if kind == _STRUCT:
            _, position = _integers(data, position)
        elif kind in _INTEGERS:
            value, position = varint(data, position)
            fields[number] = value >> 1 if not value & 1 else -(value >> 1) - 1
        elif kind == 8:  # a text
            size, position = varint(data, position)
            position += size
        elif kind > 2:  # a boolean, 1 or 2, has no further bytes
            raise ValueError(f"a page has a header with a field of type {kind}")
    return fields, position + 1
