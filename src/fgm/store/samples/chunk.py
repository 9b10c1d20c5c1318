"""Chunks: the rows of one series, in the form that all file readers return."""

from collections.abc import Iterator, Mapping
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
