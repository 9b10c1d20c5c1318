"""The node's own row, and which of its block devices count."""

import os
from typing import TypeVar

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.sampling.series_reader import Changes, ReadCounts, SeriesReader
from fgm.collector.sampling.sources import node_sources
from fgm.store.samples.series import Series

_T = TypeVar("_T")
_NOT_DISKS = ("loop", "ram", "zram", "sr", "fd")


class Node:
    """The node as a series. Its sets of devices are updated in place, so that parsers that hold them see it."""

    def __init__(self, name: str, proc_root: str, sys_root: str, hierarchies: Hierarchies) -> None:
        self.name = name
        self.disks: set[str] = set()
        self.stacked_devices: set[tuple[int, int]] = set()
        self._proc_root = proc_root
        self.uncounted_interfaces: set[str] = set()
        self._block = os.path.join(sys_root, "block")
        self._virtual = os.path.join(sys_root, "devices", "virtual", "net")
        self._interfaces = os.path.join(sys_root, "class", "net")
        self._hierarchies = hierarchies
        self.look_for_devices()

    def look_for_devices(self) -> None:
        """Learn which devices count.

        Stacked disks (LVM, RAID, dm-crypt) and virtual interfaces (bridges, veth) pass on what the devices below them
        count; a node that has only virtual interfaces counts those.
        """
        virtual = set(_names(self._virtual))
        has_others = bool(set(_names(self._interfaces)) - virtual)
        _become(self.uncounted_interfaces, virtual if has_others else {"lo"})
        disks, stacked = set(), set()
        for name in _names(self._block):
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
        _become(self.disks, disks)
        _become(self.stacked_devices, stacked)

    def reader(self, counts: ReadCounts, changes: Changes) -> SeriesReader:
        """Return what reads the node's row."""
        sources = node_sources(
            self._proc_root,
            self._hierarchies,
            self.disks,
            self.uncounted_interfaces,
            os.sysconf("SC_CLK_TCK"),
        )
        series = Series("node", node_name=self.name)
        return SeriesReader(series, sources, (), counts, {}, asks_alive=False, changes=changes)

    def _device(self, name: str) -> tuple[int, int] | None:
        try:
            with open(os.path.join(self._block, name, "dev"), encoding="ascii") as file:
                major, minor = file.read().split(":")
        except (OSError, ValueError):
            return None
        return int(major), int(minor)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _become(kept: set[_T], now: set[_T]) -> None:
    kept.intersection_update(now)
    kept.update(now)
