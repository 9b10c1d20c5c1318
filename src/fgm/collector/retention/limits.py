"""Which files have to go: decisions over sizes, ages and free space.

Three limits, and the oldest file always goes first: so much data in all, so old, and so much of the file system that
stays free for others. hostPath data is not counted against the pod that writes it: on a full disk the kubelet evicts
other pods (nodefs.available < 10 %, inodesFree < 5 %), so what is kept free is more than that.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fgm.collector.sizes import FreeSpace

FREE_INODES = 0.1
"""Twice what makes the kubelet evict: a window is two small files."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the data may take, how old it may become, and what stays free (nothing: inodes do not matter either)."""

    most_bytes: int
    most_age_ms: int
    least_free: FreeSpace


@dataclass(frozen=True, slots=True)
class Disk:
    """What statvfs says, for those who are not root. `inodes`: 0 where the file system has no limit of them."""

    size_bytes: int
    free_bytes: int
    inodes: int
    free_inodes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that may go. `until_ms`: the latest instant that its name tells of."""

    path: str
    until_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Lack:
    """How far the limits are exceeded; negative: how much is left."""

    surplus_bytes: int
    missing_bytes: int
    missing_inodes: int
    oldest_allowed_ms: int

    def without(self, file: KeptFile) -> "Lack":
        """Return what it is once the file has gone."""
        size = file.size_bytes
        return Lack(
            self.surplus_bytes - size, self.missing_bytes - size, self.missing_inodes - 1, self.oldest_allowed_ms
        )

    @property
    def is_of_space(self) -> bool:
        """Whether too little is free, whosever files these are."""
        return self.missing_bytes > 0 or self.missing_inodes > 0

    def concerns(self, file: KeptFile) -> bool:
        """Say whether a file has to go that is the oldest."""
        return self.surplus_bytes > 0 or self.is_of_space or file.until_ms < self.oldest_allowed_ms


def lack(limits: Limits, total_bytes: int, disk: Disk, now_ms: int) -> Lack:
    """Return how far a directory is over its limits."""
    return Lack(
        surplus_bytes=total_bytes - limits.most_bytes,
        missing_bytes=limits.least_free.of(disk.size_bytes) - disk.free_bytes,
        missing_inodes=round(FREE_INODES * disk.inodes) - disk.free_inodes if limits.least_free != FreeSpace() else 0,
        oldest_allowed_ms=now_ms - limits.most_age_ms,
    )


def make_room(oldest_first: Iterable[KeptFile], over: Lack, remove: Callable[[KeptFile], bool]) -> list[KeptFile]:
    """Remove the files that have to go, oldest first; return them. Takes no more of `oldest_first` than it needs.

    `remove`: says whether a file counts no longer. One that cannot be removed makes no room, so another has to go.
    """
    gone = []
    for file in oldest_first:
        if not over.concerns(file):
            break
        if remove(file):
            gone.append(file)
            over = over.without(file)
    return gone
