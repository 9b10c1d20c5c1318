"""Reads the kernel's log, if the collector may: it names the processes that were killed for lack of memory."""

import errno
import logging
import os
from collections.abc import Iterator

from fgm.logs import fields

_RECORD_BYTES = 8192
"""Maximum size of a record: the kernel refuses a read with a smaller buffer than the record needs."""
MAX_RECORDS = 20_000
"""Maximum number of records in one call: more than the log holds by default."""

log = logging.getLogger(__name__)


class KernelLog:
    """The records of `/dev/kmsg` since it was opened. Used by one thread at a time."""

    def __init__(self, path: str) -> None:
        """Open the log at its end. Without it, or without the right to read it, `new_records` yields nothing."""
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self._fd, 0, os.SEEK_END)
        except OSError as error:
            self.close()
            log.debug("cannot read the kernel's log", extra=fields(file=path, reason=error.strerror))

    def new_records(self) -> Iterator[bytes]:
        """Yield the records since the last call. Records that the kernel has dropped meanwhile are left out."""
        for _ in range(MAX_RECORDS if self._fd >= 0 else 0):
            try:
                record = os.read(self._fd, _RECORD_BYTES)
            except OSError as error:
                if error.errno == errno.EPIPE:  # the next record was overwritten; the following read continues after it
                    continue
                return
            if not record:
                return
            yield record

    def close(self) -> None:
        """Close the log."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
