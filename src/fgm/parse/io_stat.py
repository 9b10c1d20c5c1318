"""io.stat of cgroup v2: what a cgroup read, wrote and discarded, by block device.

    254:0 rbytes=1449984 wbytes=3145728 rios=18 wios=24 dbytes=0 dios=0

Kernels print more than that: a device with nothing behind it, even without an end of line, while a cgroup is
set up; several devices before the numbers of the last one; `(unknown)` for the hidden paths below an NVMe
multipath device, whose bytes the device itself counts already; keys of io.cost and io.latency.
Kernel: admin-guide/cgroup-v2.rst, "IO Interface Files".
"""

from collections.abc import Callable, Collection
from itertools import takewhile
from json import JSONDecoder
from typing import Any, cast

from fgm.parse.errors import ParseError

LOOP_MAJOR = 7
"""Loop devices only pass on what the device below them counts again."""

_KEYS = (b"rbytes", b"wbytes", b"rios", b"wios", b"dbytes", b"dios")

# The fast way, as in flat_keyed: the usual lines without their digits, and their numbers as a JSON array.
_DIGITS = b"0123456789"
_USUAL_LINE = b": rbytes= wbytes= rios= wios= dbytes= dios=\n"
_TO_JSON = bytes(byte if byte in _DIGITS else ord("," if byte in b":=\n" else " ") for byte in range(256))
_scan = cast("Callable[[str, int], tuple[list[int], int]]", cast("Any", JSONDecoder()).scan_once)


def io_stat(raw: bytes, excluded: Collection[tuple[int, int]] = ()) -> dict[str, float]:
    """Return the sums over devices: bytes and numbers of reads, writes and discards.

    Loop devices and the `excluded` ones, as (major, minor), are left out: stacked devices count bytes again.
    No device line means that nothing was read or written yet: all sums are 0.
    Raises ParseError when a recorded key has no integer.
    """
    if raw.translate(None, _DIGITS) == _USUAL_LINE * raw.count(b"\n"):
        try:
            numbers, _ = _scan("[" + raw.translate(_TO_JSON).decode() + "0]", 0)
        except (ValueError, StopIteration):
            return _io_stat_plainly(raw, excluded)
        counted = [
            numbers[start + 2 : start + 8]
            for start in range(0, len(numbers) - 1, 8)
            if numbers[start] != LOOP_MAJOR and (numbers[start], numbers[start + 1]) not in excluded
        ]
        rbytes, wbytes, rios, wios, dbytes, dios = (
            counted[0] if len(counted) == 1 else [sum(device[place] for device in counted) for place in range(6)]
        )
        return {
            "io.stat.rbytes": rbytes,
            "io.stat.wbytes": wbytes,
            "io.stat.rios": rios,
            "io.stat.wios": wios,
            "io.stat.dbytes": dbytes,
            "io.stat.dios": dios,
        }
    return _io_stat_plainly(raw, excluded)


def _io_stat_plainly(raw: bytes, excluded: Collection[tuple[int, int]]) -> dict[str, float]:
    totals: dict[bytes, int] = {}
    for line in raw.split(b"\n"):
        fields = line.split()
        devices = list(takewhile(lambda field: b"=" not in field, fields))
        if not devices or not is_counted(devices[-1], excluded):
            continue
        for field in fields[len(devices) :]:
            key, _, value = field.partition(b"=")
            if key in _KEYS:
                try:
                    totals[key] = totals.get(key, 0) + int(value)
                except ValueError:
                    raise ParseError("io.stat", line, f"an integer after {key.decode()}=") from None
    if not totals:
        return {f"io.stat.{key.decode()}": 0 for key in _KEYS}
    return {f"io.stat.{key.decode()}": total for key, total in totals.items()}


def is_counted(device: bytes, excluded: Collection[tuple[int, int]]) -> bool:
    """Return whether a device, as `major:minor`, goes into the sums; `(unknown)` does not."""
    major, _, minor = device.partition(b":")
    if not (major.isdigit() and minor.isdigit()):
        return False
    return int(major) != LOOP_MAJOR and (int(major), int(minor)) not in excluded
