"""The node as a series, and the block devices and network interfaces that are counted for it."""

import os
from typing import TypeVar

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.series_reader import ReaderChanges, SeriesReader
from fgm.collector.sampling.sources import node_sources
from fgm.store.samples.series import Series

_T = TypeVar("_T")
_NOT_DISKS = ("loop", "ram", "zram", "sr", "fd")


class Node:
    """The node and its devices.

    `disks`: names of counted block devices; `stacked_devices`: (major, minor) of block devices that are not counted.
    All sets are changed in place, because parsers refer to them.
    """

    def __init__(self, name: str, proc_root: str, sys_root: str, hierarchies: Hierarchies) -> None:
        self.name = name
        self.disks: set[str] = set()
        self.stacked_devices: set[tuple[int, int]] = set()
        self.uncounted_interfaces: set[str] = set()
        self._proc_root = proc_root
        self._block = os.path.join(sys_root, "block")
        self._virtual = os.path.join(sys_root, "devices", "virtual", "net")
        self._interfaces = os.path.join(sys_root, "class", "net")
        self._hierarchies = hierarchies
        self.find_devices()

    def find_devices(self) -> None:
        """Find the devices to count.

        Stacked disks (LVM, RAID, dm-crypt) and virtual interfaces (bridges, veth) repeat the traffic of the devices
        below them, so they are not counted. If a node has only virtual interfaces, those are counted.
        """
        virtual = set(_list(self._virtual))
        has_others = bool(set(_list(self._interfaces)) - virtual)
        _replace(self.uncounted_interfaces, virtual if has_others else {"lo"})
        disks, stacked = set(), set()
        for name in _list(self._block):
            if name.startswith(_NOT_DISKS):
                continue
            try:
                is_stacked = bool(os.listdir(os.path.join(self._block, name, "slaves")))
            except OSError:
                is_stacked = False
            if not is_stacked:
                disks.add(name)
                continue
            device = self._device(name)
            if device is not None:
                stacked.add(device)
        _replace(self.disks, disks)
        _replace(self.stacked_devices, stacked)

    def reader(self, counts: ReadCounts, changes: ReaderChanges) -> SeriesReader:
        """Return a new reader for the row of the node."""
        sources = node_sources(
            self._proc_root,
            self._hierarchies,
            self.disks,
            self.uncounted_interfaces,
            os.sysconf("SC_CLK_TCK"),
        )
        series = Series("node", node_name=self.name)
        return SeriesReader(series, sources, (), counts, {}, checks_liveness=False, changes=changes)

    def _device(self, name: str) -> tuple[int, int] | None:
        try:
            with open(os.path.join(self._block, name, "dev"), encoding="ascii") as file:
                major, minor = file.read().split(":")
        except (OSError, ValueError):
            return None
        return int(major), int(minor)


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _replace(members: set[_T], new: set[_T]) -> None:
    members.intersection_update(new)
    members.update(new)
