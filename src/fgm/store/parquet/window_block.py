"""The block of a metrics file: the position of each page, and the rows of each series.

    "header": {…}, "first_ms": …, "last_ms": …, "rows": …,
    "ticks": [[ms after first_ms, ms from tick to tick, number of ticks], …],
    "sources": [[name, fingerprint], …], "schema": …, "crc": …,
    "columns": {name: type, …},
    "runs": [[[the identity columns], first row, rows, index of the first tick or null], …]

The parts are always in this order, because `WindowBlock.from_bytes` depends on it. The numbers of the pages follow the
JSON, see `page_table`. `columns` has only those that have values. Before format version 4, `columns` had all, each with
`[offset, bytes, bytes of the page header, bytes of the uncompressed page, values, CRC32]`, and there were neither
`ticks` nor `sources`. `fgm.store.parquet.block` packs the content.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.errors import BadFileError
from fgm.store.parquet.block import pack_block, read_block
from fgm.store.parquet.pages.page_table import ColumnChunk, ColumnChunks, PagePosition, PageTable, chunk_types
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

TIME = "time"
LATE = "late_ms"
"""Name of the lateness in memory, and in files before format version 4."""
LATE_US = "late_us"
"""Name of the column with the lateness, in whole microseconds, from format version 4 on."""

_COLUMNS, _RUNS = b',"columns":', b'},"runs":'
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors that reading the JSON may raise if it has a correct checksum but was not written by fgm."""
_MAX_TICKS = 1 << 24
"""Maximum number of ticks of a file."""
_MAX_ROWS = 1 << 25
"""Maximum number of rows of a file. A few bytes of a damaged one could mean any number."""


class _LazyColumns(Mapping[str, ColumnChunk]):
    """The column chunks in a block's JSON before format version 4, each parsed on access."""

    __slots__ = ("_json", "_rows")

    def __init__(self, text: bytes, rows: int) -> None:
        self._json = text
        self._rows = rows

    def __getitem__(self, name: str) -> ColumnChunk:
        """Parse and return the column chunk of one column.

        Raises: KeyError if there is no such column.
        Raises: TypeError or ValueError if its numbers are malformed.
        """
        key = f'"{name}":['.encode()
        start = self._json.find(key)
        if start < 0:
            raise KeyError(name)
        numbers = self._json[start + len(key) : self._json.index(b"]", start)]
        offset, size, header_size, page_size, present, crc = map(int, numbers.split(b","))
        page = PagePosition(offset, size, header_size, page_size, self._rows, present, 0, crc)
        return ColumnChunk("time" if name == TIME else "number", (page,))

    def __iter__(self) -> Iterator[str]:
        return iter(json.loads(self._json))

    def __len__(self) -> int:
        return len(json.loads(self._json))

    def with_values(self) -> frozenset[str]:
        """Return the names of the columns that have values. Parsing each column on its own would take longer.

        Raises: one of MALFORMED if a column is malformed.
        """
        names = set()
        for name, (_, _, _, _, present, _) in json.loads(self._json).items():
            if int(present):
                names.add(name)
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Run:
    """The rows of one series: `count` rows, starting with row `first`.

    `first_tick`: index of the tick of its first row, if its rows are at successive ticks of the file; else None.
    """

    series: Series
    first: int
    count: int
    first_tick: int | None = None


class Source(NamedTuple):
    """A file whose rows were merged into this one. `fingerprint`: that of `WindowBlock`."""

    name: str
    fingerprint: int


@dataclass(frozen=True, slots=True)
class WindowBlock:
    """The facts in the block of a metrics file.

    `columns`: by name, those that have values, including `time` and `late_us` (`late_ms` before format version 4, when
    columns without values were there, too). `ticks`: the ticks of the file in groups of equal distance, as ms after
    `first_ms`, ms from tick to tick, and number; empty if they are only in the column `time`. `fingerprint`: the CRC32
    of block and footer; 0 if it was not read from a file. Files with the same fingerprint have the same content.
    """

    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    columns: Mapping[str, ColumnChunk]
    runs: tuple[Run, ...]
    by_key: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    """The runs of each series, by `Series.key`; empty in a block that was not read from a file."""
    ticks: tuple[tuple[int, int, int], ...] = ()
    sources: tuple[Source, ...] = ()
    schema: int = 0
    """CRC32 of the names and types of all metric columns, also of those without values; 0 before format version 4."""
    crc: int | None = None
    """CRC32 of all column chunks together that `columns` does not have; None before format version 4."""
    offset: int = 0
    """Where the block begins in its file, behind the last column chunk."""
    fingerprint: int = 0
    columns_bytes: int = 0
    """Size of what `columns` keeps in memory."""

    def to_bytes(self, footer: bytes) -> bytes:
        """Return the block and its trailer, to be written directly before `footer`."""
        facts = {
            "header": self.header.to_json(),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "rows": self.rows,
            "ticks": self.ticks,
            "sources": self.sources,
            "schema": self.schema,
            "crc": self.crc,
            "columns": {name: column.type for name, column in self.columns.items()},
            "runs": [[to_json(run.series), run.first, run.count, run.first_tick] for run in self.runs],
        }
        return pack_block(facts, footer, PageTable.of(self.columns.values()).to_bytes())

    @classmethod
    def from_bytes(cls, content: bytes, offset: int = 0, fingerprint: int = 0) -> "WindowBlock":
        """Create a block from the content that `to_bytes` writes.

        The text is split at its keys before it is parsed, because a query opens hundreds of windows and needs only a
        few columns of each, and because windows have equal columns and runs as long as no container starts or ends.
        Quotes inside JSON strings are escaped, so these keys, which contain quotes, match only between the parts.

        Raises: one of MALFORMED if the content is not what `to_bytes` writes.
        """
        end = content.find(b"\0")
        raw = content if end < 0 else content[:end]
        columns_at = raw.index(_COLUMNS)
        runs_at = raw.index(_RUNS, columns_at)
        facts = json.loads(raw[:columns_at] + b"}")
        runs, by_key = _runs(raw[runs_at + len(_RUNS) : -1])
        columns_json = raw[columns_at + len(_COLUMNS) : runs_at + 1]
        rows = int(facts["rows"])
        block = cls(
            header=FileHeader.from_json(facts["header"]),
            first_ms=int(facts["first_ms"]),
            last_ms=int(facts["last_ms"]),
            rows=rows,
            columns=_LazyColumns(columns_json, rows)
            if end < 0
            else ColumnChunks(chunk_types(columns_json), content[end + 1 :]),
            runs=runs,
            by_key=by_key,
            ticks=tuple((int(first), int(step), int(count)) for first, step, count in facts.get("ticks", ())),
            sources=tuple(Source(str(name), int(crc)) for name, crc in facts.get("sources", ())),
            schema=int(facts.get("schema", 0)),
            crc=facts.get("crc"),
            offset=offset,
            fingerprint=fingerprint,
            columns_bytes=len(columns_json) if end < 0 else len(content) - end,
        )
        if not 0 < rows <= _MAX_ROWS:
            raise ValueError(f"it has {rows} rows; a file has at most {_MAX_ROWS}")
        rows_of_runs = runs[-1].first + runs[-1].count if runs else 0
        if rows_of_runs != rows:
            raise ValueError(f"it has {rows} rows, but its series have {rows_of_runs}")
        _check_ticks(block)
        return block

    @property
    def has_empty_columns(self) -> bool:
        """Whether `columns` has those without values, too, as before format version 4."""
        return isinstance(self.columns, _LazyColumns)

    @property
    def metrics(self) -> frozenset[str]:
        """The metric columns that have values.

        Raises: one of MALFORMED if a column is malformed.
        """
        columns = self.columns
        names = columns.with_values() if isinstance(columns, _LazyColumns) else columns.keys()
        return frozenset(names - {TIME, LATE, LATE_US})

    def tick_ms(self) -> NDArray[np.int64]:
        """Return the ticks of the file in ascending order; none if they are only in the column `time`."""
        parts = [self.first_ms + first + step * np.arange(count) for first, step, count in self.ticks]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int64), *parts])


def _check_ticks(block: WindowBlock) -> None:
    ticks = 0
    for first, step, count in block.ticks:
        if count < 1 or max(abs(first), abs(step), abs(block.first_ms)) >= 1 << 52:
            raise ValueError("its ticks are impossible")
        ticks += count
    if ticks > _MAX_TICKS:
        raise ValueError(f"it has {ticks} ticks, more than {_MAX_TICKS}")
    ends = [run.first_tick + run.count for run in block.runs if run.first_tick is not None]
    if ends and max(ends) > ticks:
        raise ValueError("the rows of a series go beyond the last tick")


def read_window_block(path: str, fd: int) -> WindowBlock:
    """Return the block of an open metrics file.

    Raises: OSError.
    Raises: BadFileError if the file was not written by fgm, or its block is damaged.
    """
    content, offset, crc = read_block(path, fd)
    try:
        return WindowBlock.from_bytes(content, offset, crc)
    except MALFORMED as error:
        raise BadFileError(path, f"malformed block: {error}") from error


@lru_cache(maxsize=32)  # windows have equal runs as long as no container starts or ends
def _runs(text: bytes) -> tuple[tuple[Run, ...], Mapping[str, tuple[Run, ...]]]:
    """Return the runs in file order, and the runs of each series by `Series.key`."""
    runs = tuple(_run(*parts) for parts in json.loads(text))
    by_key: dict[str, tuple[Run, ...]] = {}
    end = 0
    for run in runs:
        if run.first != end or run.count < 1:
            raise ValueError(f"the rows of {run.series.key} do not follow those of the series before it")
        end += run.count
        by_key[run.series.key] = (*by_key.get(run.series.key, ()), run)
    return runs, by_key


def _run(names: list[str | None], first: int, count: int, first_tick: int | None = None) -> Run:
    if first_tick is not None and int(first_tick) < 0:
        raise ValueError("a series begins before the first tick")
    return Run(from_json(names), int(first), int(count), None if first_tick is None else int(first_tick))
