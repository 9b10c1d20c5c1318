"""Columns whose values are positions in a dictionary: times, names, and the values of runs that do not change."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.minutes import parquet_pages
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.parquet_pages import RLE_DICTIONARY, ColumnChunk, Page
from fgm.store.minutes.row_runs import groups
from fgm.store.parquet.pages import hybrid
from fgm.store.samples.series import IDENTITY_COLUMNS, Series

_MAX_PAGE_ROWS = 1 << 17
"""Number of rows after which a page ends."""

Integers = NDArray[np.int64]


class RunOrder:
    """The runs of a file in the order of their rows: number of the metric, series, first minute, step and rows."""

    def __init__(self, parts: Sequence[tuple[Integers, ...]] = ()) -> None:
        self._parts = list(parts)
        self.rows = sum(int(part[-1].sum()) for part in parts)

    def add(self, metric: Integers | int, series: Integers, first: Integers, step: Integers, rows: Integers) -> None:
        """Append runs. `metric`: one number if it is that of all runs."""
        self._parts.append((np.broadcast_to(metric, series.shape), series, first, step, rows))
        self.rows += int(rows.sum())

    @property
    def last(self) -> int:
        """The last minute of all runs; 0 if there are none."""
        return max((int((p[2] + p[3] * (p[4] - 1)).max(initial=0)) for p in self._parts), default=0)

    def joined(self, then: "RunOrder") -> "RunOrder":
        """Return these runs and then the others."""
        return RunOrder([*self._parts, then.columns()]) if then.rows else self

    def columns(self) -> tuple[Integers, ...]:
        """Return the facts of all runs, column by column."""
        return tuple(np.concatenate(column) for column in zip(*self._parts, strict=True))


class Dictionary:
    """The different values of a column of numbers, in the order in which they were first seen."""

    def __init__(self) -> None:
        self.values: NDArray[np.int64] = np.empty(0, np.int64)

    def codes(self, values: NDArray[np.int64]) -> Integers:
        """Return the positions of these values. New ones are added."""
        new = np.setdiff1d(values, self.values)
        self.values = np.concatenate([self.values, new]) if len(self.values) else new
        order = np.argsort(self.values, kind="stable")  # QEMU 7.2 miscomputes the default kind
        codes: Integers = order[np.searchsorted(self.values, values, sorter=order)]
        return codes

    def column(self, name: str, values: NDArray[np.int64], rows: Integers, level: int) -> ColumnChunk:
        """Return the column chunk of values that are each repeated for a number of rows."""
        codes = self.codes(values)
        if not len(self.values):
            return ColumnChunk(name, "number", (), has_dictionary=False)
        is_integer = self.values.dtype.kind == "i"
        content = self.values.astype("<i4" if is_integer else "<f8").tobytes()
        pages = [parquet_pages.dictionary_page(content, len(self.values), level)]
        pages += _pages_of_runs(codes, rows, len(self.values), level)
        return ColumnChunk(name, "integer" if is_integer else "number", pages, has_dictionary=True)


def times(order: RunOrder, from_ms: int, level: int) -> ColumnChunk:
    """Return the column chunk of the times: positions in a dictionary of all minutes from `from_ms` on."""
    _, _, first, step, rows = order.columns()
    minutes = order.last + 1
    times_ms = from_ms + MINUTE_MS * np.arange(minutes)
    pages = [parquet_pages.dictionary_page(times_ms.astype("<i8").tobytes(), minutes, level)]
    for part in _parts(rows):
        count = rows[part]
        number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        codes = np.repeat(first[part], count) + np.repeat(step[part], count) * number
        pages.append(parquet_pages.data_page(parquet_pages.codes(codes), len(codes), RLE_DICTIONARY, level))
    low, high = int(times_ms[first.min()]), int(times_ms[-1])  # exact: engines answer min(time) from them
    return ColumnChunk("time", "time", pages, has_dictionary=True, bounds=(low, high))


def names(order: RunOrder, series: Sequence[Series], metrics: Sequence[str], level: int) -> list[ColumnChunk]:
    """Return the column chunks of the identity columns, and of the names of the metrics."""
    metric, of_series, _, _, rows = order.columns()
    chunks = []
    for name in IDENTITY_COLUMNS:
        texts = [getattr(each, name) for each in series]
        values = sorted({text for text in texts if text is not None})
        position = {text: index for index, text in enumerate(values)}
        codes = np.array([-1 if text is None else position[text] for text in texts], np.int64)[of_series]
        chunks.append(_texts(name, values, codes, rows, level, is_nullable=name != IDENTITY_COLUMNS[0]))
    return [*chunks, _texts("metric", metrics, metric, rows, level, is_nullable=False)]


def _texts(
    name: str, values: Sequence[str], codes: Integers, rows: Integers, level: int, *, is_nullable: bool
) -> ColumnChunk:
    pages = [parquet_pages.dictionary_page(parquet_pages.plain_texts(values), len(values), level)]
    pages += _pages_of_runs(codes, rows, len(values), level, is_nullable=is_nullable)
    nulls = int(rows[codes < 0].sum()) if is_nullable else None
    return ColumnChunk(name, "text", pages, has_dictionary=True, nulls=nulls)


def _pages_of_runs(codes: Integers, rows: Integers, size: int, level: int, *, is_nullable: bool = False) -> list[Page]:
    """Return pages with positions in a dictionary of `size` values, each repeated for a number of rows; -1 is null."""
    pages = []
    width = hybrid.width_of(size)
    for part in _parts(rows):
        starts, _ = groups(np.diff(codes[part]) != 0, len(codes[part]))
        some, counts = codes[part][starts], np.add.reduceat(rows[part], starts)
        content = b""
        is_present = some >= 0
        if is_nullable:
            content = parquet_pages.present_levels(is_present, counts)
        content += parquet_pages.runs_of_codes(some[is_present], counts[is_present], width)
        pages.append(parquet_pages.data_page(content, int(counts.sum()), RLE_DICTIONARY, level))
    return pages


def _parts(rows: Integers) -> list[slice]:
    """Return runs that are next to each other and have about `_MAX_PAGE_ROWS` rows together."""
    page = (np.cumsum(rows) - 1) // _MAX_PAGE_ROWS
    starts, sizes = groups(np.diff(page) != 0, len(rows))
    return [slice(start, start + size) for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
