"""Says which directories came or went."""

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
    """Watches directories, each by itself and not what is below it. Not thread-safe."""

    def __init__(self) -> None:
        """Start with none. Raises NoWatchError."""
        self._inotify = Inotify()

    def add(self, path: str) -> None:
        """Watch a directory. Raises NoWatchError, and another OSError where it is none or cannot be read."""
        self._inotify.add(path, _WATCHED)

    def remove(self, path: str) -> None:
        """Watch a directory no longer; needed for removed ones too: the kernel keeps a cgroup's watch."""
        self._inotify.remove(path)

    def changes(self) -> set[str] | None:
        """Return the paths of directories that came or went since the last call; None: too many to tell."""
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
        """Watch nothing any more."""
        self._inotify.close()
