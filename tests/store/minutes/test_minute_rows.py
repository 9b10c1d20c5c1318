"""Rows of minutes, and several rows of one minute."""

import numpy as np

from fgm.store.minutes.minute_rows import COLUMNS, MinuteRows, combined

MINUTE_MS = 60_000


def row(series: int, minute: int, *values: float) -> MinuteRows:
    """Return one row: lowest, when, mean, highest, when, last, count."""
    low, low_at, mean, high, high_at, last, count = values
    columns = (series, minute * MINUTE_MS, low, low_at, mean, high, high_at, last, count)
    kinds = (int, int, float, int, float, float, int, float, int)
    return MinuteRows(*(np.array([value], kind) for value, kind in zip(columns, kinds, strict=True)))


def listed(rows: MinuteRows) -> list[tuple[float, ...]]:
    return list(zip(*(getattr(rows, name).tolist() for name in COLUMNS), strict=True))


def test_two_rows_of_a_minute_become_one() -> None:
    """A window of 100 s ended in the minute, so two files have a part of it."""
    first = row(0, 5, 1.0, 3000, 2.0, 4.0, 9000, 3.0, 40)
    second = row(0, 5, 0.5, 41_000, 5.0, 4.0, 50_000, 2.0, 20)

    assert listed(combined([first, second])) == [(0, 5 * MINUTE_MS, 0.5, 41_000, 3.0, 4.0, 9000, 2.0, 60)]


def test_the_first_time_of_an_extreme_counts_whichever_part_it_is_in() -> None:
    first = row(0, 5, 1.0, 20_000, 1.0, 1.0, 20_000, 1.0, 1)
    second = row(0, 5, 1.0, 10_000, 1.0, 1.0, 10_000, 1.0, 1)

    assert listed(combined([first, second]))[0][3] == listed(combined([second, first]))[0][3] == 10_000


def test_rows_of_different_minutes_or_series_are_sorted_and_stay_as_they_are() -> None:
    rows = [row(1, 4, *[1.1] * 7), row(0, 5, *[0.3] * 7), row(0, 4, *[0.7] * 7)]

    assert listed(combined(rows)) == [listed(rows[2])[0], listed(rows[1])[0], listed(rows[0])[0]]
