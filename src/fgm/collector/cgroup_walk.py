"""Keeps the list of a mount's cgroups up to date, at the price of one stat a directory.

A cgroup that is made or removed changes its parent's link count, and one that is made again under its old name has
another inode number, so a directory is listed again only when one of these changed. The modification time is looked
at too, for file systems other than cgroupfs whose link counts say nothing.
"""

import os
from dataclasses import dataclass

MAX_DEPTH = 32
"""Deeper cgroups are not looked at; the kubelet's are at most six deep, inside a KIND node twelve."""


@dataclass(slots=True)
class _Folder:
    signature: tuple[int, int, int]
    children: tuple[str, ...]


class CgroupWalk:
    """The cgroups of one mount as paths that start with "/", the root itself left out."""

    def __init__(self, mount: str) -> None:
        self.mount = mount
        self._folders: dict[str, _Folder] = {}
        self._look("", 0)

    @property
    def paths(self) -> list[str]:
        """Every cgroup that was there at the last look."""
        return [path for path in self._folders if path]

    def refresh(self) -> bool:
        """Look again; return whether a cgroup came or went. A folder that cannot be read counts as gone."""
        before = len(self._folders)
        changed = False
        if not self._folders:
            self._look("", 0)
        for path, folder in list(self._folders.items()):
            if self._folders.get(path) is not folder or self._signature(path) == folder.signature:
                continue
            self._forget(path)
            self._look(path, path.count("/"))
            looked = self._folders.get(path)
            changed |= looked is None or looked.children != folder.children or looked.signature[0] != folder.signature[0]
        return changed or len(self._folders) != before

    def _signature(self, path: str) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self.mount + path)
        except OSError:
            return None
        return (status.st_ino, status.st_nlink, status.st_mtime_ns)

    def _look(self, path: str, depth: int) -> None:
        signature = self._signature(path)
        if signature is None or depth > MAX_DEPTH:
            return
        try:
            with os.scandir(self.mount + path) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except OSError:
            return
        children = tuple(f"{path}/{name}" for name in names)
        self._folders[path] = _Folder(signature, children)
        for child in children:
            self._look(child, depth + 1)

    def _forget(self, path: str) -> None:
        folder = self._folders.pop(path, None)
        if folder is not None:
            for child in folder.children:
                self._forget(child)
