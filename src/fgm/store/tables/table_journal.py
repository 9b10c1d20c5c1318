"""Journals of tables: the rows of a process or region table whose window is not over, in the order of their arrival.

A journal consists of frames (`fgm.store.journal.frame`) with these payloads:

    H  header: JSON {"kind", the facts of FileHeader}. It is the first frame, and again the first of each collector that
       continues the journal.
    R  rows: JSON [[the values of a row], ...]

JSON is stored as `u32 bytes of JSON, zstd of it`, as in the journals of metrics.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

from fgm.store.directory.atomic import FILE_MODE
from fgm.store.directory.layout import TableKind
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.journal.frame import frames, is_damaged, pack_frame, whole_length
from fgm.store.journal.frame_file import FrameFile
from fgm.store.journal.payload import MALFORMED, pack_json, unpack_json
from fgm.store.samples.header import FileHeader
from fgm.store.tables.table_rows import ROWS, Row

_ALLOWED: Mapping[object, frozenset[type]] = {
    int: frozenset({int}),
    float: frozenset({int, float}),
    float | None: frozenset({int, float, NoneType}),
    str: frozenset({str}),
    str | None: frozenset({str, NoneType}),
}
"""Types that a value in JSON may have, by the type of its field."""
_INTEGER_BITS = 63


class TableJournal(FrameFile):
    """Appends rows to one journal, as the only writer of that file. A torn frame at its end is cut off.

    `count`: number of rows in the file. A failed append leaves the file unchanged. Not thread-safe.
    """

    def __init__(self, path: str, kind: TableKind, header: FileHeader) -> None:
        """Open or create the journal.

        Raises: OSError or BadFileError.
        """
        super().__init__(path)
        try:
            os.fchmod(self._fd, FILE_MODE)
            self.count = sum(len(rows) for _, rows in _read(path, self._fd))
            self._end = whole_length(self._fd)
            os.ftruncate(self._fd, self._end)
            self._append_frames(pack_frame(b"H" + pack_json({"kind": kind, **header.to_json()})))
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, rows: Sequence[Row]) -> None:
        """Append rows. From here on, they outlive a killed collector.

        Raises: OSError if they could not be written completely.
        """
        self._append_frames(pack_frame(b"R" + pack_json(rows)))
        self.count += len(rows)


def read(path: str, dir_fd: int | None = None) -> Iterator[tuple[FileHeader, list[Row]]]:
    """Yield the rows of a journal in groups, as they were appended, each with the header of their collector.

    A torn frame at the end is left out: it may be being appended. `dir_fd`: folder that `path` is relative to.

    Raises: FileNotFoundError if it does not exist, or another OSError.
    Raises: BadFileError after the rows before it, if a frame is damaged or malformed.
    """
    fd = open_regular(path, dir_fd)
    try:
        yield from _read(path, fd)
    finally:
        os.close(fd)


def _read(path: str, fd: int) -> Iterator[tuple[FileHeader, list[Row]]]:
    header, row, end = None, None, 0
    for end, payload in frames(fd):  # noqa: B007 - where the last frame ends
        try:
            facts: Any = unpack_json(payload[1:])
            if payload[:1] == b"H":
                header, row = FileHeader.from_json(facts), ROWS[facts["kind"]]
                continue
            if header is None or row is None or payload[:1] != b"R":
                raise ValueError(f"a frame of the kind {payload[:1]!r} is not expected there")
            rows = _rows(row, facts)
        except MALFORMED as error:
            raise BadFileError(path, f"malformed frame: {error or type(error).__name__}") from error
        yield header, rows
    if is_damaged(fd, end):
        raise BadFileError(path, "damaged; only the rows before the damage can be read")


def _rows(kind: type[Row], facts: Sequence[Sequence[Any]]) -> list[Row]:
    """Return the rows in a frame.

    Raises: TypeError or ValueError if a value is not of the type of its field.
    """
    rows = [kind(*values) for values in facts]
    for field, values in zip(kind._fields, zip(*rows, strict=True), strict=False):
        allowed = _ALLOWED[kind.__annotations__[field]]
        if not allowed.issuperset(map(type, values)):
            raise TypeError(f"{field} has a value of another type")
        if int in allowed and any(type(value) is int and value.bit_length() > _INTEGER_BITS for value in values):
            raise ValueError(f"{field} has a number that is too large")
    return rows
