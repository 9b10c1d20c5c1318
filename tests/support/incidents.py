"""Three real incidents, recorded by a collector on a real host; tests/data/README.md describes them."""

import json
import tarfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"

PLANTED: dict[str, Any] = json.loads((_DATA / "incidents.json").read_text())
"""The planted incidents, `oom_kill`, `short_life`, `throttling` and `noisy_neighbour`, and all `containers`."""


def unpacked(folder: Path) -> Path:
    """Unpack the recording below a folder; return its data directory."""
    with tarfile.open(_DATA / "incidents.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "incidents"
