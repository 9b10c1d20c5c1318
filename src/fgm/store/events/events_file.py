"""`events.jsonl` in the folder of each day and writer.

Lines are only ever appended. A line counts when it ends with a newline and makes sense; readers skip and count others.
A file without a line says that somebody watched and nothing happened. docs/data-directory.md has the kinds.
"""

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, make_folder
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.events.event import Event, decode, encode

MAX_READ_BYTES = 4 << 20
"""So much of the end of a file is read: some 15,000 events."""
_BLOCK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """What a file says, in the order of its lines.

    `skipped`: lines that make no sense; `is_cut`: older ones are left out.
    """

    events: tuple[Event, ...] = ()
    skipped: int = 0
    is_cut: bool = False


def append(data_dir: str, identifier: str, events: Iterable[Event]) -> None:
    """Write events to the files of their days, on disk when this returns.

    Raises OSError and BadFileError; of the day that could not be written nothing is left then.
    """
    by_day: dict[int, list[Event]] = {}
    for event in events:
        by_day.setdefault(layout.day_start(event.time_ms), []).append(event)
    for midnight_ms, of_day in by_day.items():
        append_to_day(data_dir, identifier, midnight_ms, of_day)


def append_to_day(data_dir: str, identifier: str, instant_ms: int, events: Iterable[Event]) -> None:
    """Write events of one day; without any, its file is there afterwards all the same. Raises as `append` does."""
    folder = os.path.join(data_dir, layout.day_folder(instant_ms), layout.identifier_folder(identifier))
    make_folder(folder, within=data_dir)
    append_lines(os.path.join(folder, layout.EVENTS_NAME), b"".join(map(encode, events)))


def append_lines(path: str, lines: bytes) -> None:
    """Put whole lines behind the last whole line of a file, which is made where it is not there.

    What stands behind that is the rest of a write that a kill or a full disk cut off. Raises OSError and BadFileError.
    """
    fd = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
    try:
        if os.pread(fd, 1, 0) not in (b"", b"{") and not read(fd).events:
            raise BadFileError(path, "only called like events of fgm's; it is left as it is")
        os.fchmod(fd, FILE_MODE)
        end = whole_length(fd)
        os.ftruncate(fd, end)
        done = 0
        try:
            while done < len(lines):
                done += os.pwrite(fd, lines[done:], end + done)
            os.fdatasync(fd)
        except OSError:
            os.ftruncate(fd, end)
            raise
    finally:
        os.close(fd)


def whole_length(fd: int) -> int:
    """Return how many bytes of an open file are whole lines."""
    end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def read(fd: int, most: int | None = None) -> ReadEvents:
    """Read an open file, the newest `most` events of its last 4 MiB, but not a last line that is being written."""
    end = whole_length(fd)
    start = max(0, end - MAX_READ_BYTES)
    lines = os.pread(fd, end - start, start).splitlines(keepends=True)
    if start:
        del lines[0]
    events: deque[Event] = deque(maxlen=most)
    found = skipped = 0
    for line in lines:
        try:
            events.append(decode(line))
            found += 1
        except ValueError:
            skipped += 1
    return ReadEvents(tuple(events), skipped, is_cut=start > 0 or found > len(events))
