"""The file session.json: how the running collector was started, for operators and for the viewer."""

import json
import os
from dataclasses import asdict
from typing import Any

from fgm import __version__, iso_time
from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.settings import Settings
from fgm.store.directory import atomic
from fgm.store.directory.layout import SESSION_NAME


def describe(settings: Settings, run_id: str, hierarchies: Hierarchies, kernel: str, wall_ns: int) -> dict[str, Any]:
    """Return the content of the file. `hierarchies`: those of the host; `kernel`: release of its kernel."""
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
    """Write session.json for this run, with a new random run id.

    Raises: OSError if it cannot be written.
    """
    content = describe(settings, os.urandom(16).hex(), hierarchies, os.uname().release, wall_ns)
    atomic.publish(settings.data_dir, SESSION_NAME, json.dumps(content, indent=2).encode() + b"\n")
