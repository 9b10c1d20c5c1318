"""The runs of a metric in a section of a file of minutes, and where they are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class MetricPlace(NamedTuple):
    """Where the runs of a metric are: number of the section, position in bytes, and numbers of runs.

    `group`: number of the group of similar metrics that it was written with.
    """

    section: int
    position: int
    changing: int
    constant: int
    group: int


@dataclass(frozen=True, slots=True)
class MetricRuns:
    """The runs of a metric. A run is minutes of one series at equal distances; runs are in order of series and time.

    `series`: index of the series; `shape`: index in `Tables.shapes`. Those of the runs whose values are in pages come
    first; there are as many as `first_row` has, the row of the first value of each. `value`: the only value of each of
    the other runs, which are constant.

    Shape: int64 or float64; `series` and `shape` have the length of `first_row` and `value` together.
    """

    series: NDArray[np.int64]
    shape: NDArray[np.int64]
    first_row: NDArray[np.int64]
    value: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence["MetricRuns"]) -> "MetricRuns":
        """Return the runs of all parts. Each part has later series than the one before."""
        if len(parts) == 1:
            return parts[0]
        changing = [len(part.first_row) for part in parts]

        def of(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
            firsts = [column[:count] for column, count in zip(columns, changing, strict=True)]
            return np.concatenate([*firsts, *(column[count:] for column, count in zip(columns, changing, strict=True))])

        return cls(
            series=of([part.series for part in parts]),
            shape=of([part.shape for part in parts]),
            first_row=np.concatenate([part.first_row for part in parts]),
            value=np.concatenate([part.value for part in parts]),
        )

    def to_bytes(self, rows: NDArray[np.int64]) -> bytes:
        """Return the runs as arrays: series, shape and first row (u32), and value. `rows`: those of each shape.

        Of the series there is the difference to that of the run before, and of the first row the number of rows between
        the end of the run before and it.
        """
        changing = len(self.first_row)
        series = [np.diff(part, prepend=0) for part in (self.series[:changing], self.series[changing:])]
        ends = self.first_row + rows[self.shape[:changing]]
        gaps = self.first_row - np.r_[0, ends][:changing]
        numbers = np.concatenate([*series, self.shape, gaps]).astype("<u4")
        return numbers.tobytes() + self.value.astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, section: bytes, place: MetricPlace, series: int, rows: NDArray[np.int64]) -> "MetricRuns":
        """Create the runs from their section. `series`: number of series in the file; `rows`: as in `to_bytes`.

        Raises: ValueError if they are not what `to_bytes` returns.
        """
        changing, constant = place.changing, place.constant
        if min(place) < 0:
            raise ValueError("the place of a metric is impossible")
        of_series, of_shape = (
            np.frombuffer(section, "<u4", changing + constant, place.position + at * (changing + constant)).astype("i8")
            for at in (0, 4)
        )
        rows_at = place.position + 8 * (changing + constant)
        gaps = np.frombuffer(section, "<u4", changing, rows_at).astype(np.int64)
        value = np.frombuffer(section, "<f8", constant, rows_at + 4 * changing)
        of_series = np.concatenate([np.cumsum(of_series[:changing]), np.cumsum(of_series[changing:])])
        if of_series.max(initial=-1) >= series or of_shape.max(initial=-1) >= len(rows):
            raise ValueError("a run has a series or a shape that is not in the file")
        of_changing = rows[of_shape[:changing]]
        # The gaps may be negative as signed numbers: u32 wraps around, and so does this sum.
        first_row = (np.cumsum(gaps + of_changing) - of_changing) & 0xFFFF_FFFF
        return cls(of_series, of_shape, first_row, value)
