"""Watches directories for subdirectories that are created or removed."""

from fgm.collector.kernel import inotify
from fgm.collector.kernel.inotify import EventsLostError, Inotify

_WATCHED = (
    inotify.CREATE
    | inotify.DELETE
    | inotify.MOVED_FROM
    | inotify.MOVED_TO
    | inotify.DELETE_SELF
    | inotify.MOVE_SELF
    | inotify.ONLY_DIRECTORY
)


class DirectoryWatch:
    """A set of watched directories. Deeper changes are not reported. Used by one thread at a time."""

    def __init__(self) -> None:
        """Start without watched directories.

        Raises: NoWatchError if the kernel has no watches left.
        """
        self._inotify = Inotify()

    def add(self, path: str) -> None:
        """Watch a directory.

        Raises: NoWatchError if the kernel has no watches left; another OSError if it is not a readable directory.
        """
        self._inotify.add(path, _WATCHED)

    def remove(self, path: str) -> None:
        """Stop watching a directory. Also call this for a removed one: the kernel keeps watches of removed cgroups."""
        self._inotify.remove(path)

    def changes(self) -> set[str] | None:
        """Return the paths that were created or removed since the last call; None if the kernel lost events."""
        paths: set[str] = set()
        try:
            for path, mask, name in self._inotify.events():
                if mask & (inotify.DELETE_SELF | inotify.MOVE_SELF):
                    paths.add(path)
                elif mask & inotify.IS_DIRECTORY:
                    paths.add(f"{path}/{name}")
        except EventsLostError:
            return None
        return paths

    def close(self) -> None:
        """End all watches and close the inotify descriptor. It cannot be used again."""
        self._inotify.close()
