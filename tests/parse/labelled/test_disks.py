"""What each disk has read and written adds up to the sums, and has the same disks left out."""

from pathlib import Path

import pytest

from fgm.metrics.labelled import LABELLED
from fgm.parse.cgroup1 import blkio_throttle_io_service_bytes_recursive, blkio_throttle_io_serviced_recursive
from fgm.parse.errors import ParseError
from fgm.parse.io_stat import io_stat
from fgm.parse.labelled.disks import METRICS, blkio_by_device, diskstats_by_disk, io_stat_by_device

REAL = Path(__file__).parents[2] / "data"
IO_STAT = b"""254:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=5 dios=1
7:0 rbytes=1 wbytes=1 rios=1 wios=1 dbytes=0 dios=0
9:1 rbytes=7 wbytes=70 rios=7 wios=8 dbytes=0 dios=0
253:0 rbytes=3 wbytes=3 rios=3 wios=3 dbytes=0 dios=0
(unknown) rbytes=9 wbytes=9 rios=9 wios=9
8:16 8:32 rbytes=100 wbytes=200 rios=10 wios=20 dbytes=0 dios=0 cost.usage=5
8:48
"""
STACKED, PARITY_RAID = {(253, 0)}, {(9, 1)}


def sums(by_device: dict[tuple[int, int], dict[str, float]]) -> dict[str, float]:
    return {name: sum(values.get(name, 0) for values in by_device.values()) for name in METRICS}


def test_the_disks_of_io_stat_add_up_to_its_sums() -> None:
    by_device = io_stat_by_device(IO_STAT, STACKED, PARITY_RAID)
    assert by_device.keys() == {(254, 0), (9, 1), (8, 32)}
    assert by_device[254, 0] == {"io.stat.rbytes": 10, "io.stat.wbytes": 20, "io.stat.rios": 1, "io.stat.wios": 2}
    assert by_device[9, 1] == {"io.stat.wbytes": 70, "io.stat.wios": 8}, "its reads are at the disks below"
    totals = io_stat(IO_STAT, STACKED, PARITY_RAID)
    assert sums(by_device) == {name: totals[name] for name in METRICS}


def test_real_files_have_their_disk() -> None:
    assert io_stat_by_device((REAL / "cgroup2/container/io.stat").read_bytes()) == {
        (254, 0): {
            "io.stat.rbytes": 139657216,
            "io.stat.wbytes": 134217728,
            "io.stat.rios": 137,
            "io.stat.wios": 133,
        }
    }
    both: dict[str, float] = {}
    for file, parse in (
        ("blkio.throttle.io_service_bytes_recursive", blkio_throttle_io_service_bytes_recursive),
        ("blkio.throttle.io_serviced_recursive", blkio_throttle_io_serviced_recursive),
    ):
        text = (REAL / "cgroup1" / file).read_bytes()
        ((device, values),) = blkio_by_device(text, file).items()
        assert device == (254, 0)
        assert values.items() <= parse(text).items()
        assert blkio_by_device(text, file, excluded={device}) == {}
        both |= values
    assert both.keys() == set(METRICS)


def test_diskstats_has_the_times_of_the_counted_disks() -> None:
    text = (REAL / "procfs/diskstats").read_bytes()
    disks = diskstats_by_disk(text, lambda _: [b"vda"])
    fields = next(line for line in text.split(b"\n") if b" vda " in line).split()
    assert disks == {
        "vda": {
            "io.stat.rios": int(fields[3]),
            "io.stat.rbytes": 512 * int(fields[5]),
            "io.stat.wios": int(fields[7]),
            "io.stat.wbytes": 512 * int(fields[9]),
            "disk.read_wait_usec": 1000 * int(fields[6]),
            "disk.write_wait_usec": 1000 * int(fields[10]),
            "disk.busy_usec": 1000 * int(fields[12]),
        }
    }
    assert disks["vda"].keys() <= LABELLED.keys()


def test_malformed_lines_raise() -> None:
    with pytest.raises(ParseError, match=r"io\.stat: "):
        io_stat_by_device(b"8:0 rbytes=x\n")
    with pytest.raises(ParseError, match=r"blkio\.throttle\.io_serviced_recursive: "):
        blkio_by_device(b"8:0 Read x\n", "blkio.throttle.io_serviced_recursive")
    with pytest.raises(ParseError, match="diskstats: "):
        diskstats_by_disk(b"254 0 vda 1 2 3 4 5 6 7 8 9\n", lambda _: [b"vda"])
