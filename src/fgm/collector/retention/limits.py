"""The limits of retention, and the choice of files to remove; the oldest always first.

Data has a maximum size and a maximum age, and leaves a part of the file system free for others. Files in a hostPath do
not count against the pod that writes them: if the disk is full, the kubelet evicts other pods, so the part that stays
free is larger than the kubelet's limits (nodefs.available < 10 %, inodesFree < 5 %).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fgm.collector.sizes import FreeSpace

FREE_INODES = 0.1
"""Minimum share of free inodes: twice the kubelet's limit for evictions. A window is two small files."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum size and age of the data, and the space that stays free; if that is none, inodes do not count either."""

    max_bytes: int
    max_age_ms: int
    min_free: FreeSpace


@dataclass(frozen=True, slots=True)
class Disk:
    """Size and free space of a file system, for users other than root. `inodes`: 0 if their number is not limited."""

    size_bytes: int
    free_bytes: int
    inodes: int
    free_inodes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that may be removed. `until_ms`: the latest instant of its data, by its name."""

    path: str
    until_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Excess:
    """How far the limits are exceeded; negative numbers are what is left."""

    surplus_bytes: int
    missing_bytes: int
    missing_inodes: int
    oldest_allowed_ms: int

    def without(self, file: KeptFile) -> "Excess":
        """Return the excess after a file is removed."""
        size = file.size_bytes
        return Excess(
            self.surplus_bytes - size, self.missing_bytes - size, self.missing_inodes - 1, self.oldest_allowed_ms
        )

    @property
    def is_of_space(self) -> bool:
        """Whether too little of the file system is free, no matter whose files fill it."""
        return self.missing_bytes > 0 or self.missing_inodes > 0

    def concerns(self, file: KeptFile) -> bool:
        """Return whether the oldest file, this one, has to be removed."""
        return self.surplus_bytes > 0 or self.is_of_space or file.until_ms < self.oldest_allowed_ms


def excess_of(limits: Limits, total_bytes: int, disk: Disk, now_ms: int) -> Excess:
    """Return how far a directory exceeds its limits."""
    return Excess(
        surplus_bytes=total_bytes - limits.max_bytes,
        missing_bytes=limits.min_free.of(disk.size_bytes) - disk.free_bytes,
        missing_inodes=round(FREE_INODES * disk.inodes) - disk.free_inodes if limits.min_free != FreeSpace() else 0,
        oldest_allowed_ms=now_ms - limits.max_age_ms,
    )


def make_room(oldest_first: Iterable[KeptFile], excess: Excess, remove: Callable[[KeptFile], bool]) -> list[KeptFile]:
    """Remove files until no limit is exceeded, and return them; takes no more of `oldest_first` than necessary.

    `remove`: removes a file, and returns whether it no longer counts. If one cannot be removed, a later one is.
    """
    removed = []
    for file in oldest_first:
        if not excess.concerns(file):
            break
        if remove(file):
            removed.append(file)
            excess = excess.without(file)
    return removed
