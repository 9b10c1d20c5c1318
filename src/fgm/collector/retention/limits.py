"""Decides which files retention removes: always the oldest, until no limit is exceeded.

Files with times that have not come yet were recorded while the clock was ahead. For space they are removed first: data
at wrong times is worth least. They are never too old. If the clock is behind instead, as on a node that has just
booted, all earlier data seems to be in the future; then the order among them is right, and new data is kept.

Data has a maximum size and a maximum age, and must leave a part of the file system free. Files in a hostPath do not
count as usage of the pod that writes them. If they filled the disk, the kubelet would evict other pods. So the free
part is larger than the kubelet's limits (nodefs.available < 10 %, inodesFree < 5 %).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fgm.collector.sizes import FreeSpace

FREE_INODES = 0.1
"""Minimum share of free inodes: twice the kubelet's limit for evictions. Each window takes two small files."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the data. `min_free`: space to keep free; if it is zero, free inodes are not checked, either."""

    max_bytes: int
    max_age_ms: int
    min_free: FreeSpace


@dataclass(frozen=True, slots=True)
class Disk:
    """Size of a file system, and its free space for users other than root. `inodes`: 0 if there is no limit."""

    size_bytes: int
    free_bytes: int
    inodes: int
    free_inodes: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of fgm. `path`: below the data directory; `until_ms`: time of its last data, according to its name."""

    path: str
    until_ms: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much the limits are exceeded; negative if they are not reached yet."""

    surplus_bytes: int
    missing_bytes: int
    missing_inodes: int
    oldest_allowed_ms: int

    def without(self, file: StoredFile) -> "Excess":
        """Return the excess that remains after a file is removed."""
        size = file.size_bytes
        return Excess(
            self.surplus_bytes - size, self.missing_bytes - size, self.missing_inodes - 1, self.oldest_allowed_ms
        )

    @property
    def lacks_space(self) -> bool:
        """Whether the file system has too little free space, whichever program fills it."""
        return self.missing_bytes > 0 or self.missing_inodes > 0

    @property
    def lacks_room(self) -> bool:
        """Whether files must be removed, whatever their age."""
        return self.surplus_bytes > 0 or self.lacks_space

    def concerns(self, file: StoredFile) -> bool:
        """Return whether `file`, the oldest one, must be removed."""
        return self.lacks_room or file.until_ms < self.oldest_allowed_ms


def excess_of(limits: Limits, total_bytes: int, disk: Disk, now_ms: int, *, has_age_limit: bool = True) -> Excess:
    """Return by how much a directory exceeds its limits. `has_age_limit`: whether data may be too old now."""
    return Excess(
        surplus_bytes=total_bytes - limits.max_bytes,
        missing_bytes=limits.min_free.of(disk.size_bytes) - disk.free_bytes,
        missing_inodes=round(FREE_INODES * disk.inodes) - disk.free_inodes if limits.min_free != FreeSpace() else 0,
        oldest_allowed_ms=now_ms - limits.max_age_ms if has_age_limit else 0,
    )


def make_room(
    oldest_first: Iterable[StoredFile], excess: Excess, remove: Callable[[StoredFile], bool]
) -> list[StoredFile]:
    """Remove files until no limit is exceeded; return them. Does not iterate `oldest_first` further than necessary.

    `remove`: removes a file, and returns whether it no longer counts. If it still counts, the next file is tried.
    """
    removed = []
    for file in oldest_first:
        if not excess.concerns(file):
            break
        if remove(file):
            removed.append(file)
            excess = excess.without(file)
    return removed
