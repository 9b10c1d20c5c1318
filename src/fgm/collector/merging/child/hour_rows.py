"""The rows of an hour: those of its windows, and of an earlier merged file, in the order of the new file.

Only one column is in memory at a time. Each source has an array with the position of each of its rows in the hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.layout import Window
from fgm.store.parquet.window_block import Run
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series, order, with_known_names

_DROPPED = -1
"""Position of a row that the hour does not have, because another source replaces it."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """A file with rows of the hour. `hidden`: ranges in which its rows do not count, because later files have them."""

    file: WindowFile
    hidden: tuple[Window, ...] = ()


class HourRows:
    """The rows of all sources, sorted by series and time. The files must stay open.

    `runs`: the series with the newest known names; `time_ms`: the tick of each row; `columns`: those with values.
    """

    def __init__(self, sources: Sequence[RowSource]) -> None:
        """Order the rows. `sources`: as they were recorded; if a tick occurs twice, the later one counts.

        Raises: BadFileError if the times of a source are damaged.
        """
        self._files = [source.file for source in sources]
        self._metrics = [file.metrics for file in self._files]
        self._positions = [np.full(file.block.rows, _DROPPED, np.int32) for file in self._files]
        self.columns = frozenset[str]().union(*self._metrics)
        self.runs, self.time_ms = self._order(sources)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a column of the hour, or `late_ms`. Columns that a source does not have are null in its rows.

        Shape: float64[rows], NaN for null.
        Raises: BadFileError if the column of a source is damaged.
        """
        values = np.full(len(self.time_ms), np.nan)
        for file, metrics, positions in zip(self._files, self._metrics, self._positions, strict=True):
            if name in metrics or name not in self.columns:
                self._fill(values, file.column(name), positions)
        return values

    @staticmethod
    def _fill(values: NDArray[np.float64], column: NDArray[np.float64], positions: NDArray[np.int32]) -> None:
        if positions.size and positions.min() == _DROPPED:
            is_kept = positions != _DROPPED
            positions, column = positions[is_kept], column[is_kept]
        values[positions] = column

    def _order(self, sources: Sequence[RowSource]) -> tuple[tuple[Run, ...], NDArray[np.int64]]:
        """Return the runs and times of the hour, and set the positions of the rows of each source."""
        times = [_kept_times(source) for source in sources]
        parts: dict[str, list[tuple[int, Run]]] = {}
        for number, file in enumerate(self._files):
            for run in file.block.runs:
                parts.setdefault(run.series.key, []).append((number, run))
        runs, first = [], 0
        ordered_ms = np.empty(sum(len(each) for each in times), np.int64)
        for series, parts_of_series in sorted(
            ((_newest_names([run.series for _, run in group]), group) for group in parts.values()),
            key=lambda item: order(item[0]),
        ):
            time_ms = np.concatenate(
                [times[number][run.first : run.first + run.count] for number, run in parts_of_series]
            )
            kept = _kept_rows(time_ms)
            if not len(kept):
                continue
            positions = np.full(len(time_ms), _DROPPED, np.int32)
            positions[kept] = np.arange(first, first + len(kept))
            start = 0
            for number, run in parts_of_series:
                self._positions[number][run.first : run.first + run.count] = positions[start : start + run.count]
                start += run.count
            runs.append(Run(series, first, len(kept)))
            ordered_ms[first : first + len(kept)] = time_ms[kept]
            first += len(kept)
        return tuple(runs), ordered_ms[:first]


_HIDDEN_MS = -1
"""Time of a row that is hidden. Ticks are after 1970."""


def _kept_times(source: RowSource) -> NDArray[np.int64]:
    time_ms = source.file.time_ms()
    if not source.hidden:
        return time_ms
    time_ms = time_ms.copy()
    for window in source.hidden:
        time_ms[(time_ms >= window.start_ms) & (time_ms < window.end_ms)] = _HIDDEN_MS
    return time_ms


def _kept_rows(time_ms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the rows to keep in ascending order of time: of equal times, the last one; none that is hidden."""
    if len(time_ms) and time_ms[0] != _HIDDEN_MS and np.all(time_ms[1:] > time_ms[:-1]):
        return np.arange(len(time_ms))
    by_time = np.argsort(time_ms, kind="stable")
    ordered = time_ms[by_time]
    kept: NDArray[np.intp] = by_time[np.append(ordered[1:] != ordered[:-1], True) & (ordered != _HIDDEN_MS)]
    return kept


def _newest_names(names: Sequence[Series]) -> Series:
    """Return the newest identity of a series with what older ones know in addition."""
    return reduce(lambda older, newer: newer if newer is older else with_known_names(newer, older), names)
