"""Decides which files retention removes: always the oldest, until no limit is exceeded.

There are two stores with limits of their own: the samples of each second (raw), and the summaries of each minute
together with the events (tiers), which are much smaller and are kept longer. Both must leave a part of the file system
free. Files in a hostPath do not count as usage of the pod that writes them. If they filled the disk, the kubelet would
evict other pods. So the free part is larger than the kubelet's limits (nodefs.available < 10 %, inodesFree < 5 %).

Files with times that have not come yet were recorded while the clock was ahead. For space they are removed first: data
at wrong times is worth least. They are never too old. If the clock is behind instead, as on a node that has just
booted, all earlier data seems to be in the future; then the order among them is right, and new data is kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fgm.collector.sizes import FreeSpace
from fgm.store.directory.layout import DAY_MS

FREE_INODES = 0.1
"""Minimum share of free inodes: twice the kubelet's limit for evictions. Each window takes two small files."""
RECENT_MS = DAY_MS
"""Age up to which raw data outlives all tiers if the file system lacks space.

An incident may fill the disk, and the samples of that day explain it, not minutes of months ago.
"""

Store = Literal["raw", "tiers"]
STORES: tuple[Store, ...] = ("raw", "tiers")


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one store."""

    max_bytes: int
    max_age_ms: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the data. `min_free`: space to keep free; if it is zero, free inodes are not checked, either."""

    raw: Budget
    tiers: Budget
    min_free: FreeSpace

    def of(self, store: Store) -> Budget:
        """Return the limits of one store."""
        return self.raw if store == "raw" else self.tiers


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
    """By how much the limits of one store are exceeded; sizes are negative if they are not reached yet.

    `missing_bytes`, `missing_inodes`: what the file system lacks, which concerns both stores.
    `spared_from_ms`: files that reach this time are not removed for the file system's sake.
    """

    surplus_bytes: int
    missing_bytes: int
    missing_inodes: int
    oldest_allowed_ms: int
    spared_from_ms: float = float("inf")

    def without(self, file: StoredFile) -> "Excess":
        """Return the excess that remains after a file is removed."""
        size = file.size_bytes
        return replace(
            self,
            surplus_bytes=self.surplus_bytes - size,
            missing_bytes=self.missing_bytes - size,
            missing_inodes=self.missing_inodes - 1,
        )

    def after(self, other: "Excess") -> "Excess":
        """Return the excess of this store after files of the other one were removed, whose excess is `other` now."""
        return replace(self, missing_bytes=other.missing_bytes, missing_inodes=other.missing_inodes)

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
        is_too_old = file.until_ms < self.oldest_allowed_ms
        return is_too_old or self.surplus_bytes > 0 or (self.lacks_space and file.until_ms < self.spared_from_ms)


def excess_of(
    budget: Budget, min_free: FreeSpace, total_bytes: int, disk: Disk, now_ms: int, *, has_age_limit: bool = True
) -> Excess:
    """Return by how much a store exceeds its limits. `has_age_limit`: whether data may be too old now."""
    return Excess(
        surplus_bytes=total_bytes - budget.max_bytes,
        missing_bytes=min_free.of(disk.size_bytes) - disk.free_bytes,
        missing_inodes=round(FREE_INODES * disk.inodes) - disk.free_inodes if min_free != FreeSpace() else 0,
        oldest_allowed_ms=now_ms - budget.max_age_ms if has_age_limit else 0,
    )


def make_room(
    oldest_first: Iterable[StoredFile], excess: Excess, remove: Callable[[StoredFile], bool]
) -> tuple[list[StoredFile], Excess]:
    """Remove files until no limit is exceeded; return them, and the excess that is left.

    Does not iterate `oldest_first` further than necessary. `remove`: removes a file, and returns whether it no longer
    counts. If it still counts, the next file is tried.
    """
    removed = []
    for file in oldest_first:
        if not excess.concerns(file):
            break
        if remove(file):
            removed.append(file)
            excess = excess.without(file)
    return removed, excess
