"""The readers of all series of a host: opened when a cgroup appears, closed when it is removed."""

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from fgm.collector.cgroups.finder import Cgroup, CgroupFinder
from fgm.collector.kernel.file_watch import FileWatch
from fgm.collector.kernel.kernel_file import Parser
from fgm.collector.sampling.limits.effective_limits import EffectiveLimits
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.occasional.cgroup_files import cgroup_files
from fgm.collector.sampling.occasional.rounds import Rounds
from fgm.collector.sampling.process_list import FolderListing, Listing
from fgm.collector.sampling.read_counts import ReadCounts, ReaderChanges
from fgm.collector.sampling.series_reader import SeriesReader
from fgm.collector.sampling.sources import CgroupSources, Source
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series

_SWAP_MAX = 1 + COLUMNS.index("memory.swap.max")
_YOUNG_TICKS = 10
"""Number of ticks during which a series is young: its network, names and scope may still become known."""


class Readers:
    """The readers of the node, which comes first, and of every recorded cgroup. Used by one thread at a time.

    `all`: readers in the order of the rows; `of_cgroups`: the same without the node; `young`: readers of new series;
    `limits`: the smallest limits on the way up from each; `exits`: watch of the containers' cgroup.events, which change
    when the last process of a container exits; `opened`: keys of the cgroups that were created since the caller last
    cleared it.
    """

    def __init__(self, finder: CgroupFinder, node: Node, counts: ReadCounts, rounds: Rounds) -> None:
        """Open the readers of all cgroups.

        `rounds`: files that are read less often; those of a series are closed with its reader.
        """
        self.changes = ReaderChanges()
        self.exits = FileWatch(fallback="container exits are seen at the next tick")
        self.node = node.reader(counts, self.changes)
        self.all = [self.node]
        self.of_cgroups: list[SeriesReader] = []
        self.young = [self.node]
        self._finder = finder
        self._devices = node.block_devices
        self._has_swap = node.has_swap
        self._sources = self._make_sources()
        self._counts = counts
        self._rounds = rounds
        self._parsers: dict[Source, Parser] = {}
        self.limits = EffectiveLimits(finder.hierarchies, self._sources, counts)
        self._by_key: dict[str, tuple[Cgroup, SeriesReader]] = {}
        self._inodes: dict[str, frozenset[tuple[int, int]]] = {}
        self._own_folders: dict[str, tuple[str, ...]] = {}
        self.opened: set[str] = set()
        self._update(set())

    @property
    def alive(self) -> Mapping[str, Series]:
        """The containers that had a process at the last tick, by full id."""
        return {
            reader.series.container_id: reader.series
            for reader in self.of_cgroups
            if reader.series.container_id is not None and reader.alive and not reader.gone
        }

    @property
    def unified_folders(self) -> Iterator[tuple[str, str]]:
        """The series key and the folder of each recorded cgroup that is in the hierarchy of v2."""
        for key, (cgroup, _) in self._by_key.items():
            if "unified" in cgroup.folders:
                yield key, cgroup.folders["unified"]

    def refresh(self, *, may_be_gone: bool) -> bool:
        """Open readers of new cgroups, and close those of removed ones; return whether `all` was replaced.

        `may_be_gone`: whether a reader may have noticed since the last call that its cgroup was removed.
        """
        changed = self._finder.refresh()
        has_new_sources = self._follow_swap()
        if not changed and not has_new_sources and not (may_be_gone and any(each.gone for each in self.of_cgroups)):
            return False
        self._update(changed, is_each_opened=has_new_sources)
        return True

    def listings(self) -> dict[str, Listing]:
        """Return the processes of every container at the last tick, by series key. Sandboxes are left out."""
        containers = (reader for reader in self.of_cgroups if reader.series.scope == "container")
        listings = (reader.listing() for reader in containers if not reader.gone)
        return {listing.series.key: listing for listing in listings if listing is not None and listing.texts}

    def other_listings(self) -> dict[str, FolderListing]:
        """Return lists of the processes of pods and of services, by series key; none of containers.

        A service is a cgroup without a recorded one below it. A pod has processes of its own only in some runtimes.
        """
        return {
            key: FolderListing(reader.series, self._own_folders[key], reader.series.scope == "cgroup")
            for key, (_, reader) in self._by_key.items()
            if key in self._own_folders and not reader.gone
        }

    def drop_grown_up(self) -> None:
        """Remove the readers from `young` that are no longer young."""
        self.young = [reader for reader in self.young if reader.age_ticks < _YOUNG_TICKS]

    def close(self) -> None:
        """Close the kernel files that every reader keeps open between ticks."""
        for reader in self.all:
            reader.close()
        self.exits.close()

    def _make_sources(self) -> CgroupSources:
        return CgroupSources(
            self._finder.hierarchies, self._devices, self._devices.parity_raids, has_swap=self._has_swap
        )

    def _follow_swap(self) -> bool:
        """Choose other files if the machine got swap space or has none any more; return whether that is so."""
        swap_bytes = self.node.row.item(_SWAP_MAX)
        if math.isnan(swap_bytes) or (swap_bytes > 0) is self._has_swap:
            return False
        self._has_swap = not self._has_swap
        self._sources = self._make_sources()
        return True

    def _update(self, changed: set[str], *, is_each_opened: bool = False) -> None:
        """Open and close readers, so that there is one for each cgroup of the finder.

        `is_each_opened`: whether all are opened again, because they read other files.
        `changed`: paths of cgroups that were created or removed. Open files below such a path may belong to an earlier
        cgroup with the same name, so they are opened again.
        """
        before, self._by_key = self._by_key, {}
        for cgroup in self._finder.cgroups:
            key = cgroup.series.key
            earlier, reader = before.pop(key, (None, None))
            is_outdated = is_each_opened or earlier != cgroup or not changed.isdisjoint(cgroup.paths)
            if reader is not None and (is_outdated or reader.gone):
                self._close(reader)
                reader = None
            self._by_key[key] = (cgroup, reader if reader is not None else self._open(cgroup, changed))
        for _, reader in before.values():
            self._close(reader)
            del self._inodes[reader.series.key]
            self.opened.discard(reader.series.key)
        self.of_cgroups = [reader for _, reader in self._by_key.values()]
        self.limits.arrange((cgroup.folders, reader) for cgroup, reader in self._by_key.values())
        self._own_folders = _own_folders([cgroup for cgroup, _ in self._by_key.values()])
        self.all = [self.node, *self.of_cgroups]
        self.young = self.all
        self.drop_grown_up()

    def _open(self, cgroup: Cgroup, changed: set[str]) -> SeriesReader:
        key = cgroup.series.key
        inodes = frozenset(_inodes(cgroup.folders))
        # Otherwise it is the same cgroup, such as in one more hierarchy, or an older one that was not recorded before.
        if inodes.isdisjoint(self._inodes.get(key, ())) and _is_below(cgroup.paths, changed):
            self.opened.add(key)
        self._inodes[key] = inodes
        is_container = cgroup.series.scope == "container"
        reader = SeriesReader(
            cgroup.series,
            self._sources.of(cgroup.folders, is_service=cgroup.is_service),
            cgroup.processes if is_container else (),
            self._counts,
            self._parsers,
            checks_liveness=is_container,
            changes=self.changes,
        )
        if is_container and reader.events_path is not None:
            self.exits.add(reader.events_path)
        if (occasional := cgroup_files(cgroup.folders, self._counts)) is not None:
            self._rounds.add(key, "cgroup", occasional)
        return reader

    def _close(self, reader: SeriesReader) -> None:
        if reader.events_path is not None:
            self.exits.remove(reader.events_path)
        self._rounds.remove(reader.series.key)
        reader.close()


def _is_below(paths: Collection[str], changed: Collection[str]) -> bool:
    """Return whether one of these paths, or a path above it, has changed."""
    return any(path == each or path.startswith(f"{each}/") for path in paths for each in changed)


def _own_folders(cgroups: Sequence[Cgroup]) -> dict[str, tuple[str, ...]]:
    """Return the folders of pods, and of services without a recorded cgroup below them, by series key."""
    above = {path.rsplit("/", depth)[0] for path in map(_path, cgroups) for depth in range(1, path.count("/"))}
    return {
        cgroup.series.key: tuple(folders[0] for folders in cgroup.processes)
        for cgroup in cgroups
        if cgroup.series.scope == "pod" or (cgroup.series.scope == "cgroup" and _path(cgroup) not in above)
    }


def _path(cgroup: Cgroup) -> str:
    return cgroup.series.cgroup or ""


def _inodes(folders: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Yield the device and inode of each folder that exists. A removed cgroup's inode is not used again.

    Source: kernfs_new_node() in fs/kernfs/dir.c, which numbers them in a cycle of 2^32, with a generation above it.
    """
    for folder in folders.values():
        try:
            status = os.stat(folder)
        except OSError:
            continue
        yield status.st_dev, status.st_ino
