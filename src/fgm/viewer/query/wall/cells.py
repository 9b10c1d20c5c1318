"""The cells of one row of a wall: the highest value in each pixel column, and the facts of the whole row."""

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_file import MinutesChunk
from fgm.viewer.query.columns import Columns

Cells = NDArray[np.float32]
MINUTE_COLUMNS = ("mean", "max", "max_at_ms", "count")
"""The columns of minutes from which cells are computed."""


class RowCells:
    """The cells of one row, and its sum, count, and highest value with its time. Values may be added in any order.

    `cells`: NaN where nothing was recorded.
    """

    def __init__(self, columns: Columns) -> None:
        self.cells: Cells = np.full(columns.count, np.nan, np.float32)
        self.sum, self.count = 0.0, 0
        self.max, self.max_ms = -np.inf, 0
        self._columns = columns

    def add(self, time_ms: Times, values: Floats) -> None:
        """Add samples, in ascending time. NaN is ignored."""
        is_known = ~np.isnan(values)
        if not is_known.all():
            time_ms, values = time_ms[is_known], values[is_known]
        if len(values):
            self._raise(time_ms, values)
            self.sum += float(values.sum())
            self.count += len(values)

    def add_minutes(self, minutes: MinutesChunk) -> None:
        """Add minutes that overlap the range, in ascending time.

        The maximum of a minute counts in the column in which it was recorded. If a column has none of these, it gets
        the maximum of the minute in its middle, which was recorded less than a minute before or after it: no column
        with data stays empty. The middle of a minute that is only partly in the range may be outside of it, too.
        """
        columns, peak_ms = self._columns, minutes.time_ms + minutes.max_at_ms
        is_within = (peak_ms >= columns.from_ms) & (peak_ms < columns.to_ms)
        if is_within.any():
            self._raise(peak_ms[is_within], minutes.max[is_within])
        middle_ms = np.clip(minutes.time_ms + MINUTE_MS // 2, columns.from_ms, columns.to_ms - 1)
        at = columns.at(middle_ms)
        is_empty = np.isnan(self.cells[at])
        self.cells[at[is_empty]] = minutes.max[is_empty]
        if len(at) and not np.isfinite(self.max):
            top = int(minutes.max.argmax())
            self.max, self.max_ms = float(minutes.max[top]), int(middle_ms[top])
        self.sum += float(minutes.mean @ minutes.count)
        self.count += int(minutes.count.sum())

    def join(self, other: "RowCells") -> None:
        """Add all that another row has."""
        np.fmax(self.cells, other.cells, out=self.cells)
        self.sum += other.sum
        self.count += other.count
        if other.max > self.max:
            self.max, self.max_ms = other.max, other.max_ms

    def hold(self, gap_ms: float) -> None:
        """Fill empty cells between two values with the earlier one, if the values are at most `gap_ms` apart."""
        reach = int(gap_ms / self._columns.length_ms)
        known = np.flatnonzero(~np.isnan(self.cells))
        if reach < 2 or len(known) < 2:
            return
        gaps = np.diff(known)
        repeats = np.where(gaps <= reach, gaps, 1)
        starts = np.repeat(known[:-1], repeats)
        offsets = np.arange(len(starts)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        self.cells[starts + offsets] = self.cells[starts]

    def _raise(self, time_ms: Times, values: Floats) -> None:
        at = self._columns.at(time_ms)
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        if (np.diff(at) < 0).any():  # the peaks of two minutes may be in any order around the full minute
            np.fmax.at(self.cells, at, values.astype(np.float32))
        else:
            highest = np.maximum.reduceat(values, starts)
            self.cells[at[starts]] = np.fmax(self.cells[at[starts]], highest)
        top = int(values.argmax())
        if values[top] > self.max:
            self.max, self.max_ms = float(values[top]), int(time_ms[top])
