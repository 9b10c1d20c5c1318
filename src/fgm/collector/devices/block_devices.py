"""The block devices of the host, and which of them repeat the I/O of others.

A stacked device (LVM, dm-crypt, RAID, a loop device) passes its I/O on to the devices below it, and both count it. Only
the lowest devices are counted. Two kinds differ between the node, which is read from /proc/diskstats, and a cgroup:

- With native multipath of NVMe, I/O enters through the head (nvme0n1) and leaves through hidden paths (nvme0c0n1),
  which have no device number. The I/O of a cgroup is counted at the head, because the kernel cannot name a path in
  io.stat. In /proc/diskstats the paths count, as they always have; the head counts only since Linux 6.4, and only while
  its queue/iostats is 1.
- The disks below a ZFS volume (zd0) are used by threads of ZFS, which belong to the root cgroup. So the I/O of a cgroup
  is counted at the volume, and that of the node at the disks. In the same way, a thread writes to the disks of a RAID
  with parity (levels 4, 5 and 6 of md), but reads are passed on in the name of the reader.

Source: drivers/nvme/host/multipath.c (nvme_mpath_start_request); block/genhd.c (device_add_disk, diskstats_show);
drivers/md/raid5.c (raid5_make_request);
Documentation/ABI/stable/sysfs-block ("hidden").
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

_NOT_DISKS = re.compile(r"(loop|ram|zram|sr|fd)\d+")
"""Names of devices that are no disks: their content is in a file or in memory, or on a disc that can be taken out."""
_STACKED_FOLDERS = ("dm", "md", "bcache")
"""Folders in sysfs that only stacked devices have, even before they have a device below them."""
_PARITY_LEVELS = ("raid4", "raid5", "raid6")
_Kind = Literal["memory or file", "RAID with parity", "stacked", "hidden path", "multipath head", "ZFS volume", "disk"]
_COUNTED: Mapping[_Kind, tuple[bool, bool]] = {
    "memory or file": (False, False),
    "RAID with parity": (False, True),  # of a cgroup only the writes
    "stacked": (False, False),
    "hidden path": (True, False),
    "multipath head": (False, True),
    "ZFS volume": (False, True),
    "disk": (True, True),
}
"""Whether the devices of a kind are counted for the node, and for a cgroup."""
_ZFS_VOLUME = re.compile(r"zd\d+")
_NVME_HEAD = re.compile(r"nvme(\d+)n(\d+)")


class BlockDevices:
    """The block devices of the host. Each is looked up in sysfs once, when its name or number is first seen.

    The object is also the collection of the devices (major, minor) to leave out of the sums of a cgroup.

    `parity_raids`: those whose reads are not in the sums of a cgroup, as far as they have been asked about.
    """

    def __init__(self, sys_root: str) -> None:
        self._block = os.path.join(sys_root, "block")
        self._by_number = os.path.join(sys_root, "dev", "block")
        self._names: tuple[bytes, ...] = ()
        self._counted: frozenset[bytes] = frozenset()
        self._is_disk: dict[bytes, bool] = {}
        self._repeating: dict[tuple[int, int], str | None] = {}
        self._labels: dict[tuple[int, int], str] = {}
        self.parity_raids: set[tuple[int, int]] = set()

    def counted(self, names: tuple[bytes, ...]) -> Collection[bytes]:
        """Return the names of the devices to count for the node. `names`: devices and partitions in /proc/diskstats."""
        if names != self._names:
            for name in names:
                if name not in self._is_disk:
                    self._is_disk[name] = self._is_counted_for_node(_sysfs_name(name))
            self._names = names
            self._counted = frozenset(name for name in names if self._is_disk[name])
        return self._counted

    def __contains__(self, number: tuple[int, int]) -> bool:
        """Return whether a device, given as (major, minor), repeats the I/O that a cgroup has on other devices."""
        if number not in self._repeating:
            name = self._name(number)
            kind = "disk" if name is None else self._kind(name)
            if kind == "RAID with parity":
                self.parity_raids.add(number)
            _, is_counted = _COUNTED[kind]
            self._repeating[number] = None if is_counted else name
        return self._repeating[number] is not None

    def label(self, number: tuple[int, int]) -> str:
        """Return the name of a device (major, minor) as in /proc/diskstats; "major:minor" if it is unknown."""
        if number not in self._labels:
            name = self._name(number)
            self._labels[number] = "{}:{}".format(*number) if name is None else name.replace("!", "/")
        return self._labels[number]

    def look_again(self) -> None:
        """Forget the devices that are counted or were removed, so that they are looked up when they are seen again.

        A device that is left out stays so until it is removed. So nothing joins a sum with its past.
        """
        present = set(_list(self._block))
        listed = set(self._names)
        self._names = ()
        self._is_disk = {name: False for name, is_disk in self._is_disk.items() if name in listed and not is_disk}
        self._repeating = {number: name for number, name in self._repeating.items() if name in present}
        self._labels.clear()  # a number may belong to another disk by now
        self.parity_raids.clear()

    def _name(self, number: tuple[int, int]) -> str | None:
        try:
            return os.path.basename(os.readlink(os.path.join(self._by_number, "{}:{}".format(*number))))
        except OSError:
            dev = "{}:{}".format(*number)
            return next((name for name in _list(self._block) if self._read(name, "dev").strip() == dev), None)

    def _is_counted_for_node(self, name: str) -> bool:
        """Return whether a name in /proc/diskstats is counted. Partitions have no folder of their own in `block`."""
        is_counted, _ = _COUNTED[self._kind(name)]
        return is_counted and os.path.isdir(os.path.join(self._block, name))

    def _kind(self, name: str) -> _Kind:
        if _NOT_DISKS.fullmatch(name):
            return "memory or file"
        if self._is_stacked(name):
            return "RAID with parity" if self._read(name, "md/level").strip() in _PARITY_LEVELS else "stacked"
        if self._is_hidden(name):
            return "hidden path"
        if _ZFS_VOLUME.fullmatch(name):
            return "ZFS volume"
        return "multipath head" if self._has_hidden_paths(name) else "disk"

    def _is_stacked(self, name: str) -> bool:
        folder = os.path.join(self._block, name)
        is_stacked = any(os.path.isdir(os.path.join(folder, kind)) for kind in _STACKED_FOLDERS)
        return is_stacked or bool(_list(os.path.join(folder, "slaves")))

    def _is_hidden(self, name: str) -> bool:
        return self._read(name, "hidden").strip() == "1"

    def _has_hidden_paths(self, name: str) -> bool:
        """Return whether a disk is the head of NVMe multipath: its parent is the subsystem, not a controller."""
        head = _NVME_HEAD.fullmatch(name)
        if head is None:
            return False
        if "/nvme-subsystem/" in os.path.realpath(os.path.join(self._block, name)):
            return True
        path = re.compile(rf"nvme{head[1]}c\d+n{head[2]}")
        return any(path.fullmatch(other) and self._is_hidden(other) for other in _list(self._block))

    def _read(self, name: str, attribute: str) -> str:
        try:
            with open(os.path.join(self._block, name, attribute), encoding="ascii") as file:
                return file.read()
        except (OSError, ValueError):
            return ""


def _sysfs_name(name: bytes) -> str:
    """Return a device's name in sysfs, where "!" stands for the slash of names such as cciss/c0d0."""
    return os.fsdecode(name).replace("/", "!")


def _list(folder: str) -> Sequence[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return ()
