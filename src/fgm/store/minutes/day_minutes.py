"""Writes the minutes of a day from the files with the minutes of its hours."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm.store.minutes.minute_rows import MinuteRows, combined
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.minutes.minutes_writer import MinutesWriter
from fgm.store.samples.distinct import distinct
from fgm.store.samples.series import Series, order, with_known_names

DEFAULT_LEVEL = 15
"""Level of zstd of minutes: they are written once and kept for months."""

GROUP_HOURS = 1000
"""Number of hours of series whose rows are in memory at once: 60,000 rows of each metric."""


def write_day(
    files: Sequence[MinutesFile], out: BinaryIO, sources: Iterable[tuple[str, int]], level: int = DEFAULT_LEVEL
) -> None:
    """Write the minutes of several files, the oldest first, as one file. `sources`: name and fingerprint of each.

    Raises: OSError.
    Raises: BadFileError if one of the files is damaged.
    Raises: ValueError if they have no rows.
    """
    series = _joined_series(files)
    position = {each.key: index for index, each in enumerate(series)}
    positions = [np.array([position[each.key] for each in file.series], np.int64) for file in files]
    from_ms = min((file.block.first_ms for file in files), default=0)
    newest = files[-1].header if files else None
    if newest is None:
        raise ValueError("a day without hours has no minutes")
    writer = MinutesWriter(newest, series, from_ms, level)
    # A series may have rows in each of the files that name it, of an hour each.
    hours = np.cumsum(np.bincount(np.concatenate(positions), minlength=len(series)))
    group = hours // GROUP_HOURS
    for metrics in _similar_metrics(files):
        for number in distinct(group):
            is_chosen = [group[of_file] == number for of_file in positions]
            rows = {}
            for metric in metrics:
                parts = [
                    _renumbered(file.rows_at(metric, np.flatnonzero(chosen)), of_file)
                    for file, of_file, chosen in zip(files, positions, is_chosen, strict=True)
                ]
                rows[metric] = combined(parts)
            writer.add(rows)
    writer.write(out, sources)


def _similar_metrics(files: Sequence[MinutesFile]) -> list[list[str]]:
    """Return all metrics in the groups of the first file that has each of them."""
    groups: dict[tuple[int, int], list[str]] = {}
    group_of: dict[str, tuple[int, int]] = {}
    for number, file in enumerate(files):
        for metric in file.block.metrics:
            place = file.block.place_of(metric)
            if place is not None and metric not in group_of:
                group_of[metric] = (number, place.group)
                groups.setdefault(group_of[metric], []).append(metric)
    return list(groups.values())


def _joined_series(files: Sequence[MinutesFile]) -> list[Series]:
    """Return the series of all files with their newest names, in the order of metrics files."""
    newest: dict[str, Series] = {}
    for file in files:
        for series in file.series:
            older = newest.get(series.key)
            newest[series.key] = series if older is None else with_known_names(series, older)
    return sorted(newest.values(), key=order)


def _renumbered(rows: MinuteRows, positions: NDArray[np.int64]) -> MinuteRows:
    columns = {name: getattr(rows, name) for name in MinuteRows.__dataclass_fields__}
    return MinuteRows(**{**columns, "series": positions[rows.series]})
