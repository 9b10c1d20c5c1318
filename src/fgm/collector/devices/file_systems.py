"""The file systems on the node's own disks, and a path by which each can be asked how full it is.

A request to a file system on a server that does not answer never returns. So only file systems of a kind that is on a
local disk are asked, and only by paths on which no other kind is mounted. Nothing is kept open: an open folder would
keep a file system from being unmounted.

A collector in a container sees another tree than the node. It finds the node's mounts in /proc/1/mountinfo, and reaches
a file system

- by its own path, if it sees the node's tree;
- else by any mount of the same device in its own tree, such as a volume, or a file that the kubelet has mounted;
- else, for the file system with the layers of containers, by its own root folder: an overlay is as full as the file
  system of its upper layer;
- else through /proc/1/root, which takes CAP_SYS_PTRACE.

Source: filesystems/proc.rst, "3.5 /proc/<pid>/mountinfo"; fs/overlayfs/super.c (ovl_statfs); fs/proc/base.c
(proc_pid_get_link).
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fgm.parse.mountinfo import Mount, mounts

_ON_DISK = frozenset({b"ext2", b"ext3", b"ext4", b"xfs", b"btrfs", b"f2fs", b"vfat", b"exfat", b"ntfs3", b"jfs"})
"""Kinds of file systems that are on a local disk, and whose statfs does not wait for it."""
_IN_MEMORY = frozenset({b"tmpfs", b"ramfs", b"rootfs", b"devtmpfs", b"overlay", b"squashfs", b"erofs"})
"""Kinds on which the mounts of others may be."""
_UPPER = b"upperdir="


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system: `label`: where the node has it mounted; `path`: where to ask; `device`: (major, minor)."""

    label: str
    device: tuple[int, int]
    path: str


def reachable(host: bytes, own: bytes, proc_root: str) -> list[FileSystem]:
    """Return the file systems on disks of the node that may be reachable, each once, at its shortest mount point.

    `host`, `own`: texts of mountinfo of the node's first process and of this one.
    """
    of_host, of_self = list(mounts(host)), list(mounts(own))
    found: dict[tuple[int, int], Mount] = {}
    for mount in sorted(_safe(of_host), key=lambda mount: (mount.root != b"/", len(mount.folder), mount.folder)):
        found.setdefault(mount.device, mount)
    paths = _own_paths(of_host, of_self)
    return [
        FileSystem(
            os.fsdecode(mount.folder),
            device,
            os.fsdecode(paths.get(device) or os.fsencode(f"{proc_root}/1/root") + mount.folder),
        )
        for device, mount in found.items()
    ]


def _own_paths(of_host: Sequence[Mount], of_self: Sequence[Mount]) -> dict[tuple[int, int], bytes]:
    """Return a path in the own tree for each device that it has."""
    paths: dict[tuple[int, int], bytes] = {}
    for mount in sorted(_safe(of_self), key=lambda mount: (len(mount.folder), mount.folder)):
        paths.setdefault(mount.device, mount.folder)
    for mount in of_self:
        if mount.folder == b"/" and mount.kind == b"overlay":
            upper = next(
                (word.removeprefix(_UPPER) for word in mount.options.split(b",") if word.startswith(_UPPER)), b""
            )
            below = _mount_of(upper, _safe(of_host))
            if below is not None:
                paths.setdefault(below.device, b"/")
    return paths


def _safe(all_mounts: Sequence[Mount]) -> list[Mount]:
    """Return the mounts on local disks to which no path leads through a mount of another kind."""
    unsafe = {mount.folder for mount in all_mounts if mount.kind not in _ON_DISK | _IN_MEMORY}
    return [
        mount
        for mount in all_mounts
        if mount.kind in _ON_DISK and unsafe.isdisjoint(_parents(mount.folder)) and mount.folder not in unsafe
    ]


def _parents(folder: bytes) -> Iterable[bytes]:
    parts = folder.split(b"/")
    return (b"/".join(parts[:count]) or b"/" for count in range(1, len(parts)))


def _mount_of(path: bytes, candidates: Iterable[Mount]) -> Mount | None:
    """Return the mount that a path is in: the one with the longest folder."""
    above = {path, *_parents(path)}
    return max(
        (mount for mount in candidates if path and mount.folder in above), key=lambda m: len(m.folder), default=None
    )


def ask(file_system: FileSystem) -> dict[str, float] | None:
    """Return the sizes of a file system; None if the path leads to another one by now.

    Raises: PermissionError if the path may not be used; OSError for another reason.
    """
    try:
        status, sizes = os.stat(file_system.path), os.statvfs(file_system.path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    major, minor = file_system.device
    if major and (os.major(status.st_dev), os.minor(status.st_dev)) != (major, minor) and file_system.path != "/":
        return None
    values = {
        "filesystem.size_bytes": float(sizes.f_blocks * sizes.f_frsize),
        "filesystem.available_bytes": float(sizes.f_bavail * sizes.f_frsize),
        "filesystem.free_bytes": float(sizes.f_bfree * sizes.f_frsize),
    }
    if sizes.f_files:  # btrfs and vfat have no fixed number
        values |= {"filesystem.inodes": float(sizes.f_files), "filesystem.free_inodes": float(sizes.f_ffree)}
    return values
