"""Watches single kernel files for changes, while inotify watches are available.

The kernel reports a modification of cgroup.events when `populated` changes, and of memory.events when one of its
counters grows.

Source: Documentation/admin-guide/cgroup-v2.rst.
"""

from fgm.collector.kernel import inotify
from fgm.collector.kernel.inotify import EventsLostError, Inotify, NoWatchError, log_no_watch


class FileWatch:
    """A set of watched files. Used by one thread at a time. If no inotify watches are left, this is logged once."""

    def __init__(self, fallback: str) -> None:
        """`fallback`: text for the log that says what happens without a watch."""
        self._fallback = fallback
        self._inotify: Inotify | None = None
        self._is_logged = False
        try:
            self._inotify = Inotify()
        except NoWatchError as error:
            self._log(error)

    @property
    def fd(self) -> int | None:
        """Descriptor that becomes readable when a watched file is modified; None if no file can be watched."""
        return None if self._inotify is None else self._inotify.fd

    def add(self, path: str) -> bool:
        """Watch a file. Return False if it was removed, or if no watches are left."""
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
        """Stop watching a file. Also call this for a removed one: the kernel keeps watches of removed cgroups."""
        if self._inotify is not None:
            self._inotify.remove(path)

    def modified(self) -> set[str] | None:
        """Return the paths of files that were modified since the last call; None if the kernel lost events."""
        try:
            return set() if self._inotify is None else {path for path, _, _ in self._inotify.events()}
        except EventsLostError:
            return None

    def close(self) -> None:
        """End all watches, and close the inotify descriptor."""
        if self._inotify is not None:
            self._inotify.close()

    def _log(self, error: NoWatchError) -> None:
        if not self._is_logged:
            log_no_watch(error, self._fallback)
        self._is_logged = True
