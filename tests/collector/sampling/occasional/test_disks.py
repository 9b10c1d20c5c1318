"""The values of each disk have its name; of many disks, those with most bytes are recorded."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.collector.devices.block_devices import BlockDevices
from fgm.collector.sampling.occasional.disks import BLKIO, MAX_DISKS, Disks
from fgm.parse.cgroup1 import blkio_throttle_io_service_bytes_recursive
from tests.support.sysfs import add_block_device


def line(minor: int, read: int) -> bytes:
    return b"8:%d rbytes=%d wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n" % (minor, read)


def test_the_disks_of_two_series_have_their_names(tmp_path: Path) -> None:
    add_block_device(tmp_path, "nvme0n1", "259:0")
    add_block_device(tmp_path, "cciss!c0d0", "104:0")
    text = b"259:0 rbytes=5 wbytes=6 rios=1 wios=2 dbytes=0 dios=0\n"
    slash = b"104:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:99 rbytes=9 wbytes=0 rios=1 wios=0\n"
    disks = Disks(BlockDevices(str(tmp_path)))
    values = dict(disks.values([("a", "io.stat", text), ("b", "io.stat", slash), ("c", "io.stat", b"x rbytes=y")]))

    nvme = {"io.stat.rbytes": 5, "io.stat.wbytes": 6, "io.stat.rios": 1, "io.stat.wios": 2}
    assert values["a"] == {"nvme0n1": nvme}
    assert values["b"].keys() == {"cciss/c0d0", "8:99"}, "a disk without a name has its number"
    assert values.keys() == {"a", "b"}


def test_of_many_disks_those_with_most_bytes_since_the_last_reading_are_recorded(tmp_path: Path) -> None:
    disks = Disks(BlockDevices(str(tmp_path)))
    first = b"".join(line(minor, 1000 * minor) for minor in range(20))
    ((_, values),) = disks.values([("a", "io.stat", first)])
    assert set(values) == {f"8:{minor}" for minor in range(20 - MAX_DISKS, 20)}
    second = b"".join(line(minor, 1000 * minor + (500 if minor < 3 else 0)) for minor in range(20))
    ((_, values),) = disks.values([("a", "io.stat", second)])
    assert {"8:0", "8:1", "8:2"} <= set(values)
    assert len(values) == MAX_DISKS


@pytest.fixture
def limited_cgroup() -> Iterator[tuple[Path, str]]:
    """A cgroup of v1 with a limit, without which some kernels count no I/O, and the name of the disk below /var/tmp."""
    number = os.stat("/var/tmp").st_dev
    disk = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    folder = Path(f"/sys/fs/cgroup/blkio/fgm-test-{os.getpid()}")
    try:
        name = disk.resolve(strict=True).name
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of v1 can be made here, or the disk has no name: {error}")
    try:
        (folder / "blkio.throttle.write_bps_device").write_text(f"{os.major(number)}:{os.minor(number)} 999999999")
        yield folder, name
    except OSError as error:
        pytest.skip(f"the disk takes no limit: {error}")
    finally:
        folder.rmdir()


def test_a_real_disk_has_what_a_process_wrote(limited_cgroup: tuple[Path, str]) -> None:
    folder, name = limited_cgroup
    target = f"/var/tmp/fgm-test-{os.getpid()}"
    script = f"echo $$ >{folder}/cgroup.procs; exec dd if=/dev/zero of={target} bs=64k count=8 oflag=direct status=none"
    try:
        subprocess.run(["sh", "-c", script], check=True)
    finally:
        Path(target).unlink(missing_ok=True)
    devices = BlockDevices("/sys")
    texts = [("a", file, (folder / file).read_bytes()) for file in BLKIO]
    ((_, values),) = Disks(devices).values(texts)
    column = blkio_throttle_io_service_bytes_recursive(texts[0][2], devices, devices.parity_raids)

    assert values.keys() == {name}
    assert values[name]["io.stat.wbytes"] == column["io.stat.wbytes"] >= 8 * 65536
    assert values[name]["io.stat.wios"] >= 8
