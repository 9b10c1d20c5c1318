"""The directory block `FGM1`: reads columns of fgm's own Parquet files without parsing their footers.

It stands between the last column chunk and the footer, where every other reader skips (`trailer.py`). Its JSON has the
facts of FileHeader, the first and last tick, the row count, per column `[offset, size, page header size, page size
uncompressed, values that are not null, CRC32]`, and per series `[identity, first row, row count]`.
Every byte that is decoded was checked against a CRC first, so a damaged file is refused, never misread.
"""

import json
import os
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.opening import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.block import pack_block, read_block
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

MAX_COLUMN_BYTES = 256 << 20
_ROW_BYTES, _LEVELS_BYTES = 9, 64
"""A page has at most so many bytes a row (a value, and whether it is there), and so many beside."""

TIME = "time"
LATE = "late_ms"


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """Where one column chunk lies. Sizes and offsets in bytes; `present`: how many values are not null."""

    offset: int
    size: int
    page_header_size: int
    page_size: int
    present: int
    crc: int


class _Places(Mapping[str, ColumnPlace]):
    """Columns of a block, in the JSON that it has of them; each is read when it is asked for, most never are."""

    __slots__ = ("_text",)

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __getitem__(self, name: str) -> ColumnPlace:
        """Return where a column lies. Raises TypeError or ValueError where that makes no sense."""
        mark = f'"{name}":['.encode()
        at = self._text.find(mark)
        if at < 0:
            raise KeyError(name)
        numbers = self._text[at + len(mark) : self._text.index(b"]", at)]
        return ColumnPlace(*map(int, numbers.split(b",")))

    def __iter__(self) -> Iterator[str]:
        return iter(json.loads(self._text))

    def __len__(self) -> int:
        return len(json.loads(self._text))


@dataclass(frozen=True, slots=True)
class Run:
    """The rows of one series: `count` rows from `first` on."""

    series: Series
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Directory:
    """What the block says. `columns`: by name, with `time` and `late_ms` among them."""

    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    columns: Mapping[str, ColumnPlace]
    runs: tuple[Run, ...]
    by_key: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    """The runs by `Series.key`, where it was read from a file."""

    def to_bytes(self, footer: bytes) -> bytes:
        """Return the block and its trailer, as they stand before `footer`."""
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
    def from_bytes(cls, raw: bytes) -> "Directory":
        """Read the JSON, as `to_bytes` wrote it. Raises what _NONSENSE has where it makes no sense.

        In a string a quote is escaped, so what is looked for here is found only where it divides.
        """
        columns_at = raw.index(_COLUMNS)
        runs_at = raw.index(_RUNS, columns_at)
        facts = json.loads(raw[:columns_at] + b"}")
        runs, by_key = _runs(raw[runs_at + len(_RUNS) : -1])
        directory = cls(
            header=FileHeader.from_json(facts["header"]),
            first_ms=int(facts["first_ms"]),
            last_ms=int(facts["last_ms"]),
            rows=int(facts["rows"]),
            columns=_Places(raw[columns_at + len(_COLUMNS) : runs_at + 1]),
            runs=runs,
            by_key=by_key,
        )
        rows = runs[-1].first + runs[-1].count if runs else 0
        if rows != directory.rows:
            raise ValueError(f"it has {directory.rows} rows, and its series have {rows}")
        return directory


_COLUMNS, _RUNS = b',"columns":', b'},"runs":'
_NONSENSE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@lru_cache(maxsize=32)  # while no container comes or goes, all windows say the same
def _runs(text: bytes) -> tuple[tuple[Run, ...], Mapping[str, tuple[Run, ...]]]:
    """Read how rows are divided among series: in file order, and by key."""
    runs = tuple(Run(from_json(names), int(first), int(count)) for names, first, count in json.loads(text))
    by_key: dict[str, tuple[Run, ...]] = {}
    end = 0
    for run in runs:
        if run.first != end or run.count < 1:
            raise ValueError(f"the rows of {run.series.key} are not those behind the series before it")
        end += run.count
        by_key[run.series.key] = (*by_key.get(run.series.key, ()), run)
    return runs, by_key


class WindowFile:
    """One closed window, open for reading. Raises BadFileError wherever its bytes are not what a CRC promises."""

    def __init__(self, path: str, fd: int, directory: Directory) -> None:
        self.path = path
        self.directory = directory
        self._fd = fd

    @classmethod
    def open(cls, path: str, dir_fd: int | None = None) -> "WindowFile":
        """Open by path (below `dir_fd`). Raises FileNotFoundError, and BadFileError where it is not fgm's."""
        fd = open_regular(path, dir_fd)
        try:
            return cls(path, fd, read_directory(path, fd))
        except BaseException:
            os.close(fd)
            raise

    @property
    def header(self) -> FileHeader:
        """The facts that hold for every row."""
        return self.directory.header

    @property
    def series(self) -> tuple[Series, ...]:
        """Its series, in file order."""
        return tuple(run.series for run in self.directory.runs)

    @property
    def metrics(self) -> frozenset[str]:
        """The columns that hold a value in some row."""
        present = {
            name for name in self.directory.columns if (place := self._place(name)) is not None and place.present
        }
        return frozenset(present - {TIME, LATE})

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one metric column, float64[rows], NaN for null; all NaN where the file has no such column."""
        place = self._place(name)
        if place is None or not place.present:
            return np.full(self.directory.rows, np.nan)
        try:
            present, data = self._levels(self._page(name, place))
        except IndexError as error:
            raise BadFileError(self.path, f"column {name}: its definition levels are cut short") from error
        there = self.directory.rows if present is None else int(np.count_nonzero(present))
        if place.present != there:
            raise BadFileError(self.path, f"column {name} has {there} values, its block says {place.present}")
        if len(data) < 8 * there:
            raise BadFileError(self.path, f"column {name} is shorter than its block says")
        values = np.frombuffer(data, "<f8", place.present)
        if present is None:
            return values
        column = np.full(self.directory.rows, np.nan)
        column[present] = values
        return column

    def time_ms(self) -> NDArray[np.int64]:
        """Return the tick of every row, int64[rows]."""
        place = self._place(TIME)
        if place is None:
            raise BadFileError(self.path, "it has no column time")
        page = self._page(TIME, place)
        if len(page) < 8 * self.directory.rows:
            raise BadFileError(self.path, "column time is shorter than its block says")
        return np.frombuffer(page, "<i8", self.directory.rows)

    def chunks(self, metrics: Sequence[str], keys: Collection[str] | None = None) -> list[Chunk]:
        """Return the rows, a chunk a series; `keys`: only these series (`Series.key`)."""
        runs = self.directory.runs
        if keys is not None:
            there = self.directory.by_key
            runs = tuple(sorted((run for key in keys for run in there.get(key, ())), key=lambda run: run.first))
        if not runs:
            return []
        time_ms, late_ms = self.time_ms(), self.column(LATE)
        columns = {name: self.column(name) for name in metrics}
        return [
            Chunk(
                run.series,
                time_ms[run.first : run.first + run.count],
                late_ms[run.first : run.first + run.count],
                {name: column[run.first : run.first + run.count] for name, column in columns.items()},
            )
            for run in runs
        ]

    def verify(self) -> None:
        """Read every column. Raises BadFileError at the first that is damaged."""
        self.time_ms()
        for name in self.directory.columns.keys() - {TIME}:
            self.column(name)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _place(self, name: str) -> ColumnPlace | None:
        try:
            return self.directory.columns.get(name)
        except (TypeError, ValueError) as error:
            raise BadFileError(self.path, f"its block makes no sense: column {name}: {error}") from error

    def _page(self, name: str, place: ColumnPlace) -> NDArray[np.uint8]:
        most = _ROW_BYTES * self.directory.rows + _LEVELS_BYTES
        is_possible = 0 <= place.offset < 1 << 62 and 0 <= place.page_header_size <= place.size <= MAX_COLUMN_BYTES
        if not is_possible or not 0 <= place.page_size <= min(most, MAX_COLUMN_BYTES):
            raise BadFileError(self.path, f"column {name} has an impossible size")
        chunk = os.pread(self._fd, place.size, place.offset)
        if zlib.crc32(chunk) != place.crc:
            raise BadFileError(self.path, f"column {name} does not match its checksum")
        page = np.empty(place.page_size, np.uint8)
        try:
            written = cramjam.zstd.decompress_into(memoryview(chunk)[place.page_header_size :], page.data)
        except cramjam.DecompressionError as error:
            raise BadFileError(self.path, f"column {name}: {error}") from error
        if written != place.page_size:
            raise BadFileError(self.path, f"column {name} is shorter than its block says")
        return page

    def _levels(self, page: NDArray[np.uint8]) -> tuple[NDArray[np.bool_] | None, memoryview]:
        """Split an optional column's page into which rows are present (None: all) and the values' bytes.

        Definition levels of bit width 1, as runs: https://parquet.apache.org/docs/file-format/data-pages/encodings/
        """
        data = page.data
        end = 4 + int.from_bytes(data[:4], "little")
        present = np.empty(0, np.bool_)
        place, parts, rows = 4, [], 0
        while place < end and rows < self.directory.rows:
            run, place = _varint(data, place)
            if run & 1:
                count = (run >> 1) * 8
                parts.append(np.unpackbits(page[place : place + (run >> 1)], bitorder="little").view(np.bool_))
                place += run >> 1
            else:
                count = run >> 1
                parts.append(np.full(count, bool(data[place]), np.bool_))
                place += 1
            rows += count
        if rows < self.directory.rows:
            raise BadFileError(self.path, "definition levels end before the last row")
        present = np.concatenate(parts)[: self.directory.rows]
        return (None if present.all() else present), data[end:]


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def read_directory(path: str, fd: int) -> Directory:
    """Return what an open file says of itself. Raises BadFileError."""
    raw, _ = read_block(path, fd)
    try:
        return Directory.from_bytes(raw)
    except _NONSENSE as error:
        raise BadFileError(path, f"its block makes no sense: {error}") from error
