"""What a folder of the data directory contains, by the names of its files alone."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from fgm.store.directory import layout
from fgm.viewer.files.listing.data_file import DataFile, with_parts

EARLIER_WINDOWS = 2
"""Number of windows before a range that are read, too.

The last of them may extend into the range. So may the one before it, if the length of windows was changed.
"""

_START = attrgetter("start_ms")


class FolderListing(NamedTuple):
    """The names in a folder, sorted by what they are.

    `identity`: device, inode and mtime of the folder when it was listed. `files`: ascending in time. `tables`: names of
    tables and of their journals. `minutes`: names of files of minutes. `days`: 00:00 UTC of each day and the path of
    its folder, ascending.
    """

    identity: tuple[int, int, int]
    folders: tuple[str, ...]
    files: tuple[DataFile, ...]
    tables: tuple[str, ...]
    minutes: tuple[str, ...]
    days: tuple[tuple[int, str], ...] = ()

    @property
    def size(self) -> int:
        """Number of names."""
        parts = sum(len(file.parts) for file in self.files)
        return 1 + len(self.folders) + len(self.files) + parts + len(self.tables) + len(self.minutes)


EMPTY = FolderListing((0, 0, 0), (), (), (), ())


def listing_of(identity: tuple[int, int, int], folder: str, names: list[str]) -> FolderListing:
    """Sort the names in a folder into subfolders and data files; ignore others."""
    parsed = [(name, layout.parse_name(name)) for name in names]
    files = [DataFile(p.start_ms, folder, name, p.kind, p.duration_ms) for name, p in parsed if p is not None]
    parse = layout.parse_day if folder in {"", layout.TIERS_FOLDER} else layout.parse_identifier
    is_table = (layout.parse_table_name, layout.parse_table_hour_name, layout.parse_table_journal_name)
    tables = tuple(name for name in names if any(parse_table(name) is not None for parse_table in is_table))
    minutes = tuple(name for name in names if layout.parse_minutes_name(name) is not None)
    folders, whole = tuple(sorted(filter(parse, names))), tuple(with_parts(files))
    days: list[tuple[int, str]] = []
    if parse is layout.parse_day:
        prefix = f"{folder}/" if folder else ""
        days = [(day_ms, prefix + name) for name in folders if (day_ms := layout.parse_day(name)) is not None]
    return FolderListing(identity, folders, whole, tables, minutes, tuple(sorted(days)))


def overlapping(files: Sequence[DataFile], from_ms: int, to_ms: int, reach_ms: int) -> list[DataFile]:
    """Return the files that may have samples in [from_ms, to_ms). `files`: those of one writer and one day, in order.

    The last windows before the range are included, because the length of a window is not in its name. So is an hour
    that is the last file before it, because its last window may be longer than the rest of the hour.
    """
    first = bisect_left(files, from_ms, key=_START)
    reaching: list[DataFile] = []
    windows: set[int] = set()
    for file in reversed(files[:first]):
        if file.duration_ms is None:
            windows.add(file.start_ms)
            if len(windows) > EARLIER_WINDOWS:
                break
            reaching.append(file)
        elif not reaching or file.start_ms + file.duration_ms + reach_ms > from_ms:
            reaching.append(file)
        elif file.start_ms + layout.DAY_MS <= from_ms or len(windows) == EARLIER_WINDOWS:
            break
    return [*reversed(reaching), *files[first : bisect_left(files, to_ms, key=_START)]]
