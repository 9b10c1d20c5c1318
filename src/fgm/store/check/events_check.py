"""Checks that events.jsonl contains only events, and only of its own day."""

import os
from collections.abc import Iterator

from fgm.store.directory import layout
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.events import events_file


def events_problems(path: str) -> Iterator[str]:
    """Yield a sentence for each problem of an events file. A torn last line is not a problem."""
    midnight_ms = layout.parse_day(os.path.basename(os.path.dirname(os.path.dirname(path))))
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return
    except (BadFileError, OSError) as error:
        yield error.reason if isinstance(error, BadFileError) else str(error)
        return
    try:
        content = events_file.read(fd)
        is_foreign = events_file.is_foreign(fd)
    finally:
        os.close(fd)
    if content.zeros:
        yield f"zero bytes at its end: {content.zeros}. A power loss left them; the events of its last moment are lost"
    if is_foreign:
        yield "it has the name of an events file, but no events: the collector leaves it as it is, and writes no events"
    elif content.skipped:
        yield f"lines that are not events: {content.skipped}"
    if any(layout.day_start(event.time_ms) != midnight_ms for event in content.events):
        yield "it has events of another day"
