"""The limits of retention that the last collector of a data directory had, from its session.json."""

import json
import os
from typing import NamedTuple

from fgm.store.directory import layout


class SessionLimits(NamedTuple):
    """Maximum sizes of the samples, and of minutes and events; None if they are not known."""

    raw_bytes: int | None = None
    tiers_bytes: int | None = None


def read_limits(data_dir: str) -> SessionLimits:
    """Return the limits in session.json. Those that are not there are None."""
    try:
        with open(os.path.join(data_dir, layout.SESSION_NAME), "rb") as file:
            flags = json.load(file)["flags"]
        limits = [flags.get(name) for name in ("retention_bytes", "retention_tiers_bytes")]
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return SessionLimits()
    return SessionLimits(*(limit if isinstance(limit, int) else None for limit in limits))
