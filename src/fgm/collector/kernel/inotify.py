"""The kernel's word on what happened to files: inotify, which the kernel has and Python's library has not.

Kernel: inotify(7). It works on cgroups as on any directories and files, also through a read-only bind mount and from
another cgroup namespace.
"""

import ctypes
import errno
import os
import select
import struct
import weakref
from collections.abc import Iterator

CREATE, DELETE, MOVED_FROM, MOVED_TO = 0x100, 0x200, 0x40, 0x80
MODIFY, DELETE_SELF, MOVE_SELF = 0x2, 0x400, 0x800
ONLY_DIRECTORY, IS_DIRECTORY = 0x01000000, 0x40000000
_OVERFLOW = 0x4000
_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_NONE_LEFT = frozenset({errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSYS})

_libc = ctypes.CDLL(None, use_errno=True)


class NoWatchError(OSError):
    """Raised when the kernel gives this user no further watch; fs.inotify.max_user_* say how many."""


class EventsLostError(Exception):
    """Raised when more happened than the kernel keeps."""


class Inotify:
    """Watches paths, each by itself and not what is below it. Not thread-safe. `fd`: readable when there is news."""

    def __init__(self) -> None:
        """Start with none. Raises NoWatchError."""
        self.fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._news = select.poll()
        self._news.register(self.fd, select.POLLIN)
        self.close = weakref.finalize(self, os.close, self.fd)

    def add(self, path: str, mask: int) -> None:
        """Watch a path. Raises NoWatchError, and another OSError where it is not there or cannot be read."""
        watch = _checked(_libc.inotify_add_watch(self.fd, os.fsencode(path), mask), path)
        self._paths[watch] = path
        self._watches[path] = watch

    def remove(self, path: str) -> None:
        """Watch a path no longer; needed for removed ones too: the kernel keeps a cgroup's watch."""
        watch = self._watches.pop(path, None)
        if watch is not None:
            self._paths.pop(watch, None)
            _libc.inotify_rm_watch(self.fd, watch)

    def events(self) -> Iterator[tuple[str, int, str]]:
        """Yield what happened since the last call: the watched path, the mask, and the name of what is in it.

        Raises EventsLostError.
        """
        while self._news.poll(0):
            events = os.read(self.fd, _READ_BYTES)
            place = 0
            while place < len(events):
                watch, mask, _, length = _EVENT.unpack_from(events, place)
                name = events[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
                place += _EVENT.size + length
                if mask & _OVERFLOW:
                    raise EventsLostError
                path = self._paths.get(watch)
                if path is not None:
                    yield path, mask, os.fsdecode(name)


def _checked(result: int, what: str) -> int:
    if result >= 0:
        return result
    number = ctypes.get_errno()
    kind = NoWatchError if number in _NONE_LEFT else OSError
    raise kind(number, os.strerror(number), what)
