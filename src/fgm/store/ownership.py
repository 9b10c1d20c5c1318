"""Ownership of files: those with a name and a mark of fgm belong to it, and may be removed one day.

A file that has a name of fgm but no mark of fgm stays. Two kinds of files have no mark and are recognised by their name
alone, which no other tool gives: Parquet files that were set aside because they are damaged, and temporary files.
"""

import os
import re

from fgm.store.directory import layout
from fgm.store.journal.frame import has_mark
from fgm.store.parquet.block import has_block

_UNMARKED = re.compile(r"bad-.*|.*\.tmp")
_JOURNAL = re.compile(r".*\.journal(\.bad(\.\d+)?)?")


def until_ms(name: str, day_ms: int) -> int | None:
    """Return the latest instant in a file that its name gives, None if it is not a name of fgm.

    `day_ms`: 00:00 UTC of the file's folder.
    """
    name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if (parsed := layout.parse_name(name)) is not None:
        return parsed.start_ms + (parsed.duration_ms or 0)
    if (detail := layout.parse_table_name(name)) is not None:
        return detail[1]
    if name == layout.EVENTS_NAME:
        return day_ms + layout.DAY_MS - 1
    return layout.set_aside_ms(name)


def is_marked(name: str, fd: int) -> bool:
    """Return whether an open file has the mark of fgm's files with this name, or needs none.

    Raises: OSError.
    """
    if _UNMARKED.fullmatch(name):
        return True
    if name == layout.EVENTS_NAME:
        return os.pread(fd, 1, 0) in (b"", b"{")
    if _JOURNAL.fullmatch(name):
        return has_mark(fd)
    return has_block(fd)
