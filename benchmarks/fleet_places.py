"""Where the engines of `benchmarks.fleet` find the bucket, and how much they read of it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cutting_relay import CuttingRelay
from tests.support.object_stores import BUCKET, Store
from tests.support.processes import free_port

SECTOR_BYTES = 512
READ_AHEAD_KIB = 4
"""One page. With 0, the kernel reads each page in a request of its own."""


@dataclass(slots=True)
class Place:
    """A bucket that is ready to be read. `read_bytes`: what was read of it, after the question; None: not counted."""

    url: str
    environment: dict[str, str] = field(default_factory=dict)
    read_bytes: int | None = None


@contextmanager
def cold_disk(bucket: Path) -> Iterator[Place]:
    """Mount a copy of a directory with a cold cache, and count what its device delivers.

    Raises: CalledProcessError if this process may not do that.
    """
    image, mounted = bucket.with_name("bucket.img"), bucket.with_name("mounted")
    if not image.exists():
        size = sum(path.stat().st_size for path in bucket.rglob("*")) * 11 // 10 + (64 << 20)
        with image.open("wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-d", bucket, image], check=True)
    mounted.mkdir(exist_ok=True)
    command = ["losetup", "--find", "--show", "--read-only", str(image)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        kernel = Path("/sys/block") / Path(device).name
        (kernel / "queue" / "read_ahead_kb").write_text(str(READ_AHEAD_KIB))
        subprocess.run(["mount", "-o", "ro", device, mounted], check=True)
        place, before = Place(str(mounted)), _sectors_read(kernel)
        yield place
        place.read_bytes = (_sectors_read(kernel) - before) * SECTOR_BYTES
    finally:
        subprocess.run(["umount", "--quiet", mounted], check=False)
        subprocess.run(["losetup", "--detach", device], check=True)


def _sectors_read(kernel: Path) -> int:
    """Return how many sectors a disk has delivered. Source: /sys/block/*/stat, Documentation/block/stat.rst."""
    return int((kernel / "stat").read_text().split()[2])


@contextmanager
def behind_relay(store: Store) -> Iterator[Place]:
    """Count what goes over the connections to an object store, in both directions."""
    port = free_port()
    relay = CuttingRelay(port, store.port, cuts=0, within_bytes=2, seed=0)
    try:
        place = Place(f"s3://{BUCKET}/fleet", store.variables(port))
        yield place
        place.read_bytes = relay.relayed_bytes
    finally:
        relay.close()
