"""The tree of a mount's cgroups. An update costs one system call if nothing has changed.

The kernel reports created and removed cgroups. If it has no inotify watches left, the whole tree is listed at every
tick, which takes milliseconds. The number of watches is limited for each user, and other programs use some, too.
"""

import os
from collections.abc import Collection, Iterator

from fgm.collector.kernel.directory_watch import DirectoryWatch
from fgm.collector.kernel.inotify import NoWatchError, log_no_watch

MAX_DEPTH = 32
"""Maximum depth of the tree. The kubelet's cgroups are at most six deep, or twelve inside a KIND node."""


class CgroupTree:
    """The cgroups of one mount, except its root. Used by one thread at a time."""

    def __init__(self, mount: str, others: Collection[str] = ()) -> None:
        """`others`: mounts of other hierarchies, which may be below this one."""
        self.mount = mount
        self._others = frozenset(others) - {mount}
        self._paths: set[str] = set()
        self._watch: DirectoryWatch | None = None
        try:
            self._watch = DirectoryWatch()
        except NoWatchError as error:
            self._stop_watching(error)
        self._scan("")

    @property
    def paths(self) -> list[str]:
        """Path of every cgroup at the last refresh, starting with "/"."""
        return [path for path in self._paths if path]

    def refresh(self) -> set[str]:
        """Update the tree; return the paths of cgroups that were created, removed, or created again with the same name.

        A folder that cannot be read counts as removed. Without watches, a cgroup that was created again is not noticed.
        """
        changes = self._watch.changes() if self._watch is not None else None
        if changes is None or not self._paths:
            before = self._paths
            self._forget({""})
            self._scan("")
            return self._paths ^ before
        if not changes:
            return changes
        paths = {path.removeprefix(self.mount) for path in changes}
        self._forget(paths)  # before `_scan`: the old and the new path of a moved cgroup share a watch
        for path in sorted(paths):
            if path == "" or path.rpartition("/")[0] in self._paths:
                self._scan(path)
        return paths

    def _scan(self, path: str) -> None:
        if self.mount + path in self._others:
            return
        try:
            if self._watch is not None:  # before listing, so that no change is missed
                self._watch.add(self.mount + path)
        except NoWatchError as error:
            self._stop_watching(error)
        except OSError:
            return
        try:
            with os.scandir(self.mount + path) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            self._forget({path})
            return
        self._paths.add(path)
        if path.count("/") < MAX_DEPTH:
            for name in names:
                self._scan(f"{path}/{name}")

    def _forget(self, paths: set[str]) -> None:
        """Remove cgroups, everything below them, and their watches."""
        gone = {path for path in self._paths if not paths.isdisjoint(_upwards(path))} if paths else set()
        self._paths = self._paths - gone
        if self._watch is not None:
            for path in gone | paths:
                self._watch.remove(self.mount + path)

    def _stop_watching(self, error: NoWatchError) -> None:
        log_no_watch(error, f"the cgroups of {self.mount} are listed at every tick")
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and all paths above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""
