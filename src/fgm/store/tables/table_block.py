"""The block of a table: which rows belong to which series, and from format version 4 on, the position of each page.

    "kind": …, "header": {…}, "first_ms": …, "last_ms": …, "rows": …,
    "sources": [[name, fingerprint], …],
    "columns": {name: type, …},
    "runs": [[position in the dictionary of each field of RUN_FIELDS, …, number of rows], …]

The numbers of the pages follow the JSON, see `fgm.store.parquet.pages.page_table`. Before format version 4, there were
no `sources`, `columns` and `runs`, but `crc`, the CRC32 of all bytes before the block.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet.block import pack_block, read_block
from fgm.store.parquet.pages.page_table import ColumnChunk, ColumnChunks, PageTable, chunk_types
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FileHeader
from fgm.store.tables.table_rows import ROWS, RUN_FIELDS

MAX_ROWS = 1 << 26
"""Maximum number of rows of a table. A file with more was not written by fgm."""
_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors that reading the JSON may raise if it has a correct checksum but was not written by fgm."""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """The facts in the block of one table.

    `first_ms`, `last_ms`: times of its oldest and newest row. `sources`: the tables that were merged into this one,
    none if it is that of a window. `fingerprint`: the CRC32 of block and footer.
    Tables with the same fingerprint have the same content.
    """

    kind: TableKind
    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    sources: tuple[Source, ...] = ()
    fingerprint: int = field(default=0, compare=False)
    columns: Mapping[str, ColumnChunk] = field(default_factory=dict, compare=False)
    """The column chunks by name; empty before format version 4."""
    runs: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64), compare=False)
    """For each run of rows of one series: the positions of its texts in their dictionaries, and the number of rows."""
    crc: int = field(default=0, compare=False)
    """CRC32 of all bytes before the block, before format version 4."""

    def to_bytes(self, footer: bytes) -> bytes:
        """Return the block and its trailer, to be written directly before `footer`."""
        facts = {
            "kind": self.kind,
            "header": self.header.to_json(),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "rows": self.rows,
            "sources": self.sources,
            "columns": {name: chunk.type for name, chunk in self.columns.items()},
            "runs": self.runs.tolist(),
        }
        return pack_block(facts, footer, PageTable.of(self.columns.values()).to_bytes())


def read_table_block(path: str, fd: int) -> tuple[TableBlock, int]:
    """Return the block of an open table, and its offset in the file.

    Raises: OSError.
    Raises: BadFileError if the file was not written by fgm, or its block is damaged.
    """
    content, offset, fingerprint = read_block(path, fd)
    try:
        return _from_bytes(content, fingerprint), offset
    except _MALFORMED as error:
        raise BadFileError(path, f"malformed block: {error}") from error


def _from_bytes(content: bytes, fingerprint: int) -> TableBlock:
    text, separator, numbers = content.partition(b"\0")
    facts: dict[str, Any] = json.loads(text)
    kind = facts["kind"]
    if kind not in ROWS:
        raise ValueError(f"{kind!r} is not a kind of table")
    block = TableBlock(
        kind,
        FileHeader.from_json(facts["header"]),
        int(facts["first_ms"]),
        int(facts["last_ms"]),
        int(facts["rows"]),
        tuple(Source(str(name), int(crc)) for name, crc in facts.get("sources", ())),
        fingerprint,
        ColumnChunks(chunk_types(json.dumps(facts["columns"]).encode()), numbers) if separator else {},
        _runs(kind, facts["runs"]) if separator else np.empty((0, 0), np.int64),
        0 if separator else int(facts["crc"]),
    )
    if not 0 < block.rows <= MAX_ROWS:
        raise ValueError(f"it has {block.rows} rows")
    if separator and block.rows != int(block.runs[:, -1].sum()):
        raise ValueError(f"it has {block.rows} rows, but its series have {int(block.runs[:, -1].sum())}")
    return block


def _runs(kind: TableKind, runs: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    array = np.array(runs, np.int64)
    if array.ndim != 2 or array.shape[1] != len(RUN_FIELDS[kind]) + 1:
        raise ValueError("its series have another number of texts than they should")
    if array[:, :-1].min() < -1 or array[:, -1].min() < 1:
        raise ValueError("its series are impossible")
    return array
