"""Decides which hour is merged next, from the names in the folders alone."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from fgm.store.directory import layout

DELAY_MS = 120_000
"""Minimum time between the end of an hour and its merge. Its last window is closed by then."""


@dataclass(frozen=True, slots=True)
class HourFiles:
    """The files of an hour in one folder that can be merged: windows and tables, in ascending order of their names."""

    hour_ms: int
    windows: tuple[str, ...]
    tables: tuple[str, ...]


def due_hours(names: Iterable[str], now_ms: int) -> Iterator[HourFiles]:
    """Yield the hours of a folder that are complete and not merged yet, the newest first.

    An hour with a journal is not complete: its window is closed first. A journal of a table becomes a table together
    with the next window, and is merged then. `names`: those in one `identifier=` folder.
    """
    windows: dict[int, list[str]] = {}
    tables: dict[int, list[str]] = {}
    incomplete: set[int] = set()
    for name in sorted(names):
        if (parsed := layout.parse_name(name)) is not None:
            if parsed.kind == "journal":
                incomplete.add(hour_of(parsed.start_ms))
            elif parsed.duration_ms is None:
                windows.setdefault(hour_of(parsed.start_ms), []).append(name)
        elif (table := layout.parse_table_name(name)) is not None:
            tables.setdefault(hour_of(table[1]), []).append(name)
    for hour_ms in sorted((windows.keys() | tables.keys()) - incomplete, reverse=True):
        if hour_ms + layout.HOUR_MS + DELAY_MS <= now_ms:
            yield HourFiles(hour_ms, tuple(windows.get(hour_ms, ())), tuple(tables.get(hour_ms, ())))


def due_minutes(names: Iterable[str], minute_names: Iterable[str], day_ms: int, now_ms: int) -> tuple[str, ...]:
    """Return the minutes of hours of a past day that can become one file; none if an hour of the day is not merged yet.

    `names`: those in a folder of the day; `minute_names`: those in the folder of its minutes.
    """
    if day_ms + layout.DAY_MS + 2 * DELAY_MS > now_ms:
        return ()
    for name in names:
        parsed = layout.parse_name(name)
        if parsed is not None and parsed.duration_ms is None:
            return ()
    return tuple(
        name
        for name in sorted(minute_names)
        if (parsed_minutes := layout.parse_minutes_name(name)) is not None and parsed_minutes[1] == layout.HOUR_MS
    )


def twice_stored(names: Collection[str]) -> Iterator[HourFiles]:
    """Yield the hours of a folder that are merged, but have windows or tables, too.

    Some of these may be sources of the merged file, which a killed collector did not remove.
    """
    merged = {
        parsed.start_ms for name in names if (parsed := layout.parse_name(name)) is not None and parsed.duration_ms
    }
    merged |= {table[1] for name in names if (table := layout.parse_table_hour_name(name)) is not None}
    windows: dict[int, list[str]] = {hour_ms: [] for hour_ms in merged}
    tables: dict[int, list[str]] = {hour_ms: [] for hour_ms in merged}
    for name in sorted(names):
        parsed, table = layout.parse_name(name), layout.parse_table_name(name)
        if parsed is not None and parsed.kind == "metrics" and parsed.duration_ms is None:
            windows.get(hour_of(parsed.start_ms), []).append(name)
        elif table is not None:
            tables.get(hour_of(table[1]), []).append(name)
    for hour_ms in sorted(merged):
        if windows[hour_ms] or tables[hour_ms]:
            yield HourFiles(hour_ms, tuple(windows[hour_ms]), tuple(tables[hour_ms]))


def hour_of(instant_ms: int) -> int:
    """Return the start of the hour that contains an instant."""
    return instant_ms - instant_ms % layout.HOUR_MS
