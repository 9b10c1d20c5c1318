"""Chooses which files of a partition are shipped, so that no row is ever in the bucket twice. Pure.

A window and the merged hour that was made of it have the same rows. So of each kind and hour there is either the merged
file or its windows in the bucket, whichever was there first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from fgm.store.directory import layout

HOUR_MS = layout.HOUR_MS


class _Kept(NamedTuple):
    """The kind and hour of a file; `is_merged`: whether it is the merged file of that hour."""

    kind: str
    start_ms: int
    is_merged: bool

    @property
    def of_hour(self) -> tuple[str, int]:
        return self.kind, self.start_ms - self.start_ms % HOUR_MS


@dataclass(frozen=True, slots=True)
class Choice:
    """`names`: the files to ship, oldest first. `left_out`: merged files whose windows are in the bucket already."""

    names: list[str]
    left_out: list[str]


def choose(names: Collection[str], shipped: Collection[str], now_ms: int, unmerged_after_ms: int) -> Choice:
    """Choose from the names of a partition's files.

    `shipped`: names of those in the bucket, which are chosen again, because their content may have changed.
    `unmerged_after_ms`: time after the end of an hour at which its windows are shipped if they were not merged; 0: all
    windows are shipped at once.
    """
    parsed = {name: kept for name in names if (kept := _parse(name)) is not None}
    in_bucket = [kept for name in shipped if (kept := _parse(name)) is not None]
    merged = {kept.of_hour for kept in (*parsed.values(), *in_bucket) if kept.is_merged}
    as_windows = {kept.of_hour for kept in in_bucket if not kept.is_merged}
    chosen: list[str] = []
    left_out: list[str] = []
    for name in sorted(parsed, key=lambda name: (parsed[name].start_ms, name)):
        kept = parsed[name]
        if kept.is_merged:
            (left_out if kept.of_hour in as_windows else chosen).append(name)
        elif name in shipped or (
            kept.of_hour not in merged
            and (not unmerged_after_ms or kept.of_hour[1] + HOUR_MS + unmerged_after_ms <= now_ms)
        ):
            chosen.append(name)
    return Choice(chosen, left_out)


def tables_of_new(names: Collection[str], shipped: Collection[str]) -> set[str]:
    """Return the tables that have windows or hours among `names` that are not in `shipped`."""
    return {kept.kind for name in names if name not in shipped and (kept := _parse(name)) is not None}


def span_of(name: str) -> tuple[int, int] | None:
    """Return the start of a window or merged hour, and the end of what it surely covers; None for other files.

    The name of a window does not have its length, so that only its first millisecond counts.

    Unit: milliseconds since 1970 UTC.
    """
    if (kept := _parse(name)) is None:
        return None
    return kept.start_ms, kept.start_ms + (HOUR_MS if kept.is_merged else 1)


def table_of(name: str) -> str:
    """Return the name of the table that a file belongs to; it is the first folder in the bucket.

    Raises: ValueError if such a file is not shipped.
    """
    if name == layout.EVENTS_NAME:
        return "events"
    if layout.parse_minutes_name(name) is not None:
        return "minutes"
    if (kept := _parse(name)) is None:
        raise ValueError(f"{name!r} is not a file that is shipped")
    return kept.kind


def is_minutes_of_a_day(name: str) -> bool:
    """Return whether a file has the minutes of a whole day. Those of hours are replaced by it later."""
    parsed = layout.parse_minutes_name(name)
    return parsed is not None and parsed[1] == layout.DAY_MS


def _parse(name: str) -> _Kept | None:
    if (parsed := layout.parse_name(name)) is not None:
        return _Kept("metrics", parsed.start_ms, parsed.duration_ms is not None) if parsed.kind == "metrics" else None
    if (hour := layout.parse_table_hour_name(name)) is not None:
        return _Kept(hour[0], hour[1], is_merged=True)
    if (window := layout.parse_table_name(name)) is not None:
        return _Kept(window[0], window[1], is_merged=False)
    return None
