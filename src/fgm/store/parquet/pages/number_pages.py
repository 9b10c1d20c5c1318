"""Encodes a column of numbers as pages: as values, as positions in a dictionary, as runs of those, or as differences.

What is smallest depends on the column. Counters are differences, what hardly changes are runs, and noise within narrow
limits are positions; gauges that move by many pages of memory are values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.page import to_varint
from fgm.store.parquet.pages import delta, hybrid
from fgm.store.parquet.pages.page_table import DELTA, DICTIONARY, INDICES, PLAIN
from fgm.store.samples.distinct import distinct, starts_of_runs

_PAGE_COST_BYTES = 45
"""Size of the header of a page and of its numbers in the block, which counts if encodings are compared."""
_SMALL_BYTES = 400
"""Size of the only page of a column below which no other encoding is tried."""
_MAX_DICTIONARY_VALUES = 1 << 16
_VALUES_PER_RUN = 32
"""Minimum mean length of runs. Shorter ones are decoded one by one, which takes too long."""
_BITS_ARE_TRIED = 1.25
"""Differences in whole bytes that are larger than another encoding by this factor are not tried in bits."""
_RUN_PAGE_ROWS = 1 << 16
"""Number of rows at which a page of runs ends: it is small, but decoding it takes as long as its rows."""
_MAX_JUMP = 1 << 22
"""Maximum difference from one series to the next within a page of differences. A page of its own is smaller."""
_MIN_DELTA_ROWS = 1000
"""Minimum mean number of rows of pages of differences, because each page takes time."""


class Page(NamedTuple):
    """A compressed page without its header. `present`: number of its values. `page_size`: before compression."""

    packed: bytes
    page_size: int
    rows: int
    present: int
    encoding: int


@dataclass(frozen=True)
class Numbers:
    """A column of numbers. `values`: those that are not null, as integers or the bits of float64.

    `is_present`: whether each row has a value; None if the column is not nullable. `page_starts`: the rows with which
    pages begin; `series_starts`: those with which they may begin.
    """

    values: NDArray[np.int64]
    rows: int
    is_present: NDArray[np.bool_] | None
    page_starts: Sequence[int]
    series_starts: Sequence[int]
    compression_level: int

    @cached_property
    def are_runs(self) -> bool:
        """Whether most values are the same as the one before."""
        runs = 1 + np.count_nonzero(self.values[1:] != self.values[:-1])
        return bool(runs * _VALUES_PER_RUN <= len(self.values))


class _Part(NamedTuple):
    """The rows of one page, and its values."""

    rows: slice
    values: slice


def plain_pages(numbers: Numbers) -> list[Page]:
    """Return the pages of a column as values."""
    parts = _parts(numbers, numbers.page_starts)
    return [_page(numbers, part, PLAIN, numbers.values[part.values].tobytes()) for part in parts]


def smallest_pages(numbers: Numbers) -> list[Page]:
    """Return the pages of a column in the encoding with the fewest bytes, with that of its dictionary first."""
    if not len(numbers.values):
        return plain_pages(replace(numbers, page_starts=(0,)))
    best = plain_pages(numbers)
    if len(numbers.page_starts) == 1 and _size(best) < _SMALL_BYTES:
        return best  # most columns of a window: trying others would take a fifth of the time for closing it
    best = _smaller(best, _dictionary_pages(numbers))
    if len(numbers.page_starts) == 1 or numbers.are_runs:
        # Differences are never smaller than runs. In the file of a window, they are a twentieth smaller than values,
        # but decoding those of one column takes longer than opening the file and reading another one.
        return best
    deltas = _delta_pages(numbers, whole_bytes=True)
    if deltas and _size(deltas) < _BITS_ARE_TRIED * _size(best):
        best = _smaller(best, _smaller(deltas, _delta_pages(numbers, whole_bytes=False)))
    return best


def _smaller(pages: list[Page], others: list[Page]) -> list[Page]:
    """Return what takes fewer bytes. `others` may be empty: then this encoding is not possible."""
    return others if others and _size(others) < _size(pages) else pages


def _size(pages: list[Page]) -> int:
    return sum(len(page.packed) + _PAGE_COST_BYTES for page in pages)


def _dictionary_pages(numbers: Numbers) -> list[Page]:
    """Return the pages as positions, or as runs of them; none if there are too many."""
    are_runs = numbers.are_runs
    values = _dictionary_of(numbers.values[starts_of_runs(numbers.values)] if are_runs else numbers.values)
    if len(values) > _MAX_DICTIONARY_VALUES:
        return []
    width = hybrid.width_of(len(values))
    encode = hybrid.encode_runs if are_runs else hybrid.encode_positions
    parts = _parts(numbers, _every(numbers.page_starts, _RUN_PAGE_ROWS) if are_runs else numbers.page_starts)
    content = values.tobytes()
    pages = [Page(_compress(numbers, content), len(content), 0, len(values), DICTIONARY)]
    for part in parts:
        of_page = _positions(values, numbers.values[part.values], are_runs=are_runs)
        content = bytes([width]) + (encode(of_page, width) if len(of_page) else b"")  # Daft needs the width in any case
        pages.append(_page(numbers, part, INDICES, content))
    return pages


def _positions(dictionary: NDArray[np.int64], values: NDArray[np.int64], *, are_runs: bool) -> NDArray[np.intp]:
    if not are_runs or not len(values):
        return np.searchsorted(dictionary, values)
    starts = starts_of_runs(values)
    return np.repeat(np.searchsorted(dictionary, values[starts]), np.diff(starts, append=len(values)))


def _dictionary_of(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct values in ascending order, or more than `_MAX_DICTIONARY_VALUES` of them.

    Sorting some at a time takes no longer than sorting all, and a tenth of the memory for a large hour.
    """
    dictionary = values[:0]
    for first in range(0, len(values), _MAX_DICTIONARY_VALUES):
        dictionary = distinct(np.concatenate([dictionary, values[first : first + _MAX_DICTIONARY_VALUES]]))
        if len(dictionary) > _MAX_DICTIONARY_VALUES:
            break
    return dictionary


def _delta_pages(numbers: Numbers, *, whole_bytes: bool) -> list[Page]:
    parts = _parts(numbers, _delta_starts(numbers))
    if len(parts) > 1 and len(parts) * _MIN_DELTA_ROWS > numbers.rows:
        return []
    pages = list[Page]()
    for part in parts:
        values = numbers.values[part.values]
        content = delta.encode(values, whole_bytes=whole_bytes)
        encoding = DELTA if content is not None else PLAIN
        pages.append(_page(numbers, part, encoding, values.tobytes() if content is None else content))
    return pages


def _delta_starts(numbers: Numbers) -> list[int]:
    """Return the rows with which pages of differences begin: with few series in each, and without large jumps."""
    starts = np.array(numbers.series_starts)
    firsts = _values_before(numbers, starts)
    inside = (firsts > 0) & (firsts < len(numbers.values))
    jumps = np.zeros(len(starts))
    after, before = numbers.values[firsts[inside]], numbers.values[firsts[inside] - 1]
    jumps[inside] = np.abs(after.astype(np.float64) - before)
    begins = {*numbers.page_starts, *starts[jumps > _MAX_JUMP].tolist()}
    return sorted(begins)


def _every(starts: Sequence[int], rows: int) -> list[int]:
    """Return those of the starts that are at least so many rows apart."""
    chosen = [0]
    for start in starts:
        if start - chosen[-1] >= rows:
            chosen.append(start)
    return chosen


def _parts(numbers: Numbers, starts: Sequence[int]) -> list[_Part]:
    bounds = [*starts, numbers.rows]
    of_values = [*_values_before(numbers, np.array(starts)).tolist(), len(numbers.values)]
    return [
        _Part(slice(*rows), slice(*values)) for rows, values in zip(pairwise(bounds), pairwise(of_values), strict=True)
    ]


def _values_before(numbers: Numbers, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of values before each of some rows, which are in ascending order, from the first one on."""
    if numbers.is_present is None or len(numbers.values) == numbers.rows:
        return starts
    bounds = pairwise([*starts.tolist(), numbers.rows])
    counts = [int(np.count_nonzero(numbers.is_present[first:end])) for first, end in bounds]
    return np.array([0, *accumulate(counts[:-1])])


def _page(numbers: Numbers, part: _Part, encoding: int, content: bytes) -> Page:
    rows = part.rows.stop - part.rows.start
    present = part.values.stop - part.values.start
    if numbers.is_present is not None:
        content = levels(numbers.is_present[part.rows], present) + content
    return Page(_compress(numbers, content), len(content), rows, present, encoding)


def _compress(numbers: Numbers, content: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(content, level=numbers.compression_level))


def levels(is_present: NDArray[np.bool_], present: int) -> bytes:
    """Return the definition levels of a page, and their size: whether each row has a value."""
    if present in {0, len(is_present)}:
        data = to_varint(len(is_present) << 1) + bytes([present > 0])  # one level, repeated
    else:
        packed = np.packbits(is_present, bitorder="little")
        data = to_varint(len(packed) << 1 | 1) + packed.tobytes()
    return len(data).to_bytes(4, "little") + data
