"""Process and region tables of a window: the top processes and, with --verbose-perf-risk, their memory regions.

The files are plain Parquet, with one row per process (or region) and instant. Like metrics files, they have a block
between the last column chunk and the footer. It contains the facts of `TableBlock` and a CRC32 of all bytes before the
block, so that damage is detected before a library opens the file.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fgm.store.directory.layout import TableKind
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet import column_chunks, parquet_encoding
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block, read_block
from fgm.store.parquet.page import uncompressed_size
from fgm.store.samples.header import FileHeader

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a table. A larger file was not written by fgm."""


class ProcessRow(NamedTuple):
    """One process at one instant. `cpu_usec` is a counter. (pid, start_time_ms) identifies the process."""

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
    """The memory of all mappings with one name in one process, at one instant."""

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

_ROWS: Mapping[TableKind, type[Row]] = {"processes": ProcessRow, "regions": RegionRow}
_TYPES: Mapping[str, column_chunks.ColumnType] = {
    "time_ms": "time",
    "start_time_ms": "time",
    "pid": "integer",
    **dict.fromkeys(("container_id", "container_name", "pod_name", "namespace", "pod_uid", "comm", "region"), "text"),
}


@dataclass(frozen=True, slots=True)
class TableBlock:
    """The facts in the block of one table. `first_ms`, `last_ms`: times of its oldest and newest row."""

    kind: TableKind
    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int


def encode(kind: TableKind, rows: Sequence[Row], header: FileHeader) -> bytes:
    """Return the bytes of a table, with its rows sorted by container, time and pid.

    Raises: ValueError if there are no rows.
    """
    if not rows:
        raise ValueError("a table without rows has no file")
    ordered = sorted(rows, key=lambda row: (row.container_id or "", row.time_ms, row.pid))
    columns = [
        parquet_encoding.Column(name.removesuffix("_ms"), _TYPES.get(name, "number"), values)
        for name, values in zip(_ROWS[kind]._fields, zip(*ordered, strict=True), strict=True)
    ]
    chunks_bytes, footer = parquet_encoding.encode_table(columns, header)
    times = [row.time_ms for row in ordered]
    facts = {
        "kind": kind,
        "header": header.to_json(),
        "first_ms": min(times),
        "last_ms": max(times),
        "rows": len(rows),
        "crc": zlib.crc32(chunks_bytes),
    }
    return chunks_bytes + pack_block(facts, footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC


def verify(path: str) -> TableBlock:
    """Check all bytes of a table and return the facts in its block.

    Raises: FileNotFoundError if it does not exist, or another OSError.
    Raises: BadFileError if it is damaged, or was not written by fgm.
    """
    return _read(path)[0]


def has_padding(path: str) -> bool:
    """Return whether the pages of a table are longer than their values. ClickHouse cannot read such a file.

    Raises: as `verify`.
    """
    details, data = _read(path)
    try:
        return uncompressed_size(data[len(PARQUET_MAGIC) :]) > 8 * details.rows  # the first column is the time
    except ValueError as error:
        raise BadFileError(path, str(error)) from error


def rows(path: str) -> list[Row]:
    """Return the rows of a table.

    Raises: as `verify`.
    """
    details, data = _read(path)
    columns = parquet_encoding.decode_table(data)
    kind = _ROWS[details.kind]
    try:
        values = [columns[name.removesuffix("_ms")] for name in kind._fields]
    except KeyError as error:
        raise BadFileError(path, f"it has no column {error}") from error
    return [kind(*row) for row in zip(*values, strict=True)]


def _read(path: str) -> tuple[TableBlock, bytes]:
    fd = open_regular(path)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_FILE_BYTES:
            raise BadFileError(path, f"it has {size} bytes, more than any table of fgm")
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


def _from_json(facts: Mapping[str, Any]) -> TableBlock:
    if facts["kind"] not in _ROWS:
        raise ValueError(f"{facts['kind']!r} is not a kind of table")
    header = FileHeader.from_json(facts["header"])
    return TableBlock(facts["kind"], header, int(facts["first_ms"]), int(facts["last_ms"]), int(facts["rows"]))
