"""The block of a metrics file: the position of each column chunk, and the rows of each series.

    "header": {…}, "first_ms": …, "last_ms": …, "rows": …,
    "columns": {name: [offset, bytes, bytes of the page header, bytes of the uncompressed page, values, CRC32], …},
    "runs": [[[the identity columns], first row, rows], …]

The parts are always in this order, because `WindowBlock.from_bytes` depends on it. `fgm.store.parquet.block` packs the
JSON.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fgm.store.errors import BadFileError
from fgm.store.parquet.block import pack_block, read_block
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

TIME = "time"
LATE = "late_ms"

_COLUMNS, _RUNS = b',"columns":', b'},"runs":'
_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""Errors that reading the JSON may raise if it has a correct checksum but was not written by fgm."""


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """Position of a column chunk in its file. `present`: number of values that are not null.

    Unit: bytes, for the offset and the sizes.
    """

    offset: int
    size: int
    page_header_size: int
    page_size: int
    present: int
    crc: int


class _LazyColumns(Mapping[str, ColumnChunk]):
    """The column chunks in a block's JSON, each parsed on access: most queries need only a few of them."""

    __slots__ = ("_json",)

    def __init__(self, text: bytes) -> None:
        self._json = text

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
        return ColumnChunk(*map(int, numbers.split(b",")))

    def __iter__(self) -> Iterator[str]:
        return iter(json.loads(self._json))

    def __len__(self) -> int:
        return len(json.loads(self._json))


@dataclass(frozen=True, slots=True)
class Run:
    """The rows of one series: `count` rows, starting with row `first`."""

    series: Series
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class WindowBlock:
    """The facts in the block of a metrics file. `columns`: by name, including `time` and `late_ms`."""

    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    columns: Mapping[str, ColumnChunk]
    runs: tuple[Run, ...]
    by_key: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    """The runs of each series, by `Series.key`; empty in a block that was not read from a file."""

    def to_bytes(self, footer: bytes) -> bytes:
        """Return the block and its trailer, to be written directly before `footer`."""
        facts = {
            "header": self.header.to_json(),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "rows": self.rows,
            "columns": {
                name: [c.offset, c.size, c.page_header_size, c.page_size, c.present, c.crc]
                for name, c in self.columns.items()
            },
            "runs": [[to_json(run.series), run.first, run.count] for run in self.runs],
        }
        return pack_block(facts, footer)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "WindowBlock":
        """Create a block from the JSON that `to_bytes` writes.

        The text is split at its keys before it is parsed, because a query opens hundreds of windows and needs only a
        few columns of each. With 147 columns and 101 series, this takes 19 us if the runs are cached; parsing the whole
        JSON takes 279 us. (Reading and decompressing the block takes 60 us.) Quotes inside JSON strings are escaped, so
        these keys, which contain quotes, match only between the parts.

        Raises: one of _MALFORMED if the JSON is not what `to_bytes` writes.
        """
        columns_at = raw.index(_COLUMNS)
        runs_at = raw.index(_RUNS, columns_at)
        facts = json.loads(raw[:columns_at] + b"}")
        runs, by_key = _runs(raw[runs_at + len(_RUNS) : -1])
        block = cls(
            header=FileHeader.from_json(facts["header"]),
            first_ms=int(facts["first_ms"]),
            last_ms=int(facts["last_ms"]),
            rows=int(facts["rows"]),
            columns=_LazyColumns(raw[columns_at + len(_COLUMNS) : runs_at + 1]),
            runs=runs,
            by_key=by_key,
        )
        rows = runs[-1].first + runs[-1].count if runs else 0
        if rows != block.rows:
            raise ValueError(f"it has {block.rows} rows, but its series have {rows}")
        return block


def read_window_block(path: str, fd: int) -> WindowBlock:
    """Return the block of an open metrics file.

    Raises: OSError.
    Raises: BadFileError if the file was not written by fgm, or its block is damaged.
    """
    raw, _ = read_block(path, fd)
    try:
        return WindowBlock.from_bytes(raw)
    except _MALFORMED as error:
        raise BadFileError(path, f"malformed block: {error}") from error


@lru_cache(maxsize=32)  # windows have equal runs as long as no container starts or ends
def _runs(text: bytes) -> tuple[tuple[Run, ...], Mapping[str, tuple[Run, ...]]]:
    """Return the runs in file order, and the runs of each series by `Series.key`."""
    runs = tuple(Run(from_json(names), int(first), int(count)) for names, first, count in json.loads(text))
    by_key: dict[str, tuple[Run, ...]] = {}
    end = 0
    for run in runs:
        if run.first != end or run.count < 1:
            raise ValueError(f"the rows of {run.series.key} do not follow those of the series before it")
        end += run.count
        by_key[run.series.key] = (*by_key.get(run.series.key, ()), run)
    return runs, by_key
