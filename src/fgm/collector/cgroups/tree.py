"""Keeps the list of a mount's cgroups up to date, at the price of one read while nothing changes.

The kernel tells of cgroups that were made and removed. Where it has no more watches to give (they are
counted by user, and others use them too), everything is listed again each time, which takes milliseconds.
"""

import logging
import os
from collections.abc import Iterator

from fgm.collector.kernel.directory_watch import DirectoryWatch
from fgm.collector.kernel.inotify import NoWatchError

MAX_DEPTH = 32
"""Deeper cgroups are not looked at; the kubelet's are at most six deep, inside a KIND node twelve."""

log = logging.getLogger(__name__)


class CgroupWalk:
    """The cgroups of one mount as paths that start with "/", the root itself left out."""

    def __init__(self, mount: str) -> None:
        self.mount = mount
        self._known: set[str] = set()
        self._watch: DirectoryWatch | None = None
        try:
            self._watch = DirectoryWatch()
        except NoWatchError as error:
            self._do_without_watch(error)
        self._look("")

    @property
    def paths(self) -> list[str]:
        """Every cgroup that was there at the last look."""
        return [path for path in self._known if path]

    def refresh(self) -> set[str]:
        """Look again; return the cgroups that came or went, each made again under its old name among them.

        A folder that cannot be read counts as gone. Without watches, one that was made again is not noticed.
        """
        changes = self._watch.changes() if self._watch is not None else None
        if changes is None or not self._known:
            before = self._known
            self._forget({""})
            self._look("")
            return self._known ^ before
        if not changes:
            return changes
        paths = {path.removeprefix(self.mount) for path in changes}
        self._forget(paths)  # first of all, since one that was moved has its watch under both its paths
        for path in sorted(paths):
            if path == "" or path.rpartition("/")[0] in self._known:
                self._look(path)
        return paths

    def _look(self, path: str) -> None:
        try:
            if self._watch is not None:  # before it is listed, so that nothing is missed in between
                self._watch.add(self.mount + path)
        except NoWatchError as error:
            self._do_without_watch(error)
        except OSError:
            return
        try:
            with os.scandir(self.mount + path) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            self._forget({path})
            return
        self._known.add(path)
        if path.count("/") < MAX_DEPTH:
            for name in names:
                self._look(f"{path}/{name}")

    def _forget(self, paths: set[str]) -> None:
        """Forget cgroups and all below them."""
        gone = {known for known in self._known if not paths.isdisjoint(_upwards(known))} if paths else set()
        self._known = self._known - gone
        if self._watch is not None:
            for path in gone | paths:
                self._watch.remove(self.mount + path)

    def _do_without_watch(self, error: OSError) -> None:
        log.info(
            "the kernel has no more watches to give (fs.inotify); cgroups are listed at each tick instead",
            extra={"fields": {"mount": self.mount, "reason": error.strerror}},
        )
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _upwards(path: str) -> Iterator[str]:
    """Yield a path and all above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]
    yield ""
