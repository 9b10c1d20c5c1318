"""Says at once when a container's last process ended: its cgroup may be gone before the next tick.

cgroup.events of cgroup v2 is modified when its `populated` changes. Kernel: admin-guide/cgroup-v2.rst.
"""

import logging

from fgm.collector.kernel import inotify
from fgm.collector.kernel.inotify import EventsLostError, Inotify, NoWatchError
from fgm.logs import fields

log = logging.getLogger(__name__)


class EndWatch:
    """Watches cgroup.events files. Those that get no watch end, for us, at the next tick. Not thread-safe."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._said = False
        try:
            self._inotify = Inotify()
        except NoWatchError as error:
            self._do_without(error)

    @property
    def fd(self) -> int | None:
        """What becomes readable when there is news; None: there will be none."""
        return None if self._inotify is None else self._inotify.fd

    def add(self, path: str) -> None:
        """Watch a file."""
        if self._inotify is None:
            return
        try:
            self._inotify.add(path, inotify.MODIFY)
        except NoWatchError as error:
            self._do_without(error)
        except OSError:
            return  # it is gone again

    def remove(self, path: str) -> None:
        """Watch a file no longer."""
        if self._inotify is not None:
            self._inotify.remove(path)

    def changes(self) -> set[str]:
        """Return the files that changed since the last call. What was too much to tell, the next tick sees."""
        try:
            return set() if self._inotify is None else {path for path, _, _ in self._inotify.events()}
        except EventsLostError:
            return set()

    def close(self) -> None:
        """Watch nothing any more."""
        if self._inotify is not None:
            self._inotify.close()

    def _do_without(self, error: NoWatchError) -> None:
        if not self._said:
            log.info(
                "the kernel has no more watches to give (fs.inotify); ends of containers are seen at the next tick",
                extra=fields(reason=error.strerror),
            )
        self._said = True
