"""Three real incidents, as a collector recorded them on a real host: see data/README.md."""

import json
import tarfile
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[1] / "data"

PLANTED: dict[str, Any] = json.loads((_DATA / "incidents.json").read_text())
"""What was planted and when: `oom_kill`, `short_life`, `throttling`, `noisy_neighbour`, and all `containers`."""


def unpacked(folder: Path) -> Path:
    """Unpack the recording below a folder; return its data directory."""
    with tarfile.open(_DATA / "incidents.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return folder / "incidents"
