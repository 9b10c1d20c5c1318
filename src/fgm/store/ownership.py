"""Which files in a writer's folder are fgm's own, so that they may be removed one day: by their name, and by a mark.

A file that is only called like one of fgm's stays. A Parquet file that was set aside because it cannot be read has no
mark to look for, nor has what was never finished; such names are fgm's alone.
"""

import os
import re

from fgm.store.directory import layout
from fgm.store.journal.frame import has_mark
from fgm.store.parquet.block import has_block

_UNMARKED = re.compile(r"bad-.*|.*\.tmp")
_JOURNAL = re.compile(r".*\.journal(\.bad(\.\d+)?)?")


def until_ms(name: str, day_ms: int) -> int | None:
    """Return the latest instant that a name tells of, None where it is no name of fgm's. `day_ms`: its folder's day."""
    name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if (parsed := layout.parse_name(name)) is not None:
        return parsed.start_ms + (parsed.duration_ms or 0)
    if (detail := layout.parse_detail_name(name)) is not None:
        return detail[1]
    if name == layout.EVENTS_NAME:
        return day_ms + layout.DAY_MS - 1
    return layout.set_aside_ms(name)


def is_marked(name: str, fd: int) -> bool:
    """Say whether an open file begins or ends as fgm's files of this name do. Raises OSError."""
    if _UNMARKED.fullmatch(name):
        return True
    if name == layout.EVENTS_NAME:
        return os.pread(fd, 1, 0) in (b"", b"{")
    if _JOURNAL.fullmatch(name):
        return has_mark(fd)
    return has_block(fd)
