"""Chunks: the rows of one series, in the form that all file readers return."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series


class ColumnsOf(Mapping[str, NDArray[np.float64]]):
    """The columns of one array by name. The view of a column is created on access.

    With thousands of short series and all columns, stored views would take more memory than the values.
    """

    __slots__ = ("_positions", "_table")

    def __init__(self, positions: Mapping[str, int], table: NDArray[np.float64]) -> None:
        """`positions`: index of the row of `table` that contains each column; may be shared by several series.

        Shape: `table` is float64[columns, n].
        """
        self._positions = positions
        self._table = table

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self._table[self._positions[name]]
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)


class LastColumn:
    """Makes columns by name, and keeps the last one, because every series of a file is asked for it in turn."""

    def __init__(self, make: Callable[[str], NDArray[np.float64]]) -> None:
        self._make = make
        self._last: tuple[str, NDArray[np.float64]] | None = None

    def __call__(self, name: str) -> NDArray[np.float64]:
        """Return a column."""
        if self._last is None or self._last[0] != name:
            self._last = name, self._make(name)
        return self._last[1]


class ColumnsOnAccess(Mapping[str, NDArray[np.float64]]):
    """Rows of columns that are made on access, so that they need not all be in memory at the same time."""

    __slots__ = ("_column", "_names", "_rows")

    def __init__(
        self, names: Collection[str], column: Callable[[str], NDArray[np.float64]], rows: slice | None = None
    ) -> None:
        """`names`: a set or a view of keys. `column`: returns a column. `rows`: those to return of it, None for all."""
        self._names = names
        self._column = column
        self._rows = slice(None) if rows is None else rows

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self._names:
            raise KeyError(name)
        return self._column(name)[self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one series from one file, in ascending order of time.

    `time_ms`: the ticks, in ms since 1970 UTC. A row was actually read at `time_ms + late_ms`. `values`: columns by
    name, NaN for null.

    Shape: `time_ms` is int64[n]; `late_ms` and each column are float64[n].
    """

    series: Series
    time_ms: NDArray[np.int64]
    late_ms: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
