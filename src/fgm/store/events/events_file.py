"""The file `events.jsonl` in the folder of each day and writer.

Lines are only appended. A line is valid if it is an event and ends with a newline; readers count and skip other lines.
An empty file means that a collector was running and nothing happened.
"""

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, make_folder
from fgm.store.directory.regular_file import first_byte, open_regular
from fgm.store.errors import BadFileError
from fgm.store.events.event import Event, decode, encode

MAX_READ_BYTES = 4 << 20
"""Maximum number of bytes read from the end of a file: about 15,000 events."""
_BLOCK_BYTES = 64 << 10
"""Number of bytes per read when searching for the last newline."""
_TAIL_BYTES = 1024
"""Number of bytes by which a file is recognised that has only grown."""


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """The events read from a file, in file order.

    `skipped`: number of invalid lines. `is_cut`: whether the file has older events that were not returned. `zeros`:
    number of zero bytes at the end, which a power loss leaves where the file system had not written the data. `end`:
    offset after the last line that was read. `tail`: the bytes before it.
    """

    events: tuple[Event, ...] = ()
    skipped: int = 0
    is_cut: bool = False
    zeros: int = 0
    end: int = field(default=0, compare=False)
    tail: bytes = field(default=b"", compare=False)


def append(data_dir: str, identifier: str, events: Iterable[Event]) -> None:
    """Append events to the files of their days. They are on disk when this returns.

    Raises: OSError, or BadFileError if a file was not written by fgm. The file of that day is then unchanged.
    """
    by_day: dict[int, list[Event]] = {}
    for event in events:
        by_day.setdefault(layout.day_start(event.time_ms), []).append(event)
    for midnight_ms, of_day in by_day.items():
        append_to_day(data_dir, identifier, midnight_ms, of_day)


def append_to_day(data_dir: str, identifier: str, instant_ms: int, events: Iterable[Event]) -> None:
    """Append events to the file of one day; create the file even if there are none. `instant_ms`: any time of that day.

    Raises: as `append`.
    """
    folder = os.path.join(data_dir, layout.day_folder(instant_ms), layout.identifier_folder(identifier))
    make_folder(folder, within=data_dir)
    append_lines(os.path.join(folder, layout.EVENTS_NAME), b"".join(map(encode, events)))


def create_missing(folders: Iterable[str]) -> None:
    """Create an empty file in each folder of a writer that has none, so that no event is derived from its samples.

    Raises: as `append`.
    """
    for folder in sorted(set(folders)):
        append_lines(os.path.join(folder, layout.EVENTS_NAME), b"")


def append_lines(path: str, lines: bytes) -> None:
    """Append lines to a file; create the file if it is missing.

    Raises: as `append`.
    """
    fd = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
    try:
        if is_foreign(fd):
            raise BadFileError(path, "it has the name of an events file, but no events; it is left as it is")
        os.fchmod(fd, FILE_MODE)
        end = whole_length(fd)
        os.ftruncate(fd, end)  # bytes after the last newline are from a write that a kill or a power loss interrupted
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


def is_foreign(fd: int) -> bool:
    """Return whether fgm has not written an open file: it begins like no event, and contains none.

    Zero bytes at the beginning are ignored, because a power loss can leave a new file with nothing else.
    """
    return first_byte(fd) not in (b"", b"{") and not read(fd).events


def whole_length(fd: int) -> int:
    """Return the size of the complete lines of an open file in bytes: the offset after its last newline."""
    end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read(fd: int, max_events: int | None = None, before: ReadEvents | None = None) -> ReadEvents:
    """Return the newest events in the last MAX_READ_BYTES of an open file. A torn last line is ignored.

    `max_events`: maximum number of events to return; None for no maximum. `before`: what was read from the file
    earlier. If it has only grown since, only the new lines are read, and the events before them are those of `before`.

    Raises: OSError.
    """
    end = whole_length(fd)
    if before is None or not _has_only_grown(fd, end, before):
        before = ReadEvents()
    start = max(before.end, end - MAX_READ_BYTES)
    is_torn = start > before.end
    if is_torn:
        before = ReadEvents(is_cut=True)
    content = os.pread(fd, end - start, start)
    lines = content.splitlines(keepends=True)
    if is_torn:
        del lines[0]
    events: deque[Event] = deque(before.events, maxlen=max_events)
    count, skipped = len(events), before.skipped
    for line in lines:
        try:
            events.append(decode(line))
            count += 1
        except ValueError:
            skipped += 1
    is_cut = before.is_cut or count > len(events)
    tail = (before.tail + content)[-_TAIL_BYTES:]
    return ReadEvents(tuple(events), skipped, is_cut, _count_zeros(fd, end), end, tail)


def _has_only_grown(fd: int, end: int, before: ReadEvents) -> bool:
    """Return whether an open file still has the last bytes that were read before. `end`: size of its complete lines."""
    size = len(before.tail)
    return before.end <= end and os.pread(fd, size, before.end - size) == before.tail


def _count_zeros(fd: int, start: int) -> int:
    """Return the number of zero bytes from `start`, where a line begins, up to another byte or the end of the file."""
    count = 0
    while block := os.pread(fd, _BLOCK_BYTES, start + count):
        rest = block.lstrip(b"\0")
        count += len(block) - len(rest)
        if rest:
            break
    return count
