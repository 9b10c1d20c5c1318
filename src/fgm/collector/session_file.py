"""The file session.json: how the running collector was started, for operators and for the viewer."""

import json
import os
import re
from dataclasses import asdict
from typing import Any

from fgm import __version__, iso_time
from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.settings import Settings
from fgm.store.directory import atomic
from fgm.store.directory.layout import SESSION_NAME

_MAX_BYTES = 1 << 20
_ID = re.compile("[0-9a-f]{32}")


def describe(settings: Settings, run_id: str, hierarchies: Hierarchies, kernel: str, wall_ns: int) -> dict[str, Any]:
    """Return the content but `data_id`. `hierarchies`: those of the host; `kernel`: release of its kernel."""
    return {
        "schema_version": 1,
        "run_id": run_id,
        "version": __version__,
        "started_at": iso_time.format_seconds(wall_ns // 1_000_000),
        "node": settings.node,
        "identifier": settings.identifier,
        "cluster": settings.cluster_name or None,
        "kernel": kernel,
        "cgroups": str(hierarchies),
        "controllers": hierarchies.versions,
        "flags": asdict(settings),
    }


def publish(settings: Settings, hierarchies: Hierarchies, wall_ns: int) -> None:
    """Write session.json for this run, with a new random run id, and with the data id of the file before.

    Raises: OSError if it cannot be written.
    """
    content = describe(settings, os.urandom(16).hex(), hierarchies, os.uname().release, wall_ns)
    content["data_id"] = _data_id(settings.data_dir) or os.urandom(16).hex()
    atomic.publish(settings.data_dir, SESSION_NAME, json.dumps(content, indent=2).encode() + b"\n")


def _data_id(data_dir: str) -> str | None:
    """Return the identity that the directory has; None if it has none yet."""
    try:
        with open(os.path.join(data_dir, SESSION_NAME), "rb") as file:
            data_id = json.loads(file.read(_MAX_BYTES)).get("data_id")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return data_id if isinstance(data_id, str) and _ID.fullmatch(data_id) else None
