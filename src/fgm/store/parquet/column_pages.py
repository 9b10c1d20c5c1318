"""Encodes the values of a column as compressed pages of version 1."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.pages.hybrid import encode_positions, encode_runs, width_of
from fgm.store.parquet.pages.number_pages import Numbers, Page, levels, plain_pages, smallest_pages
from fgm.store.parquet.pages.page_table import DICTIONARY, INDICES
from fgm.store.parquet.table_pages import Column, Texts

log = logging.getLogger(__name__)

ColumnType = Literal["time", "text", "integer", "number"]

_DEFAULT_LEVEL = 3
"""The zstd level of columns for which no level was chosen."""
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
    `is_unsigned`: whether readers see an `integer` as one without a sign; then no value may be negative.
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
    is_unsigned: bool = False


def pages_of(column: ColumnValues) -> list[Page]:
    """Return the pages of a column, with that of its dictionary first.

    Raises: ValueError if the column has a null, but is not nullable.
    """
    if isinstance(column.values, Texts):
        return _text_pages(column, column.values, len(column.values.codes))
    numbers = _numbers(column, column.values)
    return smallest_pages(numbers) if column.is_smallest else plain_pages(numbers)


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
    # An index may name half of a character, which JSON has a form for and UTF-8 has not.
    dictionary = b"".join([_with_size(text.encode(errors="replace")) for text in texts.values])
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
