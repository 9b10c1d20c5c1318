"""Script for a mount namespace of its own: merges hours on a disk that becomes full meanwhile; prints JSON.

`python -m tests.support.collector.full_disk FOLDER`: mounts a small file system at FOLDER. For each number of free
bytes, from none to nearly enough, it merges, and notes the outcome and whether the files are the same as before.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio

from fgm.clock import SystemClock
from fgm.collector.merging import merging_task
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from tests.support.collector.known_history import KnownHistory, leftovers

DISK_BYTES = 16 << 20
HOURS = 2
STEPS = 8


def main(folder: str) -> None:
    root = Path(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", folder], check=True)
    now_ms = time.time_ns() // 1_000_000
    history = KnownHistory(now_ms // layout.HOUR_MS * layout.HOUR_MS - (HOURS + 1) * layout.HOUR_MS, HOURS)
    data = root / "data"
    history.write(data)
    before = content(data)
    needed_bytes = sum(len(value) for value in before.values()) // HOURS
    result: dict[str, Any] = {"full": []}
    for step in range(STEPS):
        fill(root / "filler", needed_bytes * step // STEPS)
        is_merged = merge(data)
        result["full"].append(
            {"is_merged": is_merged, "is_unchanged": content(data) == before, "problems": history.problems(data)}
        )
        if is_merged:
            before = content(data)
    (root / "filler").unlink()
    while merge(data):
        pass
    result |= {"problems": [*check(str(data)).problems, *history.problems(data)], "left": leftovers(data)}
    result["merged"] = len(list(data.rglob("metrics-*--PT1H.parquet")))
    print(json.dumps(result, default=str))


def fill(path: Path, free_bytes: int) -> None:
    """Use up all free bytes but these."""
    path.unlink(missing_ok=True)
    with path.open("wb", buffering=0) as file:
        status = os.statvfs(path.parent)
        os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_bsize - free_bytes))


def merge(data: Path) -> bool:
    """Merge an hour as the collector does; return whether there is one more merged hour then."""
    merged = len(list(data.rglob("metrics-*--PT1H.parquet")))

    async def merge_one() -> None:
        merging = merging_task.Merging(str(data), SystemClock(), anyio.Lock(), 3, "")
        await merging.merge_next()

    anyio.run(merge_one)
    return len(list(data.rglob("metrics-*--PT1H.parquet"))) > merged


def content(data: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    main(sys.argv[1])
