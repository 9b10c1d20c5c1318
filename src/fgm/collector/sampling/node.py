"""The node as a series, and the block devices and network interfaces of the host."""

import os

from fgm.collector.accounting.node_cpu import NodeCpu
from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.devices.block_devices import BlockDevices
from fgm.collector.devices.interfaces import Interfaces
from fgm.collector.sampling.read_counts import ReadCounts, ReaderChanges
from fgm.collector.sampling.series_reader import SeriesReader
from fgm.collector.sampling.sources import node_sources
from fgm.parse.errors import ParseError
from fgm.parse.procfs import meminfo
from fgm.store.samples.series import Series


class Node:
    """The node and its devices.

    `block_devices`: also those of cgroups; `interfaces`: those of the host's network; `cpu`: its CPU time.
    """

    def __init__(self, name: str, proc_root: str, sys_root: str, hierarchies: Hierarchies) -> None:
        self.name = name
        self.block_devices = BlockDevices(sys_root)
        self.interfaces = Interfaces(os.path.join(proc_root, "1", "net"), sys_root)
        self.cpu = NodeCpu(os.sysconf("SC_CLK_TCK"))
        self._proc_root = proc_root
        self._hierarchies = hierarchies

    @property
    def has_swap(self) -> bool:
        """Whether the machine has swap space now; True if that cannot be read."""
        try:
            with open(os.path.join(self._proc_root, "meminfo"), "rb", buffering=0) as file:
                return meminfo(file.read()).get("memory.swap.max") != 0
        except (OSError, ParseError):
            return True

    def look_again(self) -> None:
        """Find out again which devices are counted. New ones are looked up at once, without this."""
        self.block_devices.look_again()
        self.interfaces.look_again()

    def reader(self, counts: ReadCounts, changes: ReaderChanges) -> SeriesReader:
        """Return a new reader for the row of the node."""
        sources = node_sources(
            self._proc_root,
            self._hierarchies,
            self.block_devices.counted,
            self.interfaces.counted,
            self.cpu,
        )
        series = Series("node", node_name=self.name)
        return SeriesReader(series, sources, (), counts, {}, checks_liveness=False, changes=changes)
