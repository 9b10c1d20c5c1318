"""The file `events.jsonl` in the folder of each day and writer.

Lines are only appended. A line is valid if it ends with a newline and holds an event; readers skip other lines and
count them. An empty file means that a collector was running and nothing happened.
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
"""Maximum size of the end of a file that is read: some 15,000 events."""
_BLOCK_BYTES = 64 << 10
"""Number of bytes read at once when the last newline is searched."""


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """The content of a file, in the order of its lines.

    `skipped`: number of invalid lines. `is_cut`: whether older events are left out.
    """

    events: tuple[Event, ...] = ()
    skipped: int = 0
    is_cut: bool = False


def append(data_dir: str, identifier: str, events: Iterable[Event]) -> None:
    """Append events to the files of their days; they are on disk when this returns.

    Raises: OSError, or BadFileError if a file is not one of fgm; none of that day's events stays in it then.
    """
    by_day: dict[int, list[Event]] = {}
    for event in events:
        by_day.setdefault(layout.day_start(event.time_ms), []).append(event)
    for midnight_ms, of_day in by_day.items():
        append_to_day(data_dir, identifier, midnight_ms, of_day)


def append_to_day(data_dir: str, identifier: str, instant_ms: int, events: Iterable[Event]) -> None:
    """Append events of one day, whose file exists afterwards even if there are none.

    Raises: as `append`.
    """
    folder = os.path.join(data_dir, layout.day_folder(instant_ms), layout.identifier_folder(identifier))
    make_folder(folder, within=data_dir)
    append_lines(os.path.join(folder, layout.EVENTS_NAME), b"".join(map(encode, events)))


def append_lines(path: str, lines: bytes) -> None:
    """Append lines to a file, which is created if it is missing.

    Raises: as `append`.
    """
    fd = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
    try:
        if os.pread(fd, 1, 0) not in (b"", b"{") and not read(fd).events:
            raise BadFileError(path, "it has the name of an events file, but no events; it is left as it is")
        os.fchmod(fd, FILE_MODE)
        end = whole_length(fd)
        os.ftruncate(fd, end)  # bytes after the last newline are the rest of a write that a kill or a full disk cut off
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
    """Return how many bytes of an open file are whole lines: the position after its last newline."""
    end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read(fd: int, most: int | None = None) -> ReadEvents:
    """Return the newest `most` events in the last MAX_READ_BYTES of an open file, without a torn last line.

    Raises: OSError.
    """
    end = whole_length(fd)
    start = max(0, end - MAX_READ_BYTES)
    lines = os.pread(fd, end - start, start).splitlines(keepends=True)
    if start:
        del lines[0]
    events: deque[Event] = deque(maxlen=most)
    count = skipped = 0
    for line in lines:
        try:
            events.append(decode(line))
            count += 1
        except ValueError:
            skipped += 1
    return ReadEvents(tuple(events), skipped, is_cut=start > 0 or count > len(events))
