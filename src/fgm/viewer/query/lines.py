"""Lines: the samples of a metric over time, which can be reduced to those that pixel columns need."""

from dataclasses import dataclass, field

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.store.samples.series import Series
from fgm.viewer.query.m4 import KEPT_PER_COLUMN, m4
from fgm.viewer.query.question import Question

MAX_PER_COLUMN = 2 * KEPT_PER_COLUMN
"""Maximum number of samples in memory for each pixel column; a line with more is reduced."""


@dataclass(slots=True)
class Line:
    """The samples of one metric of one series.

    `time_ms`, `values`: the samples in parts, each in ascending time. `size`: number of samples in all parts.
    """

    time_ms: list[Times] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    size: int = 0

    def add(self, time_ms: Times, values: Floats) -> None:
        """Add samples, in ascending time; usually they are later than all samples of the line."""
        self.time_ms.append(time_ms)
        self.values.append(values)
        self.size += len(time_ms)

    def joined(self) -> tuple[Times, Floats]:
        """Join the parts, and return the times and values of all samples, each time once.

        Shape: int64[n], ascending; float64[n], NaN for null.
        """
        if not self.time_ms:
            return np.empty(0, np.int64), np.empty(0)
        if len(self.time_ms) > 1:
            time_ms, values = np.concatenate(self.time_ms), np.concatenate(self.values)
            if not (time_ms[1:] > time_ms[:-1]).all():  # several identifiers have recorded the same time
                time_ms, indices = np.unique(time_ms, return_index=True)
                values = values[indices]
            self.time_ms, self.values, self.size = [time_ms], [values], len(time_ms)
        return self.time_ms[0], self.values[0]

    def clear(self) -> None:
        """Remove all samples, to free their memory."""
        self.time_ms, self.values, self.size = [], [], 0

    def reduce(self, question: Question) -> None:
        """Keep only the samples that the pixel columns of the question need; all if it has no pixel columns."""
        if question.columns is not None:
            grid = question.grid or (question.from_ms, question.to_ms, question.columns)
            time_ms, values = m4(*self.joined(), *grid)
            self.time_ms, self.values, self.size = [time_ms], [values], len(time_ms)


@dataclass(frozen=True, slots=True)
class SeriesLines:
    """The lines of one series: one for each metric of the question, in the same order."""

    series: Series
    lines: tuple[Line, ...]
