"""A real recording of a leak in one of twenty processes, and of a stall; tests/data/README.md describes it."""

import json
import tarfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"

PLANTED: dict[str, Any] = json.loads((_DATA / "leak-and-stall.json").read_text())
"""What was planted: `leak` and `stall`, each with the name of its cgroup and the time at which it began."""


def unpacked(folder: Path) -> Path:
    """Unpack the recording below a folder; return its data directory."""
    with tarfile.open(_DATA / "leak-and-stall.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "leak-and-stall"
