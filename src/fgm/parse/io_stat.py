"""Parses io.stat of cgroup v2: the bytes and requests read, written and discarded, per block device.

    254:0 rbytes=1449984 wbytes=3145728 rios=18 wios=24 dbytes=0 dios=0
    254:16 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0

Some kernels also print:

- a device without numbers, sometimes without a newline, while a cgroup is being set up;
- several devices in one line: the numbers belong to the last one;
- `(unknown)` instead of a device: a hidden path of an NVMe multipath device, which itself counts the same bytes;
- keys of io.cost and io.latency after the usual ones.

Source: block/blk-cgroup.c; admin-guide/cgroup-v2.rst, "IO Interface Files".
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError
from fgm.parse.shape import WORDS, numbers, shape, to_numbers

LOOP_MAJOR = 7
"""Major number of loop devices. They are excluded, because the device below them counts the same bytes."""

_KEYS = (b"rbytes", b"wbytes", b"rios", b"wios", b"dbytes", b"dios")
_KEYS_OF_WRITES = (b"wbytes", b"wios", b"dbytes", b"dios")

_USUAL_LINE = b": rbytes= wbytes= rios= wios= dbytes= dios=\n"
_TO_NUMBERS = to_numbers(commas=b"\n:=")
_GAPS = (b"\n:", b": ", b"= ", b"=\n")
"""Bytes that occur only if a number is missing."""
_FIRST_COUNTER, _NUMBERS = 2, 8
_MINORS = 1 << 20
"""Number of minor numbers of a major number.

Source: include/linux/kdev_t.h.
"""
_NAMES = tuple(f"io.stat.{key.decode()}" for key in _KEYS)
_IS_READ = np.array([key not in _KEYS_OF_WRITES for key in _KEYS])


class Devices(Protocol):
    """A set of block devices. Only membership in it is needed."""

    def __contains__(self, device: tuple[int, int], /) -> bool:
        """Return whether the device, given as (major, minor), is in the set."""


def io_stat(text: bytes, excluded: Devices = (), write_only: Devices = ()) -> dict[str, float]:
    """Return the sums over all devices: bytes and numbers of reads, writes and discards.

    Loop devices and the `excluded` devices (major, minor) are left out, because stacked devices count the same bytes
    twice. Of the `write_only` devices, reads are left out. A file without numbers means that nothing was read or
    written yet: all sums are 0.

    Raises: ParseError if a recorded key has no integer.
    """
    totals: dict[bytes, int] = {}
    for _, key, value in io_stat_values(text, excluded, write_only):
        totals[key] = totals.get(key, 0) + value
    if not totals:
        return dict.fromkeys(_NAMES, 0)
    return {f"io.stat.{key.decode()}": total for key, total in totals.items()}


def io_stat_values(text: bytes, excluded: Devices = (), write_only: Devices = ()) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the device, the key and the value of each number that is counted by `io_stat`.

    Raises: ParseError as `io_stat`.
    """
    for line in text.split(b"\n"):
        fields = line.split()
        devices = list(takewhile(lambda field: b"=" not in field, fields))
        if not devices or not is_counted(devices[-1], excluded):
            continue
        keys = _KEYS if is_counted(devices[-1], write_only) else _KEYS_OF_WRITES
        for field in fields[len(devices) :]:
            key, _, value = field.partition(b"=")
            if key in keys:
                try:
                    yield devices[-1], key, int(value)
                except ValueError:
                    raise ParseError("io.stat", line, f"an integer after {key.decode()}=") from None


class IoStat:
    """Fast parser of io.stat files. `names`: metrics of the values that `parse` returned last."""

    unknown: frozenset[bytes] = frozenset()

    def __init__(self, excluded: Devices, write_only: Devices = ()) -> None:
        """`excluded`, `write_only`: as in `io_stat`. They are asked about each device, so their answers may change."""
        self.names: tuple[str, ...] = _NAMES
        self._excluded = excluded
        self._write_only = write_only

    def parse(self, text: bytes) -> list[float]:
        """Set `names`, and return the sums over all devices in their order.

        Raises: ParseError as `io_stat`.
        """
        sums = self.parse_alike((text,), _NAMES)
        if sums is not None:
            self.names = _NAMES
            return cast("list[float]", sums[0].tolist())
        values = io_stat(text, self._excluded, self._write_only)
        names = tuple(values)
        self.names = _NAMES if names == _NAMES else names
        return list(values.values())

    def form(self, names: tuple[str, ...]) -> str | None:
        """Return a value that is equal for all files that one call of `parse_alike` can parse; None if it cannot."""
        return "io.stat" if names is _NAMES else None

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Parse many files at once, as `parse` would; return None if one of them may have other metrics.

        Shape: float64[len(texts), 6].
        """
        joined = b"".join(texts)
        if names is not _NAMES or not all(texts) or shape(joined) != _USUAL_LINE * joined.count(b"\n"):
            return None
        with_newline = b"\n" + joined  # so that the first number has a comma before it, too
        if any(gap in with_newline for gap in _GAPS):
            return None
        values = numbers(with_newline[:-1], _NUMBERS * joined.count(b"\n"), _TO_NUMBERS, without=WORDS)
        if values is None:
            return None
        lines = values.reshape(-1, _NUMBERS)
        counted = lines[:, 0] != LOOP_MAJOR
        devices = lines[:, 0] * _MINORS + lines[:, 1]
        counters = lines[:, _FIRST_COUNTER:]
        for device in set(devices[counted].tolist()):
            number = divmod(int(device), _MINORS)
            if number in self._excluded:
                counted &= devices != device
            elif number in self._write_only:
                counters = np.where((devices == device)[:, np.newaxis] & _IS_READ, 0, counters)
        if not counted.all():
            counters = np.where(counted[:, np.newaxis], counters, 0)
        if len(lines) == len(texts):
            return counters
        ends = np.cumsum([text.count(b"\n") for text in texts])
        sums: NDArray[np.float64] = np.add.reduceat(counters, np.append(0, ends[:-1]))
        return sums


def is_counted(device: bytes, excluded: Devices) -> bool:
    """Return whether a device, given as `major:minor`, is included in the sums; `(unknown)` is not."""
    major, _, minor = device.partition(b":")
    if not (major.isdigit() and minor.isdigit()):
        return False
    return int(major) != LOOP_MAJOR and (int(major), int(minor)) not in excluded
