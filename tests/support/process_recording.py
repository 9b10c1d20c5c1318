"""A real recording of processes: a storm of forks, a busy pool of threads, a leak and an OOM kill.

tests/data/README.md describes it.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"

PLANTED: dict[str, Any] = json.loads((_DATA / "processes.json").read_text())
"""What was planted: `storm`, `pool`, `leak` and `oom_kill`, each in the container `id`."""


def unpacked(folder: Path) -> Path:
    """Unpack the recording below a folder; return its data directory."""
    with tarfile.open(_DATA / "processes.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "processes"
