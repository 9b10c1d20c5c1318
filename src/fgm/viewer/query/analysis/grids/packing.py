"""Which series share a row of memory: those that were never recorded at the same time. Pure.

On a node with many short-lived containers, most series of a range have values in a small part of it.
"""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packing:
    """The row of memory of each series.

    `begin`, `end`: the first tick of each series, and the tick after the last one. `ticks`: number of ticks of the
    range. `is_shared`: whether series share rows; values of those that do not can be used without unpacking them.
    `memory_row`: of each series. `memory_rows`: number of rows of memory.

    Shape: int64[series] each.
    """

    begin: Ints
    end: Ints
    ticks: int
    is_shared: bool = True
    memory_row: Ints = field(init=False)
    memory_rows: int = field(init=False)

    def __post_init__(self) -> None:
        """Give each series the row of memory that became free first, or a new one."""
        if not self.is_shared:
            object.__setattr__(self, "memory_row", np.arange(len(self.begin)))
            object.__setattr__(self, "memory_rows", len(self.begin))
            return
        memory_row = np.zeros(len(self.begin), np.int64)
        free_from: list[tuple[int, int]] = []
        for series in np.argsort(self.begin, kind="stable").tolist():
            begin, end = int(self.begin[series]), int(self.end[series])
            is_free = bool(free_from) and free_from[0][0] <= begin
            row = heapq.heappop(free_from)[1] if is_free else len(free_from)
            memory_row[series] = row
            heapq.heappush(free_from, (max(begin, end), row))
        object.__setattr__(self, "memory_row", memory_row)
        object.__setattr__(self, "memory_rows", len(free_from))

    @property
    def values(self) -> int:
        """Number of values of a packed matrix."""
        return self.memory_rows * self.ticks

    def part(self, first: int, end: int) -> "Packing":
        """Return the packing of some of the series alone."""
        return Packing(self.begin[first:end], self.end[first:end], self.ticks, self.is_shared)
