"""Decides which files belong to fgm: only those may be removed when space is needed or data is too old.

A file belongs to fgm if it has one of fgm's names and one of fgm's marks in its content. Two kinds of files need no
mark, because no other tool uses their names: Parquet files that were set aside as damaged, and temporary files.
"""

import re

from fgm.store.directory import layout
from fgm.store.directory.regular_file import first_byte
from fgm.store.journal.frame import has_mark
from fgm.store.parquet.block import has_block

_UNMARKED = re.compile(r"bad-.*|.*\.tmp")
_MINUTES_ASIDE = "bad-minutes-"
_JOURNAL = re.compile(r".*\.journal(\.bad(\.\d+)?)?")


def until_ms(name: str, day_ms: int, *, is_tier: bool = False) -> int | None:
    """Return the end of a file's data, as far as its name shows it; None if it is not a name of fgm.

    For a single window, this is its start: its name does not contain its length. `day_ms`: 00:00 UTC of the day of
    the file's folder. `is_tier`: whether that is a folder of the tiers.
    """
    name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if is_tier:
        return _until_ms_of_minutes(name)
    if (parsed := layout.parse_name(name)) is not None:
        return parsed.start_ms + (parsed.duration_ms or 0)
    if (hour := layout.parse_table_hour_name(name)) is not None:
        return hour[1] + layout.HOUR_MS
    if (table := layout.parse_table_name(name) or layout.parse_table_journal_name(name)) is not None:
        return table[1]
    if name == layout.EVENTS_NAME:
        return day_ms + layout.DAY_MS - 1
    return None if name.startswith(_MINUTES_ASIDE) else layout.set_aside_ms(name)


def _until_ms_of_minutes(name: str) -> int | None:
    minutes = layout.parse_minutes_name(name)
    if minutes is not None:
        return sum(minutes)
    return layout.set_aside_ms(name) if name.startswith(_MINUTES_ASIDE) else None


def is_being_merged(name: str) -> bool:
    """Return whether this is the temporary name of a merged file."""
    final_name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if final_name == name:
        return False
    parsed = layout.parse_name(final_name)
    is_hour = parsed is not None and parsed.duration_ms is not None
    is_table = layout.parse_table_hour_name(final_name) is not None
    return is_hour or is_table or layout.parse_minutes_name(final_name) is not None


def is_marked(name: str, fd: int) -> bool:
    """Return whether an open file has the mark that its name requires. A name that requires no mark gives True.

    Raises: OSError.
    """
    if _UNMARKED.fullmatch(name):
        return True
    if name == layout.EVENTS_NAME:
        return first_byte(fd) in (b"", b"{")
    if _JOURNAL.fullmatch(name):
        return has_mark(fd)
    return has_block(fd)
