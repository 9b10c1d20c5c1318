"""first-seen.json: when the series of a part of a data directory were first seen, if their first rows are not in it.

    {"pod:135b7dc5-…": 1767110400000, "node": …}

Only a directory that was copied from a pack has it, so that its series have the order that they had before. Containers
are not in it: they are in the index.
"""

import json
import os
from collections.abc import Mapping

from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError

MAX_BYTES = 4 << 20
"""Maximum size of the file."""


def dump(first_ms: Mapping[str, int]) -> bytes:
    """Return the content of the file. `first_ms`: time of the first row of each series, by `Series.key`."""
    return json.dumps(dict(first_ms), separators=(",", ":")).encode()


def parse(content: bytes) -> dict[str, int]:
    """Return the time of the first row of each series, by `Series.key`.

    Raises: ValueError if the content is not what `dump` returns.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    try:
        first_ms = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is not JSON of this program") from error
    times = first_ms.values() if isinstance(first_ms, dict) else [None]
    if not all(type(time_ms) is int and 0 <= time_ms < END_OF_TIME_MS for time_ms in times):
        raise ValueError("it is not a JSON object of times")
    return dict(first_ms)


def load(path: str) -> dict[str, int]:
    """Return the times in a file; none if it does not exist.

    Raises: OSError, or BadFileError if it is damaged.
    """
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return {}
    with os.fdopen(fd, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        return parse(content)
    except ValueError as error:
        raise BadFileError(path, str(error)) from error
