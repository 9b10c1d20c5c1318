"""What `fgm ship` reads of session.json: whose data a directory has, and whether its hours are merged."""

import json
import os
from dataclasses import dataclass
from typing import Any

from fgm.store.directory import layout

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Session:
    """Facts of the last collector; None if session.json does not have them.

    `source`: identity of the data directory, which differs from that of every other one.
    """

    cluster: str | None = None
    source: str | None = None
    is_merging: bool | None = None


def read_session(data_dir: str) -> Session:
    """Return what is known about the collector of a data directory."""
    try:
        with open(os.path.join(data_dir, layout.SESSION_NAME), "rb") as file:
            session = json.loads(file.read(MAX_BYTES))
        flags = session.get("flags")
    except (OSError, ValueError, AttributeError, RecursionError):
        return Session()
    no_merging = flags.get("no_merging") if isinstance(flags, dict) else None
    return Session(
        _text(session.get("cluster")),
        _text(session.get("data_id")),
        not no_merging if isinstance(no_merging, bool) else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
