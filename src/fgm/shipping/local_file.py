"""Reads a file that is shipped: in parts, up to the length that it had when it was opened."""

import hashlib
import os
from collections.abc import Iterator
from typing import Self

from fgm.shipping.pace import PART_BYTES
from fgm.store.directory.regular_file import open_regular

_READ_BYTES = 1 << 20


class LocalFile:
    """An open file of the data directory.

    Files of windows and hours are replaced and never changed, so an open one keeps its content. events.jsonl grows: its
    length is fixed here, and ends with a whole line.
    """

    def __init__(self, path: str, *, is_lines: bool) -> None:
        """Open a file. `is_lines`: whether to leave out a last line that is not complete.

        Raises: OSError, or BadFileError if it is not a regular file.
        """
        self._fd = open_regular(path)
        status = os.fstat(self._fd)
        self.mtime_ns = status.st_mtime_ns
        self.size_bytes = self._end_of_lines(status.st_size) if is_lines else status.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def sha256(self) -> str:
        """Return the checksum of the content, as hexadecimal digits."""
        digest = hashlib.sha256()
        for part in self.parts(_READ_BYTES):
            digest.update(part)
        return digest.hexdigest()

    def parts(self, part_bytes: int = PART_BYTES) -> Iterator[bytes]:
        """Yield the content in parts of this size; the last one may be shorter.

        Raises: OSError if the file became shorter.
        """
        for offset in range(0, self.size_bytes, part_bytes):
            length = min(part_bytes, self.size_bytes - offset)
            part = os.pread(self._fd, length, offset)
            if len(part) != length:
                raise OSError("the file became shorter while it was read")
            yield part

    def _end_of_lines(self, size: int) -> int:
        end = size
        while end > 0:
            start = max(0, end - _READ_BYTES)
            if (at := os.pread(self._fd, end - start, start).rfind(b"\n")) >= 0:
                return start + at + 1
            end = start
        return 0
