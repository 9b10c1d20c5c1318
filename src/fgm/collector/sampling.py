"""One tick: reads every recorded cgroup and the node, and gives their rows as one array.

The newest values of all series are one table, into which the sweep puts what changed; a tick is a copy of it.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import is_not

import numpy as np
from numpy.typing import NDArray

from fgm.collector.cgroups import Cgroup, CgroupFinder
from fgm.collector.kernel_file import Parser, columns_of
from fgm.collector.node import Node
from fgm.collector.process_list import Listing
from fgm.collector.series_reader import ReadCounts, SeriesReader
from fgm.collector.sources import SLOW_EVERY_S, cgroup_sources
from fgm.collector.sweep import Sweep
from fgm.metrics.catalogue import COLUMNS
from fgm.store.journal import Tick
from fgm.store.series import Series

_MEMORY, _SWAP = 1 + COLUMNS.index("memory.current"), 1 + COLUMNS.index("memory.swap.current")
_SANDBOX_SEEN_WITHIN_TICKS = 10


class Sampler:
    """Everything that is read at a tick. Used by one thread at a time.

    `monotonic`: the clock by which lateness is measured, in seconds.
    """

    def __init__(
        self,
        finder: CgroupFinder,
        node: Node,
        proc_root: str,
        interval_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self.counts = ReadCounts()
        self._finder = finder
        self._node = node
        self._proc_root = proc_root
        self._monotonic = monotonic
        self._slow_every = max(1, round(SLOW_EVERY_S / interval_s))
        self._tick = 0
        self._cgroups: dict[str, tuple[Cgroup, SeriesReader]] = {}
        self._parsers: dict[str, Parser] = {}
        self._node_reader = node.reader(self.counts)
        self._series: tuple[Series, ...] = ()
        self._offered: deque[tuple[str, Mapping[str, float]]] = deque()
        self._sweep = Sweep([self._node_reader])
        self._take_cgroups(set())

    def tick(self, time_ms: int, due: float) -> Tick:
        """Read everything once. `due`: the instant at which `time_ms` was, by the monotonic clock."""
        changed = self._finder.refresh()
        if changed or any(reader.gone for _, reader in self._cgroups.values()):
            self._take_cgroups(changed)
        if self._tick % self._slow_every == 0:
            self._node.look_for_devices()
        readers = self._readers()
        self._read(readers)
        self._tick += 1
        active = [i for i, reader in enumerate(readers) if not reader.gone and (reader.alive or reader.was_alive)]
        rows = self._sweep.table[active]
        rows[:, 0] = [(readers[i].read_at - due) * 1000 for i in active]
        if not self._finder.hierarchies.is_v2:  # there, the file of a cgroup counts memory and swap together
            cgroups = rows[active[0] == 0 :]
            cgroups[:, _SWAP] = np.maximum(cgroups[:, _SWAP] - cgroups[:, _MEMORY], 0)
        series = tuple(readers[i].series for i in active)
        if len(series) != len(self._series) or any(map(is_not, series, self._series)):
            self._series = series
        self._put_offered(rows)
        return Tick(time_ms, self._series, rows)

    def offer(self, key: str, values: Mapping[str, float]) -> None:
        """Put values that were measured elsewhere into the series' next row, once. From any thread."""
        self._offered.append((key, values))

    def listings(self) -> dict[str, Listing]:
        """Return the processes of every container but sandboxes, as they were at the last tick, by series key."""
        readers = (reader for _, reader in self._cgroups.values() if reader.series.scope == "container")
        found = (reader.listing() for reader in readers if not reader.gone)
        return {listing.series.key: listing for listing in found if listing is not None and listing.texts}

    @property
    def alive(self) -> Mapping[str, Series]:
        """The containers that had a living process at the last tick, by full id."""
        return {
            reader.series.container_id: reader.series
            for _, reader in self._cgroups.values()
            if reader.series.container_id is not None and reader.alive and not reader.gone
        }

    def reads(self) -> Iterator[tuple[str, float]]:
        """Yield each kept file and how often it is read, in ticks a read."""
        for reader in self._readers():
            for path, is_slow in reader.files:
                yield path, self._slow_every if is_slow else 1

    def close(self) -> None:
        """Close all kept files."""
        for reader in self._readers():
            reader.close()

    def _read(self, readers: Sequence[SeriesReader]) -> None:
        for reader in readers:
            reader.age_ticks += 1
            reader.was_alive = reader.alive
            if reader.age_ticks == 1:
                reader.read_slow()
        for reader in readers[self._tick % self._slow_every :: self._slow_every]:
            reader.read_slow()
        if not all(reader.is_swept for reader in readers):
            self._sweep.settle()
            self._sweep = Sweep(readers)
        self._sweep.read(self._monotonic)
        for reader in readers:
            if reader.age_ticks <= _SANDBOX_SEEN_WITHIN_TICKS:
                self._recognise_sandbox(reader)

    def _put_offered(self, rows: NDArray[np.float64]) -> None:
        if not self._offered:
            return
        places = {series.key: i for i, series in enumerate(self._series)}
        while self._offered:
            key, values = self._offered.popleft()
            if key in places:
                rows[places[key], columns_of(tuple(values))] = list(values.values())

    def _readers(self) -> list[SeriesReader]:
        return [self._node_reader, *(reader for _, reader in self._cgroups.values())]

    def _take_cgroups(self, changed: set[str]) -> None:
        """Open what is new. `changed`: paths whose kept files may be another cgroup's of the same name."""
        before, self._cgroups = self._cgroups, {}
        for cgroup in self._finder.cgroups:
            known = before.pop(cgroup.series.key, None)
            is_same = (
                known is not None and known[0] == cgroup and not known[1].gone and changed.isdisjoint(cgroup.paths)
            )
            if known is not None and is_same:
                self._cgroups[cgroup.series.key] = known
                continue
            if known is not None:
                known[1].close()
            self._cgroups[cgroup.series.key] = (cgroup, self._open(cgroup))
        for _, reader in before.values():
            reader.close()
        self._sweep.settle()
        self._sweep = Sweep(self._readers())

    def _open(self, cgroup: Cgroup) -> SeriesReader:
        is_container = cgroup.series.scope == "container"
        return SeriesReader(
            cgroup.series,
            cgroup_sources(cgroup.folders, self._finder.hierarchies, self._node.stacked_devices),
            cgroup.processes if is_container else (),
            self.counts,
            self._parsers,
            asks_alive=is_container,
        )

    def _recognise_sandbox(self, reader: SeriesReader) -> None:
        """Mark a pod's sandbox: a container whose only process is called pause."""
        if reader.series.scope != "container" or reader.series.pod_uid is None:
            return
        pid = reader.only_process()
        if not pid:
            return
        try:
            with open(os.path.join(self._proc_root, str(pid), "comm"), "rb") as file:
                if file.read(64) == b"pause\n":
                    reader.series = replace(reader.series, scope="sandbox")
        except OSError:
            return  # the process ended; the next tick looks again
