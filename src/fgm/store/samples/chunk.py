"""The one shape in which recorded samples are handed around, whatever file they came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series


class ColumnsOf(Mapping[str, NDArray[np.float64]]):
    """Columns of one array, each a view that is made when it is asked for.

    Of thousands of short series with every column, the views alone would take more memory than the values.
    """

    __slots__ = ("_places", "_table")

    def __init__(self, places: Mapping[str, int], table: NDArray[np.float64]) -> None:
        """`places`: which row of `table` a column is; shared between series. `table`: float64[columns, n]."""
        self._places = places
        self._table = table

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self._table[self._places[name]]
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one series, in ascending time, from one file.

    `time_ms`: int64[n], the ticks, ms since 1970 UTC. `late_ms`: float64[n]; `time_ms + late_ms` is when the row was
    really read. `values`: column name to float64[n], NaN where the file has null.
    """

    series: Series
    time_ms: NDArray[np.int64]
    late_ms: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
