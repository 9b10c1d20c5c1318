"""Computes what the page shows of a metric, for all rows of a part: rates and derived values.

The last rows of each series are kept from part to part, because the first rate of a part is computed from them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import Samples, interval_ms
from fgm.metrics.rates import Floats, Times, gap_ms
from fgm.store.parquet.window_block import LATE
from fgm.viewer.exports.range_rows import RangeRows


@dataclass(slots=True)
class _Tail:
    """The last rows of a series in the part that ends at `until_ms`."""

    until_ms: int = 0
    time_ms: Times = field(default_factory=lambda: np.empty(0, np.int64))
    columns: dict[str, Floats] = field(default_factory=dict)

    def column(self, name: str) -> Floats:
        return self.columns.get(name, np.full(len(self.time_ms), np.nan))


class ShownColumns:
    """Computes metrics of parts, which come in order of time. Not thread-safe; may block.

    A recorded column is in memory from the first metric of a part that needs it to the last one.
    """

    def __init__(self, metrics: Sequence[ShownMetric], tick_ms: int) -> None:
        """`metrics`: those whose columns will be asked for, in this order. `tick_ms`: as in `Question`."""
        self._metrics, self._tick_ms = metrics, tick_ms
        self.recorded = tuple(dict.fromkeys(name for metric in metrics for name in metric.needs))
        """Names of the recorded columns from which the metrics are computed."""
        self._tails: dict[str, _Tail] = {}
        self._new: dict[str, _Tail] = {}
        self._loaded: dict[str, Floats] = {}
        self._needed: Counter[str] = Counter()

    @property
    def kept_series(self) -> int:
        """Number of series whose last rows are in memory: those that may go on in the next part."""
        return len(self._tails)

    @property
    def lead_ms(self) -> int:
        """Length of the time before the range whose rows must be given to `follow`, for the first rates."""
        intervals = [interval_ms(name, self._tick_ms) for name in self.recorded]
        return round(gap_ms(max(intervals, default=self._tick_ms)))

    def follow(self, rows: RangeRows) -> None:
        """Keep the last rows of a part if none of its columns is computed.

        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        self.begin(rows)
        for name in self.recorded:
            self._load(rows, name)
        self.end(rows)

    def begin(self, rows: RangeRows) -> None:
        """Begin with a part. Ask for the columns of all metrics before the end.

        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        start_ms, end_ms = rows.within
        self._tails = {key: tail for key, tail in self._tails.items() if tail.until_ms >= start_ms}
        self._loaded, self._new = {}, {}
        self._needed = Counter(name for metric in self._metrics for name in metric.needs)
        for run in rows.runs:
            time_ms = rows.time_ms[run.first : run.first + run.count]
            if time_ms[-1] >= end_ms - self.lead_ms:  # of others, no later rate is computed
                last = time_ms[self._tail_from(time_ms) :].copy()
                self._new[run.series.key] = _Tail(end_ms, last)
        if self._metrics:
            self._load(rows, LATE)

    def column(self, rows: RangeRows, metric: ShownMetric) -> Floats:
        """Return the values of a metric, as a new array.

        Shape: float64[rows], NaN for null.
        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        for name in metric.needs:
            self._load(rows, name)
        values = np.empty(len(rows.time_ms))
        tick_ms = max(self._tick_ms, rows.header.interval_ms)
        for run in rows.runs:
            tail, of_run = self._tails.get(run.series.key, _Tail()), slice(run.first, run.first + run.count)
            joined = {
                name: np.concatenate([tail.column(name), self._loaded[name][of_run]]) for name in (LATE, *metric.needs)
            }
            time_ms = np.concatenate([tail.time_ms, rows.time_ms[of_run]])
            values[of_run] = metric.compute(Samples(time_ms, joined.pop(LATE), joined, tick_ms))[len(tail.time_ms) :]
        self._needed.subtract(metric.needs)
        for name in metric.needs:
            if not self._needed[name]:
                self._loaded.pop(name, None)
        return values

    def end(self, rows: RangeRows) -> None:
        """End a part: keep the last rows of its series."""
        for run in rows.runs:
            self._tails.pop(run.series.key, None)
        self._tails.update(self._new)
        self._loaded = {}

    def _load(self, rows: RangeRows, name: str) -> None:
        if name in self._loaded:
            return
        column = self._loaded[name] = rows.column(name)
        for run in rows.runs:
            tail = self._new.get(run.series.key)
            if tail is not None:
                end = run.first + run.count
                tail.columns[name] = column[end - len(tail.time_ms) : end].copy()

    def _tail_from(self, time_ms: Times) -> int:
        return int(np.searchsorted(time_ms, time_ms[-1] - self.lead_ms))
