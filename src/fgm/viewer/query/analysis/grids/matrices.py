"""Matrices of many metrics in little memory: packed while they are filled, and unpacked when a detector needs them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.grid import Matrix
from fgm.viewer.query.analysis.grids.packing import Packing

MAX_UNPACKED = 600_000
"""Maximum number of values of unpacked matrices that are kept for the next use, besides the last one."""


class Destination(NamedTuple):
    """Where values of some series at the same successive ticks are kept: rows of memory, and the first and last tick.

    `firsts`: where the first value of each series is among those that are written. `apart`: the distance between them;
    None if it differs.

    Shape: `memory_rows` and `firsts` are int64[series].
    """

    memory_rows: NDArray[np.int64]
    begin: int
    end: int
    firsts: NDArray[np.intp]
    apart: int | None

    def values_of(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return those of the values that are written.

        Shape: float[series, ticks].
        """
        shape = len(self.firsts), self.end - self.begin
        if self.apart is None or not values.flags.c_contiguous:
            gathered: NDArray[np.floating] = values[self.firsts[:, np.newaxis] + np.arange(shape[1])]
            return gathered
        first, strides = int(self.firsts[0]) * values.itemsize, (self.apart * values.itemsize, values.itemsize)
        return np.ndarray(shape, values.dtype, values, first, strides)


class PackedMatrices:
    """Values of metrics of all series of a packing, as float32. Not thread-safe."""

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._packed: dict[str, Matrix] = {}
        self._with_values: set[str] = set()

    @property
    def series(self) -> int:
        """Number of series."""
        return len(self._packing.begin)

    def destinations(
        self, rows: NDArray[np.intp], ticks: NDArray[np.int64], places: NDArray[np.intp]
    ) -> list[Destination]:
        """Return where values are kept: those that are in the time of their series.

        `rows`, `ticks`: of each value. A tick may be outside of the range. `places`: where `write` finds the value.
        """
        packing = self._packing
        is_kept = (ticks >= packing.begin[rows]) & (ticks < packing.end[rows])
        memory_rows, ticks, places = packing.memory_row[rows[is_kept]], ticks[is_kept], places[is_kept]
        is_first = np.ones(len(ticks), np.bool_)
        is_first[1:] = (ticks[1:] - ticks[:-1] != 1) | (places[1:] - places[:-1] != 1)
        firsts = np.flatnonzero(is_first)
        counts = np.diff(firsts, append=len(ticks))
        by_ticks: dict[tuple[int, int], list[int]] = {}
        for first, begin, count in zip(firsts.tolist(), ticks[firsts].tolist(), counts.tolist(), strict=True):
            by_ticks.setdefault((begin, count), []).append(first)
        return [
            Destination(memory_rows[at], begin, begin + count, places[at], _distance(places[at]))
            for (begin, count), at in by_ticks.items()
        ]

    def write(self, metric: str, destinations: Sequence[Destination], values: NDArray[np.floating]) -> None:
        """Write values of a metric. `destinations`: as the method with this name has returned them."""
        packed = self._packed.get(metric)
        if packed is None:
            shape = self._packing.memory_rows, self._packing.ticks
            packed = self._packed[metric] = np.full(shape, np.nan, np.float32)
        for to in destinations:
            written = to.values_of(values)
            packed[to.memory_rows, to.begin : to.end] = written
            if metric not in self._with_values and not np.isnan(written).all():
                self._with_values.add(metric)

    def names(self) -> Sequence[str]:
        """Return the metrics that have any value."""
        return [name for name in self._packed if name in self._with_values]

    def keep(self, metrics: Collection[str]) -> Collection[str]:
        """Free the memory of all other metrics, and return those of `metrics` that have been written."""
        self._packed = {name: packed for name, packed in self._packed.items() if name in metrics}
        return self._packed.keys()

    def rows(self, metric: str, first: int, end: int) -> Matrix:
        """Return the values of some series, which must not be changed."""
        packing, packed = self._packing, self._packed[metric]
        of_rows = slice(first, end)
        if packing.memory_rows == self.series and np.array_equal(packing.memory_row[of_rows], np.arange(first, end)):
            whole = packed[of_rows]
            whole.flags.writeable = False
            return whole
        bounds = zip(
            packing.memory_row[of_rows].tolist(),
            packing.begin[of_rows].tolist(),
            packing.end[of_rows].tolist(),
            strict=True,
        )
        result = np.full((end - first, packing.ticks), np.nan, np.float32)
        for values, (row, begin, stop) in zip(result, bounds, strict=True):
            values[begin:stop] = packed[row, begin:stop]
        return result


def _distance(places: NDArray[np.intp]) -> int | None:
    """Return the distance between successive places; None if it differs."""
    distances = np.diff(places)
    if not len(distances):
        return 0
    return int(distances[0]) if (distances == distances[0]).all() else None


class UnpackedMatrices(Mapping[str, Matrix]):
    """Matrices of some rows, each of which is unpacked when it is used. Not thread-safe."""

    def __init__(self, packed: PackedMatrices, names: Sequence[str], first: int, end: int) -> None:
        self._names = dict.fromkeys(names)
        self._packed, self._first, self._end = packed, first, end
        self._kept: dict[str, Matrix] = {}

    def __getitem__(self, name: str) -> Matrix:
        """Return a matrix."""
        matrix = self._kept.get(name)
        if matrix is None:
            if name not in self._names:
                raise KeyError(name)
            matrix = self._packed.rows(name, self._first, self._end)
            while self._kept and sum(each.size for each in self._kept.values()) + matrix.size > MAX_UNPACKED:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = matrix
        return matrix

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the metrics."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of metrics."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a metric; without it, `Mapping` would unpack the matrix."""
        return name in self._names
