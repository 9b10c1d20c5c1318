"""Rows of many ticks, compressed in memory, for a caller that needs one column after the other."""

from dataclasses import dataclass

import cramjam
import numpy as np
from numpy.typing import NDArray

GROUP_BYTES = 32 << 10
"""Size of the columns of one tick that are compressed together: with 100 series about 40 columns.

A window of 90 ticks then unpacks 3 MB at a time, whatever the number of its series.
"""

_Bits = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class _PackedTick:
    """One tick. `groups`: each the columns of a group, compressed. `is_difference`: XORed with the tick before."""

    rows: int
    is_difference: bool
    groups: tuple[bytes, ...]


class PackedRows:
    """Rows with the same columns. They take a tenth of their size or less, because few values change between two ticks.

    The columns are unpacked in groups, and the group of the last request is kept.
    """

    def __init__(self) -> None:
        self._ticks: list[_PackedTick] = []
        self._columns_a_group = 0
        self._last: _Bits | None = None
        self._unpacked: tuple[int, NDArray[np.float64]] | None = None

    def append(self, rows: NDArray[np.float64]) -> None:
        """Add the rows of a tick.

        Shape: float64[n, columns]; n may differ between ticks.
        """
        bits = np.ascontiguousarray(rows.T).view(np.uint64)
        if not self._columns_a_group:
            self._columns_a_group = max(GROUP_BYTES // max(8 * bits.shape[1], 1), 1)
        last, self._last = self._last, bits
        self._unpacked = None  # it lacks this tick
        is_difference = last is not None and last.shape == bits.shape
        if last is not None and is_difference:
            bits = bits ^ last
        size = self._columns_a_group
        groups = (bits[first : first + size].reshape(-1).view(np.uint8) for first in range(0, len(bits), size))
        packed = tuple(bytes(cramjam.lz4.compress_block(group.data)) for group in groups)
        self._ticks.append(_PackedTick(bits.shape[1], is_difference, packed))

    def column(self, position: int) -> NDArray[np.float64]:
        """Return a column of all rows, in the order in which they were added."""
        number, in_group = divmod(position, self._columns_a_group)
        if self._unpacked is None or self._unpacked[0] != number:
            self._unpacked = None  # before the next one takes its memory
            self._unpacked = number, self._unpack(number)
        column: NDArray[np.float64] = self._unpacked[1][in_group]
        return column

    def _unpack(self, number: int) -> NDArray[np.float64]:
        """Return a group of columns.

        Shape: float64[columns, rows of all ticks].
        """
        assert self._last is not None
        height = min(self._columns_a_group, len(self._last) - number * self._columns_a_group)
        table = np.empty((height, sum(tick.rows for tick in self._ticks)), np.uint64)
        first, before = 0, table[:, :0]
        for tick in self._ticks:
            part = table[:, first : first + tick.rows]
            bits = np.empty((height, tick.rows), np.uint64)
            cramjam.lz4.decompress_block_into(tick.groups[number], bits.reshape(-1).view(np.uint8).data)
            if tick.is_difference:
                np.bitwise_xor(bits, before, out=part)
            else:
                part[:] = bits
            first, before = first + tick.rows, part
        return table.view(np.float64)
