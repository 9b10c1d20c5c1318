"""One tick: reads every recorded cgroup and the node, and gives their rows as one array.

The newest values of all series are one table, into which the sweep puts what changed; a tick is a copy of it.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from operator import is_not
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.collector.cgroups.finder import Cgroup, CgroupFinder
from fgm.collector.kernel.exit_watch import EndWatch
from fgm.collector.kernel.kernel_file import Parser, columns_of
from fgm.collector.sampling.back_off import EXPENSIVE, BackOff
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.own_cost import COLUMNS_OF_COST, OwnCost
from fgm.collector.sampling.pod_network import network_of, network_parser, pod_network
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.series_reader import LOOK_EVERY, Changes, ReadCounts, SeriesReader
from fgm.collector.sampling.sources import SLOW_EVERY_S, cgroup_sources
from fgm.collector.sampling.sweep import Sweep
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

log = logging.getLogger(__name__)

_MEMORY, _SWAP = 1 + COLUMNS.index("memory.current"), 1 + COLUMNS.index("memory.swap.current")
_NEW_WITHIN_TICKS = 10
_NEVER = -1


class FinalRow(NamedTuple):
    """What was read of a container right after its last process had ended; `read_at` by the monotonic clock."""

    series: Series
    row: NDArray[np.float64]
    read_at: float


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
        self._interval_ms = round(1000 * interval_s)
        self._tick = 0
        self._last_ms: int | None = None
        self._cgroups: dict[str, tuple[Cgroup, SeriesReader]] = {}
        self._parsers: dict[str, Parser] = {}
        self._changes = Changes()
        self._lives_seen = _NEVER
        self._node_reader = node.reader(self.counts, self._changes)
        self._readers = [self._node_reader]
        self._young = [self._node_reader]
        self._active = np.empty(0, np.intp)
        self._network_parser = network_parser()
        self._back_off = BackOff(interval_s)
        self.ends = EndWatch()
        self._final_rows: dict[str, FinalRow] = {}
        self.cost = OwnCost()
        self._skipped_reads = 0
        self._series: tuple[Series, ...] = ()
        self._offered: deque[tuple[str, Mapping[str, float]]] = deque()
        self._name: Callable[[Series], Series] | None = None
        self._named_by: Callable[[Series], Series] | None = None
        self._sweep = Sweep([self._node_reader])
        self._take_cgroups(set())

    def tick(self, time_ms: int, due: float) -> Tick:
        """Read everything once. `due`: the instant at which `time_ms` was, by the monotonic clock."""
        begun = self._monotonic()
        if self._last_ms is not None:
            self.cost.missed_ticks += max(0, (time_ms - self._last_ms) // self._interval_ms - 1)
        self._last_ms = time_ms
        changed = self._finder.refresh()
        lives_before = self._changes.lives
        if changed or (lives_before != self._lives_seen and any(reader.gone for _, reader in self._cgroups.values())):
            self._take_cgroups(changed)
        if self._tick % self._slow_every == 0:
            self._node.look_for_devices()
        if lives_before != self._lives_seen:
            for reader in self._readers:
                reader.was_alive = reader.alive
        self._read()
        read_at = np.array(self._sweep.read_at)  # measuring may put another sweep in the place of this one
        is_other = self._name_series()
        self._tick += 1
        self._measure(self._monotonic() - begun)
        if is_other or self._young or self._changes.lives != self._lives_seen:
            self._find_active()
        self._lives_seen = lives_before
        self._young = [reader for reader in self._young if reader.age_ticks < _NEW_WITHIN_TICKS]
        rows = self._sweep.table.take(self._active, axis=0)
        rows[:, 0] = (read_at.take(self._active) - due) * 1000
        series = self._series
        if self._final_rows:
            rows, series = self._with_final_rows(rows, series, due)
        if not self._finder.hierarchies.is_v2:  # there, the file of a cgroup counts memory and swap together
            cgroups = rows[1 if series and series[0].scope == "node" else 0 :]
            cgroups[:, _SWAP] = np.maximum(cgroups[:, _SWAP] - cgroups[:, _MEMORY], 0)
        self._put_offered(rows, series)
        return Tick(time_ms, series, rows)

    @property
    def skipped_reads(self) -> int:
        """How many reads were left out by backing off, so far."""
        return self._skipped_reads

    def set_clock(self) -> None:
        """Take that the next tick's time is not comparable with the last one's: none is missed between them."""
        self._last_ms = None

    def offer(self, key: str, values: Mapping[str, float]) -> None:
        """Put values that were measured elsewhere into the series' next row, once. From any thread."""
        self._offered.append((key, values))

    def name_by(self, name: Callable[[Series], Series]) -> None:
        """Call series as `name` says, from the next tick on. It returns the same object where it has nothing to say.

        From any thread.
        """
        self._name = name

    def listings(self) -> dict[str, Listing]:
        """Return the processes of every container but sandboxes, as they were at the last tick, by series key."""
        readers = (reader for _, reader in self._cgroups.values() if reader.series.scope == "container")
        found = (reader.listing() for reader in readers if not reader.gone)
        return {listing.series.key: listing for listing in found if listing is not None and listing.texts}

    def read_ended(self) -> list[FinalRow]:
        """Read once more the containers whose last process ended, for a row of the next tick: soon they are gone."""
        changed, ended = self.ends.changes(), []
        for _, reader in self._cgroups.values():
            if reader.events_path in changed and reader.read_again() and not reader.alive:
                final = FinalRow(reader.series, reader.row.copy(), self._monotonic())
                self._final_rows[reader.series.key] = final
                ended.append(final)
        return ended

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
        for reader in self._readers:
            for path, is_slow in reader.files:
                yield path, self._slow_every if is_slow else 1

    def close(self) -> None:
        """Close all kept files."""
        for reader in self._readers:
            reader.close()
        self.ends.close()
        self.cost.close()

    def _read(self) -> None:
        for reader in self._young:
            reader.age_ticks += 1
            if reader.age_ticks == 1:
                reader.read_slow()
        for reader in self._readers[self._tick % self._slow_every :: self._slow_every]:
            reader.read_slow()
        is_time = self._tick % (LOOK_EVERY * self._slow_every) == 0
        self._look_for_networks(self._readers if is_time else self._young)
        if self._changes.files:
            self._make_sweep()
        self._sweep.read(self._monotonic)
        for reader in self._young:
            self._recognise_sandbox(reader)

    def _name_series(self) -> bool:
        """Name all series if there are other names; new ones in any case, and while they may prove sandboxes."""
        name, is_other = self._name, self._name is not self._named_by
        if name is not None:
            for reader in self._readers if is_other else self._young:
                reader.series = name(reader.series)
        self._named_by = name
        return is_other

    def _find_active(self) -> None:
        """Find who has a row in this tick, and in the following ones until something changes."""
        there = [not reader.gone and (reader.alive or reader.was_alive) for reader in self._readers]
        self._active = np.flatnonzero(there)
        series = tuple(reader.series for reader in compress(self._readers, there))
        if len(series) != len(self._series) or any(map(is_not, series, self._series)):
            self._series = series

    def _put_offered(self, rows: NDArray[np.float64], series: Sequence[Series]) -> None:
        if not self._offered:
            return
        places = {one.key: i for i, one in enumerate(series)}
        while self._offered:
            key, values = self._offered.popleft()
            if key in places:
                rows[places[key], columns_of(tuple(values))] = list(values.values())

    def _make_sweep(self) -> None:
        self._sweep.settle()
        self._sweep = Sweep(self._readers, EXPENSIVE if self._back_off.is_on else ())
        self._changes.files = False

    def _measure(self, sweep_s: float) -> None:
        self._skipped_reads += self._sweep.skipped
        failed = sum(self.counts.failed.values())
        self._node_reader.row[COLUMNS_OF_COST] = self.cost.values(sweep_s, failed, self._skipped_reads)
        if self._back_off.see(sweep_s):
            log.warning(
                "sweeps take too long; expensive files are read at every second tick"
                if self._back_off.is_on
                else "sweeps are short again; all files are read at every tick",
                extra=fields(sweep_ms=round(sweep_s * 1000)),
            )
            self._make_sweep()

    def _look_for_networks(self, readers: Sequence[SeriesReader]) -> None:
        """Begin to read the network of the pods of these containers, where they have a process by now."""
        containers = [reader for reader in readers if reader.series.container_id and reader.series.pod_uid]
        if not containers:
            return
        host = network_of(self._proc_root, 1)
        pods = {reader.series.pod_uid: reader for _, reader in self._cgroups.values() if reader.series.scope == "pod"}
        for reader in containers:
            pod = pods.get(reader.series.pod_uid)
            pids = set() if pod is None or pod.has_network else reader.pids
            if pod is None or not pids:
                continue
            file = pod_network(self._proc_root, min(pids), host, self._network_parser)
            if file is not None:
                pod.read_network(file)

    def _with_final_rows(
        self, rows: NDArray[np.float64], series: tuple[Series, ...], due: float
    ) -> tuple[NDArray[np.float64], tuple[Series, ...]]:
        """Add what was read last of containers that have gone since."""
        there = {one.key for one in series}
        final = [last for key, last in self._final_rows.items() if key not in there]
        self._final_rows.clear()
        for last in final:
            last.row[0] = (last.read_at - due) * 1000
        return np.vstack([rows, *(last.row for last in final)]), (*series, *(last.series for last in final))

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
                self._close(known[1])
            self._cgroups[cgroup.series.key] = (cgroup, self._open(cgroup))
        for _, reader in before.values():
            self._close(reader)
        self._readers = [self._node_reader, *(reader for _, reader in self._cgroups.values())]
        self._young = [reader for reader in self._readers if reader.age_ticks < _NEW_WITHIN_TICKS]
        self._lives_seen = _NEVER  # all have other places
        self._make_sweep()

    def _open(self, cgroup: Cgroup) -> SeriesReader:
        is_container = cgroup.series.scope == "container"
        reader = SeriesReader(
            cgroup.series,
            cgroup_sources(cgroup.folders, self._finder.hierarchies, self._node.stacked_devices),
            cgroup.processes if is_container else (),
            self.counts,
            self._parsers,
            asks_alive=is_container,
            changes=self._changes,
        )
        if is_container and reader.events_path is not None:
            self.ends.add(reader.events_path)
        return reader

    def _close(self, reader: SeriesReader) -> None:
        if reader.events_path is not None:
            self.ends.remove(reader.events_path)
        reader.close()

    def _recognise_sandbox(self, reader: SeriesReader) -> None:
        """Mark a pod's sandbox: a container whose only process is called pause."""
        if reader.series.scope != "container" or reader.series.pod_uid is None or reader.series.container_name:
            return
        pids = reader.pids
        if len(pids) != 1:
            return
        try:
            with open(os.path.join(self._proc_root, str(*pids), "comm"), "rb") as file:
                if file.read(64) == b"pause\n":
                    reader.series = replace(reader.series, scope="sandbox")
        except OSError:
            return  # the process ended; the next tick looks again
