"""Chunks: the rows of one series, in the form that all file readers return."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series

_LATE_STEPS_PER_MS = 100


def rounded_late_ms(late_ms: NDArray[np.float64], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the lateness of rows in the steps of 10 us in which it is recorded, in `out` if it is given.

    Reading the files of a series takes several times as long, and a rate over a second changes by 0.001 % at most. The
    last digit would be noise, which takes a third of a byte in each row.
    """
    rounded: NDArray[np.float64] = np.multiply(late_ms, _LATE_STEPS_PER_MS, out=out)
    np.rint(rounded, out=rounded)
    rounded /= _LATE_STEPS_PER_MS
    return rounded


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
    """Makes columns by name, and keeps the last one, because each series of a file is asked for it in turn."""

    __slots__ = ("_make", "name", "names", "values")

    def __init__(self, names: Collection[str], make: Callable[[str], NDArray[np.float64]]) -> None:
        """`names`: those that can be made, a set or a view of keys."""
        self.names = names
        self.name: str | None = None
        self.values: NDArray[np.float64] = np.empty(0)
        self._make = make

    def make(self, name: str) -> None:
        """Make a column and keep it as `values`.

        Raises: KeyError if it cannot be made.
        """
        if name not in self.names:
            raise KeyError(name)
        self.values = self._make(name)
        self.name = name


class ColumnsOnAccess(Mapping[str, NDArray[np.float64]]):
    """Rows of columns that are made on access, so that they need not all be in memory at the same time."""

    __slots__ = ("_column", "_rows")

    def __init__(self, column: LastColumn, rows: slice) -> None:
        """`column`: may be shared by several series; `rows`: those to return of each column."""
        self._column = column
        self._rows = rows

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column = self._column
        if column.name != name:
            column.make(name)
        return column.values[self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._column.names)

    def __len__(self) -> int:
        return len(self._column.names)


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
