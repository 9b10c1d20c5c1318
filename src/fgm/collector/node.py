"""The node's own row, and which of its block devices count."""

import os

from fgm.collector.hierarchies import Hierarchies
from fgm.collector.series_reader import ReadCounts, SeriesReader
from fgm.collector.sources import node_sources
from fgm.store.series import Series

_NOT_DISKS = ("loop", "ram", "zram", "sr", "fd")


class Node:
    """The node as a series. Its sets of devices are updated in place, so that parsers that hold them see it."""

    def __init__(self, name: str, proc_root: str, sys_root: str, hierarchies: Hierarchies) -> None:
        self.name = name
        self.disks: set[str] = set()
        self.stacked_devices: set[tuple[int, int]] = set()
        self._proc_root = proc_root
        self._block = os.path.join(sys_root, "block")
        self._hierarchies = hierarchies
        self.look_for_disks()

    def look_for_disks(self) -> None:
        """Learn which disks there are. Stacked ones (LVM, RAID, dm-crypt) count what the disks below count again."""
        disks, stacked = set(), set()
        for name in self._names():
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
        self.disks.symmetric_difference_update(self.disks ^ disks)
        self.stacked_devices.symmetric_difference_update(self.stacked_devices ^ stacked)

    def reader(self, counts: ReadCounts) -> SeriesReader:
        """Return what reads the node's row."""
        sources = node_sources(self._proc_root, self._hierarchies, self.disks, os.sysconf("SC_CLK_TCK"))
        return SeriesReader(Series("node", node_name=self.name), sources, (), counts, asks_alive=False)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._block)
        except OSError:
            return []

    def _device(self, name: str) -> tuple[int, int] | None:
        try:
            with open(os.path.join(self._block, name, "dev"), encoding="ascii") as file:
                major, minor = file.read().split(":")
        except (OSError, ValueError):
            return None
        return int(major), int(minor)
