"""Parses what each disk has read and written: io.stat and blkio files of a cgroup, and /proc/diskstats.

These are the texts from which the sums over all disks are made (`fgm.parse.io_stat`, `fgm.parse.cgroup1`,
`fgm.parse.procfs`), with the same disks left out. So the values of all disks add up to the sum.

Source: as there; the times of /proc/diskstats are in admin-guide/iostats.rst, fields 4, 8 and 10.
"""

from collections.abc import Iterable, Mapping

from fgm.parse.cgroup1 import blkio_values
from fgm.parse.errors import ParseError
from fgm.parse.io_stat import Devices, io_stat_values, is_counted
from fgm.parse.procfs import DISKSTATS, Counted, diskstats

METRICS = ("io.stat.rbytes", "io.stat.wbytes", "io.stat.rios", "io.stat.wios")
"""Metrics of a disk. Discards are only in the sums."""
_TIMES = {"disk.read_wait_usec": 6, "disk.write_wait_usec": 10, "disk.busy_usec": 12}
_USEC = 1000
"""Microseconds of a unit of the times in /proc/diskstats."""

ByDevice = dict[tuple[int, int], dict[str, float]]
"""The values of each device (major, minor) by metric."""


def io_stat_by_device(text: bytes, excluded: Devices = (), write_only: Devices = ()) -> ByDevice:
    """Return the values of each device in io.stat. `excluded`, `write_only`: as in `io_stat`.

    Raises: ParseError as `io_stat`.
    """
    values = io_stat_values(text, excluded, write_only)
    return _by_device((f"io.stat.{key.decode()}", device, value) for device, key, value in values)


def blkio_by_device(text: bytes, file: str, excluded: Devices = (), write_only: Devices = ()) -> ByDevice:
    """Return the values of each device in a blkio file of cgroup v1. `file`: its name.

    Raises: ParseError as `blkio_throttle_io_service_bytes_recursive`.
    """
    values = blkio_values(text, file, excluded, write_only)
    return _by_device((name, device, value) for device, name, value in values if is_counted(device, excluded))


def diskstats_by_disk(text: bytes, counted: Counted) -> dict[str, dict[str, float]]:
    """Return the values of each counted disk in /proc/diskstats, by its name.

    Raises: ParseError if the line of a counted disk is malformed.
    """
    disks = diskstats(text, counted)
    times = _times(text, disks)
    return {
        name.decode(errors="backslashreplace"): {
            **{metric: value for metric, value in zip(DISKSTATS, values, strict=False) if metric in METRICS},
            **times[name],
        }
        for name, values in disks.items()
    }


def _by_device(values: Iterable[tuple[str, bytes, int]]) -> ByDevice:
    result: ByDevice = {}
    for name, device, value in values:
        if name in METRICS:
            major, _, minor = device.partition(b":")
            result.setdefault((int(major), int(minor)), {})[name] = value
    return result


def _times(text: bytes, disks: Mapping[bytes, object]) -> dict[bytes, dict[str, float]]:
    times: dict[bytes, dict[str, float]] = {}
    for line in text.split(b"\n"):
        fields = line.split()
        if len(fields) > 2 and fields[2] in disks:
            try:
                times[fields[2]] = {metric: int(fields[at]) * _USEC for metric, at in _TIMES.items()}
            except (IndexError, ValueError):
                raise ParseError("diskstats", line, "a device and at least eleven integers") from None
    return times
