"""What happened, one JSON object a line: `events.jsonl` in the folder of each day and writer.

    {"time":"2025-12-30T16:00:01.000Z","kind":"oom_kill","series":"…","what":"…","before":{…},"after":{…}}

Lines are only ever appended. A line counts when it ends with a newline and makes sense; readers skip and count others.
A file without a line says that somebody watched and nothing happened. docs/data-directory.md has the kinds.
"""

import json
import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

from fgm import iso_time
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, make_folder
from fgm.store.directory.opening import open_regular
from fgm.store.errors import BadFileError

Kind = Literal[
    "start",
    "exit",
    "restart",
    "oom_kill",
    "throttling_began",
    "throttling_ended",
    "limit_changed",
    "gap",
    "clock_step",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))
Value = str | int | float | None

MAX_LINE_BYTES = 32 << 10
"""Room for the longest path of a cgroup in any script, and texts of MAX_TEXT characters."""
MAX_TEXT = 500
"""Longer texts that others gave, such as a reason, are cut."""
MAX_READ_BYTES = 4 << 20
"""So much of the end of a file is read: some 15,000 events."""
_BLOCK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `series`: as `Series.key`; `what`: a sentence for people.

    `before`, `after`: what was another before than after, by name; a limit that is null is no limit.
    """

    time_ms: int
    kind: Kind
    series: str
    what: str
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """What a file says, in the order of its lines.

    `skipped`: lines that make no sense; `is_cut`: older ones are left out.
    """

    events: tuple[Event, ...] = ()
    skipped: int = 0
    is_cut: bool = False


def encode(event: Event) -> bytes:
    """Return an event's line; long texts in it are cut. Raises ValueError where `decode` would not take it."""
    facts = {
        "time": iso_time.format_milliseconds(event.time_ms),
        "kind": event.kind,
        "series": event.series,
        "what": _cut(event.what),
        "before": {name: _cut(value) for name, value in event.before.items()},
        "after": {name: _cut(value) for name, value in event.after.items()},
    }
    line = json.dumps(facts, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"an event of {len(line)} bytes")
    decode(line)
    return line


def decode(line: bytes) -> Event:
    """Read one line; facts that it has beside are ignored. Raises ValueError on anything else."""
    if len(line) > MAX_LINE_BYTES or not line.endswith(b"\n"):
        raise ValueError("not a whole line")
    try:
        facts = json.loads(line, parse_constant=_refuse)
        time_ms = iso_time.parse_ms(facts["time"])
        texts = [facts[name] for name in ("kind", "series", "what")]
        before, after = _values(facts["before"]), _values(facts["after"])
    except (LookupError, RecursionError, TypeError) as error:
        raise ValueError("not an event") from error
    if not all(isinstance(text, str) for text in texts) or texts[0] not in KINDS or time_ms < 0:
        raise ValueError("not an event")
    return Event(time_ms, cast("Kind", texts[0]), texts[1], texts[2], before, after)


def _cut(value: Value) -> Value:
    return value[: MAX_TEXT - 1] + "…" if isinstance(value, str) and len(value) > MAX_TEXT else value


def _refuse(constant: str) -> Value:
    raise ValueError(f"{constant} is no JSON")


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


def merged(events: Sequence[Event]) -> list[Event]:
    """Join what is told of one end in several lines: why a container ended is known later than that it did.

    Takes events in the order of their lines; an exit completes the exit of its series before it, unless the series
    started again between them.
    """
    result: list[Event] = []
    ends: dict[str, int] = {}
    for event in events:
        if event.kind in ("start", "restart"):
            ends.pop(event.series, None)
        place = ends.get(event.series) if event.kind == "exit" else None
        if place is not None:
            result[place] = _completed(result[place], event)
            continue
        if event.kind == "exit":
            ends[event.series] = len(result)
        result.append(event)
    return result


def event_problems(path: str) -> Iterable[str]:
    """Yield a sentence for each thing that is wrong with a file, for `fgm check`; a torn last line is not."""
    midnight_ms = layout.parse_day(os.path.basename(os.path.dirname(os.path.dirname(path))))
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return
    except (BadFileError, OSError) as error:
        yield error.reason if isinstance(error, BadFileError) else str(error)
        return
    try:
        found = read(fd)
    finally:
        os.close(fd)
    if found.skipped:
        yield f"{found.skipped} lines are no events"
    if any(layout.day_start(event.time_ms) != midnight_ms for event in found.events):
        yield "it has events of another day"


def _completed(first: Event, later: Event) -> Event:
    what = later.what if len(later.after) >= len(first.after) else first.what
    return replace(first, what=what, before={**first.before, **later.before}, after={**first.after, **later.after})


def _values(facts: Any) -> dict[str, Value]:
    if not isinstance(facts, dict) or not all(isinstance(value, Value) for value in facts.values()):
        raise ValueError("not an event")
    return facts
