"""Data directories of nodes with one name, whose files only have the names of hours, and shippers for them."""

import json
import math
import os
from pathlib import Path

from fgm.shipping.destination import Destination
from fgm.shipping.pace import Pace
from fgm.shipping.shipper import Shipper, Totals
from fgm.store.directory import layout

DAY_MS = 1_767_052_800_000  # 2025-12-30T00:00:00Z
HOUR_MS = layout.HOUR_MS
FOLDER = "dt=2025-12-30/identifier=worker-3"
PARTITION = f"cluster=blue/{FOLDER}"
OLD_NS = 1_700_000_000_000_000_000


class Node:
    """A node's data directory, and a shipper into a directory that other nodes may share."""

    def __init__(self, data: Path, bucket: Path, data_id: str | None) -> None:
        self.data, self.bucket = data, bucket
        self.now_ms = DAY_MS + 12 * HOUR_MS
        self.write_session(data_id)
        self.restart()

    def write_session(self, data_id: str | None) -> None:
        self.data.mkdir(exist_ok=True)
        (self.data / layout.SESSION_NAME).write_text(json.dumps({"data_id": data_id}))

    def restart(self, unmerged_after_hours: float = 24) -> None:
        destination = Destination(f"file://{self.bucket}", Pace(math.inf, lambda: 0.0, lambda _seconds: None))
        after_ms = round(unmerged_after_hours * HOUR_MS)
        self.shipper = Shipper(str(self.data), destination, "blue", after_ms, lambda: self.now_ms * 1_000_000)

    def record(self, *hours: int, kind: layout.TableKind | None = None) -> None:
        """Make the merged files of hours of the day; their content is that of this node only."""
        for hour in hours:
            start_ms = DAY_MS + hour * HOUR_MS
            self.write(layout.hour_name(start_ms) if kind is None else layout.table_hour_name(kind, start_ms))

    def write(self, name: str) -> None:
        self.write_bytes(name, f"{name} of {self.data.name}\n".encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        path = self.data / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(OLD_NS, OLD_NS + len(self.data.name)))

    def ship(self) -> Totals:
        return self.shipper.ship_new_files()


def names(hours: list[int]) -> list[str]:
    """Return the names of the merged metrics of hours of the day."""
    return [layout.hour_name(DAY_MS + hour * HOUR_MS) for hour in hours]


def shipped(bucket: Path, table: str = "metrics") -> dict[str, str]:
    """Return the objects of the day, by name: the name of the data directory that each comes from."""
    folder = bucket / table / PARTITION
    return {path.name: path.read_text().split()[-1] for path in sorted(folder.iterdir()) if path.is_file()}
