"""Cells of a wall have the highest value of each pixel column, also at the ends of a range."""

import numpy as np
import pytest

from fgm.store.minutes.minutes_file import MinutesChunk
from fgm.viewer.query.columns import Columns
from fgm.viewer.query.wall.cells import RowCells
from tests.support.viewer.data_directory import NODE, T0

MINUTE_MS = 60_000


def minutes(first_ms: int, highest: list[float], at_ms: list[int]) -> MinutesChunk:
    """Return minutes with these maxima, and when in its minute each of them was recorded."""
    values, at = np.array(highest), np.array(at_ms)
    time_ms = first_ms + MINUTE_MS * np.arange(len(values), dtype=np.int64)
    return MinutesChunk(NODE, time_ms, values, at, values, values, at, values, np.full(len(values), 60))


def test_the_maximum_of_a_minute_is_in_the_column_in_which_it_was_recorded() -> None:
    cells = RowCells(Columns(T0, T0 + 2 * MINUTE_MS, 4))
    cells.add_minutes(minutes(T0, [5.0, 7.0], [1000, 59_000]))

    assert cells.cells.tolist() == [5, 5, pytest.approx(np.nan, nan_ok=True), 7]
    assert (cells.max, cells.max_ms, cells.count) == (7, T0 + 119_000, 120)


@pytest.mark.parametrize(("from_ms", "column"), [(T0 + 50_000, 0), (T0 - 110_000, 3)])
def test_a_minute_whose_middle_and_maximum_are_outside_of_the_range_is_not_lost(from_ms: int, column: int) -> None:
    """Without samples, minutes that are only partly in the range are read, too."""
    cells = RowCells(Columns(from_ms, from_ms + 2 * MINUTE_MS, 4))
    cells.add_minutes(minutes(T0, [5.0], [20_000]))

    assert np.flatnonzero(~np.isnan(cells.cells)).tolist() == [column]
    assert (cells.max, cells.count) == (5, 60)
    assert from_ms <= cells.max_ms < from_ms + 2 * MINUTE_MS
