"""Says which directories came or went: inotify, which the kernel has and Python's library has not.

Kernel: inotify(7). It tells of cgroups as of any directories, also through a read-only bind mount and from
another cgroup namespace.
"""

import ctypes
import errno
import os
import struct
import weakref

_CREATE, _DELETE, _MOVED_FROM, _MOVED_TO = 0x100, 0x200, 0x40, 0x80
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_ONLY_DIRECTORY, _IS_DIRECTORY, _OVERFLOW = 0x01000000, 0x40000000, 0x4000
_WATCHED = _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO | _DELETE_SELF | _MOVE_SELF | _ONLY_DIRECTORY
_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_NONE_LEFT = frozenset({errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSYS})

_libc = ctypes.CDLL(None, use_errno=True)


class NoWatchError(OSError):
    """Raised when the kernel gives this user no further watch; fs.inotify.max_user_* say how many."""


class DirectoryWatch:
    """Watches directories, each by itself and not what is below it. Not thread-safe."""

    def __init__(self) -> None:
        """Start with none. Raises NoWatchError."""
        self._fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self.close = weakref.finalize(self, os.close, self._fd)

    def add(self, path: str) -> None:
        """Watch a directory. Raises NoWatchError, and another OSError where it is none or cannot be read."""
        watch = _checked(_libc.inotify_add_watch(self._fd, os.fsencode(path), _WATCHED), path)
        self._paths[watch] = path
        self._watches[path] = watch

    def remove(self, path: str) -> None:
        """Watch a directory no longer; needed for removed ones too: the kernel keeps a cgroup's watch."""
        watch = self._watches.pop(path, None)
        if watch is not None:
            self._paths.pop(watch, None)
            _libc.inotify_rm_watch(self._fd, watch)

    def changes(self) -> set[str] | None:
        """Return the paths of directories that came or went since the last call; None: too many to tell."""
        paths: set[str] = set()
        while True:
            try:
                events = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return paths
            place = 0
            while place < len(events):
                watch, mask, _, length = _EVENT.unpack_from(events, place)
                name = events[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
                place += _EVENT.size + length
                if mask & _OVERFLOW:
                    return None
                path = self._paths.get(watch)
                if path is not None and mask & (_DELETE_SELF | _MOVE_SELF):
                    paths.add(path)
                elif path is not None and mask & _IS_DIRECTORY:
                    paths.add(f"{path}/{os.fsdecode(name)}")


def _checked(result: int, what: str) -> int:
    if result >= 0:
        return result
    number = ctypes.get_errno()
    kind = NoWatchError if number in _NONE_LEFT else OSError
    raise kind(number, os.strerror(number), what)
