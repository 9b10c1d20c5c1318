"""A destination that is full: nothing torn is there, the reason is named, and shipping goes on when there is space."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.shipping.errors import RefusedError, ShipError
from tests.support.made_hours import PARTITION, Node, names

SIZES = (1_000_000, 3_000_000, 7_000_000, 100_000)
DISK = "size=8m"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A node whose bucket is on a file system of 8 MiB, with hours of 11 MB, of which one takes two parts."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", DISK, "none", str(bucket)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    node = Node(tmp_path / "first", bucket, "f1")
    for name, size in zip(names([0, 1, 2, 3]), SIZES, strict=True):
        node.write_bytes(name, bytes(size))
    yield node
    subprocess.run(["umount", "-l", str(bucket)], check=True)


def found(node: Node) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (node.bucket / "metrics" / PARTITION).iterdir()}


def test_it_goes_on_when_there_is_space(node: Node) -> None:
    for _ in range(2):
        with pytest.raises(ShipError, match=f"the destination is full: cannot write .*{names([2])[0]}") as raised:
            node.ship()
        assert not isinstance(raised.value, RefusedError)
        assert found(node) == dict(zip(names([0, 1]), SIZES, strict=False))
    node.restart()
    subprocess.run(["mount", "-o", "remount,size=32m", str(node.bucket)], check=True)
    totals = node.ship()
    assert (totals.files, totals.present, totals.refused) == (2, 0, 0)
    assert found(node) == dict(zip(names([0, 1, 2, 3]), SIZES, strict=True))
