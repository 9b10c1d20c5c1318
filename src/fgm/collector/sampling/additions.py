"""Values and rows that other tasks add to the next tick."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import columns_of
from fgm.store.samples.chunk import rounded_late_ms
from fgm.store.samples.series import Series


class FinalRow(NamedTuple):
    """The values of a container, read right after its last process exited. `read_at`: monotonic time in seconds."""

    series: Series
    row: NDArray[np.float64]
    read_at: float


class Additions:
    """Values and rows that are added to the next tick, once.

    Sums over processes come from another task. A container that exits between two ticks is read again immediately,
    because its cgroup may be removed before the next tick.
    """

    def __init__(self) -> None:
        self._values: deque[tuple[str, Mapping[str, float]]] = deque()
        self._final_rows: dict[str, FinalRow] = {}

    def offer(self, key: str, values: Mapping[str, float]) -> None:
        """Add values to the next row of the series with this key. Thread-safe."""
        self._values.append((key, values))

    def add_final_row(self, final: FinalRow) -> None:
        """Add the final row of a container; it is dropped if the next tick still has a row of the container."""
        self._final_rows[final.series.key] = final

    def add_to(
        self, rows: NDArray[np.float64], series: tuple[Series, ...], due: float
    ) -> tuple[NDArray[np.float64], tuple[Series, ...]]:
        """Return the rows and series of a tick with everything that was added since the last call.

        `due`: monotonic time of the tick in seconds. `rows` is changed.
        """
        if self._final_rows:
            rows, series = self._with_final_rows(rows, series, due)
        if self._values:
            self._put_values(rows, series)
        return rows, series

    def _with_final_rows(
        self, rows: NDArray[np.float64], series: tuple[Series, ...], due: float
    ) -> tuple[NDArray[np.float64], tuple[Series, ...]]:
        present = {each.key for each in series}
        missing = [final for key, final in self._final_rows.items() if key not in present]
        self._final_rows.clear()
        for final in missing:
            final.row[:1] = rounded_late_ms(np.array([(final.read_at - due) * 1000]))
        return np.vstack([rows, *(final.row for final in missing)]), (*series, *(final.series for final in missing))

    def _put_values(self, rows: NDArray[np.float64], series: tuple[Series, ...]) -> None:
        row_numbers = {each.key: number for number, each in enumerate(series)}
        while self._values:
            key, values = self._values.popleft()
            if key in row_numbers:
                rows[row_numbers[key], columns_of(tuple(values))] = list(values.values())
