"""Watching single kernel files for modification, as far as the kernel has watches left.

The kernel reports a modification of cgroup.events when `populated` changes, and of memory.events when one of its
counters grows.

Source: Documentation/admin-guide/cgroup-v2.rst.
"""

from fgm.collector.kernel import inotify
from fgm.collector.kernel.inotify import EventsLostError, Inotify, NoWatchError, log_no_watch


class FileWatch:
    """The watched files. Used by one thread at a time; without watches it reports nothing, which is logged once."""

    def __init__(self, fallback: str) -> None:
        """`fallback`: what happens instead to files without a watch, for the log."""
        self._fallback = fallback
        self._inotify: Inotify | None = None
        self._is_logged = False
        try:
            self._inotify = Inotify()
        except NoWatchError as error:
            self._log(error)

    @property
    def fd(self) -> int | None:
        """The descriptor that becomes readable when a file was modified; None if nothing can be watched."""
        return None if self._inotify is None else self._inotify.fd

    def add(self, path: str) -> bool:
        """Watch a file; return whether it is watched, which it is not if it was removed or watches are scarce."""
        if self._inotify is None:
            return False
        try:
            self._inotify.add(path, inotify.MODIFY)
        except NoWatchError as error:
            self._log(error)
            return False
        except OSError:
            return False
        return True

    def remove(self, path: str) -> None:
        """Stop watching a file. Removed files need this, too: the kernel keeps the watch of a cgroup's file."""
        if self._inotify is not None:
            self._inotify.remove(path)

    def modified(self) -> set[str] | None:
        """Return the files that were modified since the last call; None if the kernel lost some of the events."""
        try:
            return set() if self._inotify is None else {path for path, _, _ in self._inotify.events()}
        except EventsLostError:
            return None

    def close(self) -> None:
        """End all watches and close the inotify descriptor, if the kernel gave one."""
        if self._inotify is not None:
            self._inotify.close()

    def _log(self, error: NoWatchError) -> None:
        if not self._is_logged:
            log_no_watch(error, self._fallback)
        self._is_logged = True
