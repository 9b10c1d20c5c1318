"""Tables beside the metrics of a window: its top processes, and, where asked for, what their memory is made of.

Plain Parquet, a row for each process (or region) and instant. Between the last column chunk and the footer stands a
block as in the metrics files, with the facts of `Details`; its CRC32 of all that is before it tells a whole file from a
damaged one, which no library has to open then.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fgm.store.directory.layout import DetailKind
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet import parquet_writer
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block, read_block
from fgm.store.samples.header import FileHeader

MAX_FILE_BYTES = 64 << 20


class ProcessRow(NamedTuple):
    """One process at one instant. `cpu_usec` is a counter; (pid, start_time_ms) is the process."""

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    cpu_usec: float
    rss_bytes: float
    threads: float
    fds: float | None


class RegionRow(NamedTuple):
    """All memory of one name in one process at one instant."""

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    region: str
    size_bytes: float
    rss_bytes: float
    pss_bytes: float
    private_dirty_bytes: float
    swap_bytes: float


Row = ProcessRow | RegionRow

_ROWS: Mapping[DetailKind, type[Row]] = {"processes": ProcessRow, "regions": RegionRow}
_TYPES: Mapping[str, parquet_writer.ColumnType] = {
    "time_ms": "time",
    "start_time_ms": "time",
    "pid": "integer",
    **dict.fromkeys(("container_id", "container_name", "pod_name", "namespace", "pod_uid", "comm", "region"), "text"),
}


@dataclass(frozen=True, slots=True)
class Details:
    """What such a file says about itself."""

    kind: DetailKind
    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int


def encode(kind: DetailKind, rows: Sequence[Row], header: FileHeader) -> bytes:
    """Return a whole file, its rows sorted by container and time. Raises ValueError where there is none."""
    if not rows:
        raise ValueError("a table without rows is no file")
    ordered = sorted(rows, key=lambda row: (row.container_id or "", row.time_ms, row.pid))
    columns = [
        parquet_writer.Column(name.removesuffix("_ms"), _TYPES.get(name, "number"), values)
        for name, values in zip(_ROWS[kind]._fields, zip(*ordered, strict=True), strict=True)
    ]
    chunks_end, footer = parquet_writer.encode_table(columns, header)
    times = [row.time_ms for row in ordered]
    facts = {
        "kind": kind,
        "header": header.to_json(),
        "first_ms": min(times),
        "last_ms": max(times),
        "rows": len(rows),
        "crc": zlib.crc32(chunks_end),
    }
    return chunks_end + pack_block(facts, footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC


def verify(path: str) -> Details:
    """Return what a file says about itself, after all its bytes were checked.

    Raises FileNotFoundError, OSError, and BadFileError where it is damaged or not fgm's.
    """
    return _read(path)[0]


def rows(path: str) -> list[Row]:
    """Return the rows of a file. Raises as `verify`."""
    details, data = _read(path)
    columns = parquet_writer.decode_table(data)
    kind = _ROWS[details.kind]
    try:
        values = [columns[name.removesuffix("_ms")] for name in kind._fields]
    except KeyError as error:
        raise BadFileError(path, f"it has no column {error}") from error
    return [kind(*row) for row in zip(*values, strict=True)]


def _read(path: str) -> tuple[Details, bytes]:
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_FILE_BYTES:
            raise BadFileError(path, f"it has {size} bytes, more than any that fgm writes")
        block, block_at = read_block(path, fd)
        data = os.pread(fd, size, 0)
    finally:
        os.close(fd)
    try:
        facts = json.loads(block)
        details, crc = _from_json(facts), int(facts["crc"])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BadFileError(path, f"malformed block: {error}") from error
    if zlib.crc32(data[:block_at]) != crc:
        raise BadFileError(path, "its columns do not match their checksum")
    return details, data


def _from_json(facts: Mapping[str, Any]) -> Details:
    if facts["kind"] not in _ROWS:
        raise ValueError(f"no table is called {facts['kind']!r}")
    header = FileHeader.from_json(facts["header"])
    return Details(facts["kind"], header, int(facts["first_ms"]), int(facts["last_ms"]), int(facts["rows"]))
