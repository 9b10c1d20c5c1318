"""A real recording of leaks of memory, threads and file descriptors, and of a saw-tooth.

tests/data/README.md describes it.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"

PLANTED: dict[str, Any] = json.loads((_DATA / "leaks.json").read_text())
"""What was planted: `memory`, `threads`, `descriptors` and `saw_tooth`, each in the container `id`; and `ended_ms`."""


def unpacked(folder: Path) -> Path:
    """Unpack the recording below a folder; return its data directory."""
    with tarfile.open(_DATA / "leaks.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "leaks"
