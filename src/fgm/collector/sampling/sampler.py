"""Samples every recorded cgroup and the node: each tick is one array with a row for each series."""

import logging
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import compress
from operator import is_not

import numpy as np

from fgm.collector.accounting.outside import Outside
from fgm.collector.accounting.sandboxes import Sandboxes
from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.sampling.additions import Additions, FinalRow
from fgm.collector.sampling.back_off import EXPENSIVE, BackOff
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.occasional.cgroup_files import node_pressure
from fgm.collector.sampling.occasional.disks import Disks
from fgm.collector.sampling.occasional.labelled_values import DISK_FILES, LabelledValues
from fgm.collector.sampling.occasional.network_files import node_network
from fgm.collector.sampling.occasional.resources import Resources
from fgm.collector.sampling.occasional.rounds import Rounds
from fgm.collector.sampling.own_cost import COLUMNS_OF_COST, OwnCost
from fgm.collector.sampling.pod_network import PodNetworks
from fgm.collector.sampling.process_list import runs_only_pause
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.reader_set import Readers
from fgm.collector.sampling.series_reader import REOPEN_EVERY, SeriesReader
from fgm.collector.sampling.sources import SLOW_EVERY_S
from fgm.collector.sampling.sweep import Sweep
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.chunk import rounded_late_ms
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from fgm.store.tables.table_rows import LabelledRow

log = logging.getLogger(__name__)

_CPU_USAGE = 1 + COLUMNS.index("cpu.stat.usage_usec")
_MEMORY, _SWAP = 1 + COLUMNS.index("memory.current"), 1 + COLUMNS.index("memory.swap.current")
_OOM_KILLS = 1 + COLUMNS.index("memory.events.oom_kill")
_NEVER = -1
LIMITS_SETTLE_TICKS = 4
"""Number of ticks after which limits are read once more: the kubelet may write them after the API has the new ones."""

NameSeries = Callable[[Series], Series]
"""Function that returns a series with its names; the same object if nothing changes."""


class Sampler:
    """Reads all files, once per tick. Used by one thread at a time, except `name_by` and `additions.offer`.

    One table has the newest values, with a row for each series. A sweep updates the values that changed. A tick is a
    copy of the rows of the series that are present.

    `labelled_rows`: labelled values that were read and not taken yet; the caller clears it.
    """

    def __init__(
        self,
        finder: CgroupFinder,
        node: Node,
        proc_root: str,
        interval_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        """`monotonic`: clock in seconds, by which lateness is measured."""
        self.counts = ReadCounts()
        self.cost = OwnCost(self.counts, round(1000 * interval_s))
        self.additions = Additions()
        self._slow_every = math.ceil(SLOW_EVERY_S / interval_s)
        self._rounds = Rounds(self._slow_every)
        self._rounds.add("node", "network", node_network(proc_root, os.sysconf("SC_PAGE_SIZE"), self.counts))
        self._rounds.add("node", "pressure", node_pressure(proc_root, self.counts))
        self.readers = Readers(finder, node, self.counts, self._rounds)
        self._node = node
        self._outside = Outside(node.name)
        self._sandboxes = Sandboxes()
        self._labelled = LabelledValues(Disks(node.block_devices), Resources(finder.hierarchies.unified, self.counts))
        self.labelled_rows: list[LabelledRow] = []
        self._networks = PodNetworks(proc_root, self._rounds, self.counts)
        self._proc_root = proc_root
        self._monotonic = monotonic
        self._interval_s = interval_s
        self._back_off = BackOff(interval_s)
        self._tick = 0
        self._have_limits_changed = False
        self._limits_again_at = _NEVER
        self._checks_seen = _NEVER
        self._name: NameSeries | None = None
        self._named_by: NameSeries | None = None
        self._present = np.empty(0, np.intp)
        self._series: tuple[Series, ...] = ()
        self._swap_includes_memory = "memory" in finder.hierarchies.v1
        self._sweep = Sweep(self.readers.all)
        self._swept_file_sets = self.readers.changes.file_sets

    def tick(self, time_ms: int, due: float) -> Tick:
        """Read all files; return the tick. `due`: monotonic time of `time_ms` in seconds."""
        begun = self._monotonic()
        self.cost.begin_tick(time_ms)
        changes = self.readers.changes
        checks_before = changes.liveness_checks
        if self.readers.refresh(may_be_gone=checks_before != self._checks_seen):
            self._make_sweep()
            self._checks_seen = _NEVER
            self._sandboxes.keep({reader.series.key for reader in self.readers.of_cgroups})
        if self._tick % self._slow_every == 0:
            self._node.look_again()
        if checks_before != self._checks_seen:
            for reader in self.readers.all:
                reader.was_alive = reader.alive
        self._read()
        for key, values in self._rounds.step():
            self.additions.offer(key, values)
        read_at = np.array(self._sweep.read_at)  # before measuring, which may replace the sweep
        has_new_names = self._name_series()
        self._tick += 1
        self._measure(self._monotonic() - begun)
        if has_new_names or self.readers.young or changes.liveness_checks != self._checks_seen:
            self._find_present()
        self._checks_seen = checks_before
        self.readers.drop_grown_up()
        rows = self._sweep.table.take(self._present, axis=0)
        rows[:, 0] = rounded_late_ms((read_at.take(self._present) - due) * 1000)
        opened = self._take_opened() if self.readers.opened else frozenset[str]()
        rows, series = self.additions.add_to(rows, self._series, due)
        if self._swap_includes_memory:
            # memory.memsw.* of cgroup v1 counts memory and swap together. Kernel: admin-guide/cgroup-v1/memory.rst.
            # The node's swap comes from /proc/meminfo, which counts it alone.
            cgroups = rows[1 if series and series[0].scope == "node" else 0 :]
            cgroups[:, _SWAP] = np.maximum(cgroups[:, _SWAP] - cgroups[:, _MEMORY], 0)
        rows, series = self._outside.add_to(rows, series, opened)
        if self._tick % self._slow_every == 1:  # after the first tick, whose texts are all there
            self._read_labelled(time_ms)
        return Tick(time_ms, series, rows, opened)

    def name_by(self, name: NameSeries) -> None:
        """Set the function for the names of series, from the next tick on. Thread-safe."""
        self._name = name

    def read_limits(self) -> None:
        """Read all limits at the next tick, and again some ticks later, because they have changed. Thread-safe."""
        self._have_limits_changed = True

    def read_exited(self) -> list[FinalRow]:
        """Read the containers again whose last process has exited; return the rows, and add them to the next tick.

        Without this, a cgroup that is removed before that tick would have no last row.
        """
        changed, exited = self.readers.exits.modified() or (), []
        for reader in self.readers.of_cgroups:
            if reader.events_path in changed and reader.read_between_ticks() and not reader.alive:
                final = FinalRow(reader.series, reader.row.copy(), self._monotonic())
                self.additions.add_final_row(final)
                exited.append(final)
        return exited

    def reads(self) -> Iterator[tuple[str, float]]:
        """Yield the path of each file that is read, and the number of ticks from one read to the next."""
        for reader in self.readers.all:
            for path, every_s in reader.files:
                yield path, max(1, math.ceil(every_s / self._interval_s))
        yield from ((path, self._rounds.ticks) for path in (*self._rounds.paths, *self._labelled.paths))

    def close(self) -> None:
        """Close the kernel files that are kept open between ticks."""
        self.readers.close()
        self._rounds.close()
        self.cost.close()

    def _read(self) -> None:
        readers = self.readers
        for reader in readers.young:
            reader.age_ticks += 1
            if reader.age_ticks == 1:
                reader.read_slow()
        are_all_due = self._are_all_limits_due()
        for reader in readers.all if are_all_due else readers.all[self._tick % self._slow_every :: self._slow_every]:
            reader.read_slow()
        if are_all_due or self._tick % self._slow_every == 0:
            readers.limits.read_above(readers.node.row)
        now = self._monotonic()
        for reader in readers.of_cgroups:
            reader.read_processes(now)
        is_time_for_all = self._tick % (REOPEN_EVERY * self._slow_every) == 0
        self._networks.open_missing(readers.all if is_time_for_all else readers.young, readers.of_cgroups)
        if readers.changes.file_sets != self._swept_file_sets:
            self._make_sweep()
        self._sweep.read(self._monotonic)
        usage_usec = self._node.cpu.usage_usec(self._sweep.read_at[0])
        if usage_usec is not None:
            readers.node.row[_CPU_USAGE] = usage_usec
        readers.limits.update_rows(readers.node.row, readers.changes.limits)
        self._recognise_sandboxes(now)

    def _recognise_sandboxes(self, now: float) -> None:
        for reader in self.readers.young:
            self._recognise_sandbox(reader)
        for reader in self.readers.all[self._tick % self._slow_every :: self._slow_every]:
            if self._sandboxes.look(reader.series, reader.row, now):
                reader.series = self._sandboxes.classify(reader.series)
                self._checks_seen = _NEVER  # so that the series of the tick are found again

    def _are_all_limits_due(self) -> bool:
        if self._have_limits_changed:
            self._have_limits_changed = False  # before reading: a change during it is read at the next tick
            self._limits_again_at = self._tick + LIMITS_SETTLE_TICKS - 1
            return True
        return self._tick == self._limits_again_at

    def _read_labelled(self, time_ms: int) -> None:
        self.labelled_rows += self._labelled.rows(
            time_ms,
            {series.key: series for series in self._series},
            ((reader.series.key, name, text) for reader, name, text in self._sweep.texts(DISK_FILES)),
            self.readers.unified_folders,
        )

    def _recognise_sandbox(self, reader: SeriesReader) -> None:
        series = reader.series
        if series.scope != "container" or series.pod_uid is None or series.container_name:
            return
        if runs_only_pause(self._proc_root, reader.pids):
            reader.series = self._sandboxes.classify(replace(series, scope="sandbox"))

    def _name_series(self) -> bool:
        """Name the young series, which may still become sandboxes, or all series if there are new names.

        Return whether there are new names.
        """
        name, has_new_names = self._name, self._name is not self._named_by
        if name is not None:
            for reader in self.readers.all if has_new_names else self.readers.young:
                reader.series = self._sandboxes.classify(name(reader.series))
        self._named_by = name
        return has_new_names

    def _find_present(self) -> None:
        """Find the series that have a row in this tick, and in the following ones until something changes.

        A new container has a row if it has a process, or if it had one that was killed before the tick.
        """
        readers, opened = self.readers.all, self.readers.opened
        is_present = [
            not reader.gone
            and (reader.alive or reader.was_alive or (reader.series.key in opened and reader.row[_OOM_KILLS] > 0))
            for reader in readers
        ]
        self._present = np.flatnonzero(is_present)
        series = tuple(reader.series for reader in compress(readers, is_present))
        if len(series) != len(self._series) or any(map(is_not, series, self._series)):
            self._series = series  # otherwise keep the tuple, so that `is` shows that nothing changed

    def _take_opened(self) -> frozenset[str]:
        """Return the keys of the new cgroups that have a row in this tick. Those without a process keep waiting."""
        opened = self.readers.opened.intersection(series.key for series in self._series)
        self.readers.opened -= opened
        return frozenset(opened)

    def _make_sweep(self) -> None:
        self._sweep.settle()
        self._sweep = Sweep(self.readers.all, EXPENSIVE if self._back_off.is_on else ())
        self._swept_file_sets = self.readers.changes.file_sets

    def _measure(self, sweep_s: float) -> None:
        self.cost.skipped_reads += self._sweep.skipped
        self.readers.node.row[COLUMNS_OF_COST] = self.cost.values(sweep_s)
        if self._back_off.add(sweep_s):
            log.warning(
                "sweeps take too long; reading expensive files at every second tick"
                if self._back_off.is_on
                else "sweeps are short again; reading all files at every tick",
                extra=fields(sweep_ms=round(sweep_s * 1000)),
            )
            self._make_sweep()
