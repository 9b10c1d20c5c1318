"""Access to the kernel's inotify, which Python's standard library does not offer.

Inotify also works on cgroup directories and files, through a read-only bind mount, and in another cgroup namespace.

Source: inotify(7).
"""

import ctypes
import errno
import logging
import os
import select
import struct
import weakref
from collections.abc import Iterator

from fgm.logs import fields

CREATE, DELETE, MOVED_FROM, MOVED_TO = 0x100, 0x200, 0x40, 0x80
MODIFY, DELETE_SELF, MOVE_SELF = 0x2, 0x400, 0x800
ONLY_DIRECTORY, IS_DIRECTORY = 0x01000000, 0x40000000
_OVERFLOW = 0x4000
_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 16
_NONE_LEFT = frozenset({errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSYS})

_libc = ctypes.CDLL(None, use_errno=True)

log = logging.getLogger(__name__)


class NoWatchError(OSError):
    """Raised when the kernel has no inotify watch or instance left for this user (fs.inotify.max_user_*)."""


class EventsLostError(Exception):
    """Raised when events were lost because the kernel's queue was full."""


class Inotify:
    """One inotify instance. A watch does not include subdirectories. Used by one thread at a time.

    `fd`: descriptor that is readable when there are events.
    """

    def __init__(self) -> None:
        """Start without watched paths.

        Raises: NoWatchError if this user has too many instances.
        """
        self.fd = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._poll = select.poll()
        self._poll.register(self.fd, select.POLLIN)
        self.close = weakref.finalize(self, os.close, self.fd)

    def add(self, path: str, mask: int) -> None:
        """Watch a path. `mask`: events to report, such as CREATE | DELETE.

        Raises: NoWatchError if this user has too many watches; another OSError if the path cannot be read.
        """
        watch = _checked(_libc.inotify_add_watch(self.fd, os.fsencode(path), mask), path)
        self._paths[watch] = path
        self._watches[path] = watch

    def remove(self, path: str) -> None:
        """Stop watching a path. Also call this for a removed one: the kernel keeps watches of removed cgroups."""
        watch = self._watches.pop(path, None)
        if watch is not None:
            self._paths.pop(watch, None)
            _libc.inotify_rm_watch(self.fd, watch)

    def events(self) -> Iterator[tuple[str, int, str]]:
        """Yield the events since the last call: the watched path, the mask, and the name of the entry below the path.

        Raises: EventsLostError if the kernel's queue was full.
        """
        while self._poll.poll(0):
            events = os.read(self.fd, _READ_BYTES)
            start = 0
            while start < len(events):
                watch, mask, _, length = _EVENT.unpack_from(events, start)
                name = events[start + _EVENT.size : start + _EVENT.size + length].rstrip(b"\0")
                start += _EVENT.size + length
                if mask & _OVERFLOW:
                    raise EventsLostError
                path = self._paths.get(watch)
                if path is not None:
                    yield path, mask, os.fsdecode(name)


def log_no_watch(error: NoWatchError, fallback: str) -> None:
    """Log that no watches are left. `fallback`: says what happens without them."""
    log.info("no inotify watches left (fs.inotify.max_user_*)", extra=fields(reason=error.strerror, fallback=fallback))


def _checked(result: int, subject: str) -> int:
    if result >= 0:
        return result
    number = ctypes.get_errno()
    kind = NoWatchError if number in _NONE_LEFT else OSError
    raise kind(number, os.strerror(number), subject)
