"""The facts that fgm reads instead of the footer of a file of minutes: its block, and the sections before the block.

    "kind": "minutes", "header": {…}, "first_ms": …, "last_ms": …, "rows": …, "crc": CRC32 of all column chunks,
    "sources": [[name, fingerprint], …], "at_ms": [[…], […]], "counts": […],
    "pages": [offset, bytes, bytes unpacked, CRC32],
    "metrics": {name: [offset, bytes, bytes unpacked, CRC32, first row], …},
    "series": [[the identity columns], …]

A section is compressed with zstd, and is little-endian arrays. That of the pages has, for each page of the rows that
change: number of rows (u32), then for each of the columns `VALUE_COLUMNS` bytes (u32), CRC32 (u32) and bytes of the
page header (u8), column by column; before them is the offset of the first of these pages in each column (u64). That
of a metric has its runs, see `Runs`.
"""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

VALUE_COLUMNS = ("min", "min_at_ms", "mean", "max", "max_at_ms", "last", "count")
"""The columns whose pages are listed, in file order. Times and names are in the block."""
MAX_SECTION_BYTES = 64 << 20
"""Maximum size of a section."""
_COUNTS = struct.Struct("<II")
_SERIES = b',"series":'


class Section(NamedTuple):
    """Position of a section in the file.

    Unit: bytes.
    """

    offset: int
    size: int
    unpacked: int
    crc: int


class MetricSection(NamedTuple):
    """Position of the section of a metric. `first_row`: row at which its rows that change begin."""

    offset: int
    size: int
    unpacked: int
    crc: int
    first_row: int


@dataclass(frozen=True, slots=True)
class MinutesBlock:
    """The facts in the block of a file of minutes. `crc`: CRC32 of all bytes before the sections.

    `at_ms`, `counts`: the values that the codes in the pages of `min_at_ms`, `max_at_ms` and `count` stand for.
    `series`: all series of the file, and `position` the index of each key.
    """

    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    crc: int
    sources: tuple[tuple[str, int], ...]
    at_ms: tuple[NDArray[np.int64], NDArray[np.int64]]
    counts: NDArray[np.int64]
    pages: Section
    metrics: Mapping[str, MetricSection]
    series: tuple[Series, ...]
    position: Mapping[str, int]

    @classmethod
    def from_bytes(cls, content: bytes) -> "MinutesBlock":
        """Create a block from its JSON.

        Raises: ArithmeticError, AttributeError, LookupError, RecursionError, TypeError or ValueError if it is not what
        `facts` returned.
        """
        series_at = content.rindex(_SERIES)
        facts = json.loads(content[:series_at] + b"}")
        if facts["kind"] != "minutes":
            raise ValueError(f"it has {facts['kind']!r}, not minutes")
        series, position = _series(content[series_at + len(_SERIES) : -1])
        low, high = (_integers(values) for values in facts["at_ms"])
        return cls(
            header=FileHeader.from_json(facts["header"]),
            first_ms=int(facts["first_ms"]),
            last_ms=int(facts["last_ms"]),
            rows=int(facts["rows"]),
            crc=int(facts["crc"]),
            sources=tuple((str(name), int(fingerprint)) for name, fingerprint in facts["sources"]),
            at_ms=(low, high),
            counts=_integers(facts["counts"]),
            pages=Section(*facts["pages"]),
            metrics={name: MetricSection(*section) for name, section in facts["metrics"].items()},
            series=series,
            position=position,
        )

    def facts(self) -> dict[str, object]:
        """Return the block as JSON values."""
        return {
            "kind": "minutes",
            "header": self.header.to_json(),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "rows": self.rows,
            "crc": self.crc,
            "sources": [list(source) for source in self.sources],
            "at_ms": [values.tolist() for values in self.at_ms],
            "counts": self.counts.tolist(),
            "pages": list(self.pages),
            "metrics": {name: list(section) for name, section in self.metrics.items()},
            "series": [to_json(series) for series in self.series],
        }


@dataclass(frozen=True, slots=True)
class Runs:
    """Minutes of one metric at equal distances: of one series each, in ascending order of series and time.

    `series`: index of the series; `first`: its first minute, in minutes after the first one of the file; `step`:
    minutes from row to row; `rows`: number of rows.

    Shape: int64[n].
    """

    series: NDArray[np.int64]
    first: NDArray[np.int64]
    step: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MetricRuns:
    """The runs of a metric. `changing`: their values are in pages. `constant`: each has one value, in `value`.

    The row of a constant run has `value` as lowest, mean, highest and last value, `at_ms` as the time of its extremes,
    and `count`.
    """

    changing: Runs
    constant: Runs
    value: NDArray[np.float64]
    at_ms: NDArray[np.int64]
    count: NDArray[np.int64]

    def to_bytes(self) -> bytes:
        """Return the runs as arrays. Series are written as differences, which are mostly 1."""
        parts = [_COUNTS.pack(len(self.changing.rows), len(self.constant.rows))]
        for runs in (self.changing, self.constant):
            columns = (np.diff(runs.series, prepend=0), runs.first, runs.step, runs.rows)
            parts += [column.astype("<u4").tobytes() for column in columns]
        parts += [self.at_ms.astype("<u4").tobytes(), self.count.astype("<u4").tobytes()]
        return b"".join([*parts, self.value.astype("<f8").tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes, series: int) -> "MetricRuns":
        """Create the runs from the bytes that `to_bytes` returns. `series`: number of series of the file.

        Raises: ValueError or struct.error if they are not what `to_bytes` returns.
        """
        changing, constant = _COUNTS.unpack_from(data)
        if len(data) != _COUNTS.size + 16 * changing + 32 * constant:
            raise ValueError("the runs of a metric have an impossible size")
        numbers = np.frombuffer(data, "<u4", 4 * changing + 6 * constant, _COUNTS.size).astype(np.int64)
        value = np.frombuffer(data, "<f8", constant, len(data) - 8 * constant)
        of_changing, of_constant = np.split(numbers, [4 * changing])
        columns = of_constant.reshape(6, constant)
        runs = cls(_runs(of_changing.reshape(4, changing)), _runs(columns[:4]), value, columns[4], columns[5])
        for each in (runs.changing, runs.constant):
            if each.series.max(initial=-1) >= series or each.rows.min(initial=1) < 1:
                raise ValueError("a run has an impossible series or size")
        return runs


def _runs(columns: NDArray[np.int64]) -> Runs:
    return Runs(np.cumsum(columns[0]), columns[1], columns[2], columns[3])


@dataclass(frozen=True, slots=True)
class PageTable:
    """The pages of the rows that change. They have the same rows in each column.

    Shape: `rows` is int64[pages]; the others are [columns, pages], `offset` and sizes in bytes.
    """

    rows: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    crc: NDArray[np.int64]
    header_size: NDArray[np.int64]

    def to_bytes(self) -> bytes:
        """Return the table as arrays."""
        first = self.offset[:, :1] if len(self.rows) else np.zeros((len(VALUE_COLUMNS), 1))
        return b"".join(
            [
                first.astype("<u8").tobytes(),
                self.rows.astype("<u4").tobytes(),
                self.size.astype("<u4").tobytes(),
                self.crc.astype("<u4").tobytes(),
                self.header_size.astype("<u1").tobytes(),
            ]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "PageTable":
        """Create the table from the bytes that `to_bytes` returns.

        Raises: ValueError if they are not.
        """
        columns = len(VALUE_COLUMNS)
        pages, rest = divmod(len(data) - 8 * columns, 4 + 9 * columns)
        if rest or pages < 0:
            raise ValueError("the table of pages has an impossible size")
        first = np.frombuffer(data, "<u8", columns).astype(np.int64)
        numbers = np.frombuffer(data, "<u4", pages * (1 + 2 * columns), 8 * columns).astype(np.int64)
        rows, sizes = numbers[:pages], numbers[pages:].reshape(2, columns, pages)
        header_size = np.frombuffer(data, "<u1", pages * columns, len(data) - pages * columns)
        offset = first[:, None] + np.cumsum(sizes[0], axis=1) - sizes[0]
        return cls(rows, offset, sizes[0], sizes[1], header_size.reshape(columns, pages).astype(np.int64))


def pack_section(data: bytes, offset: int, level: int) -> tuple[Section, bytes]:
    """Return a section's position and its bytes."""
    packed = bytes(cramjam.zstd.compress(data, level=level))
    return Section(offset, len(packed), len(data), zlib.crc32(packed)), packed


def unpack_section(section: Section | MetricSection, packed: bytes) -> bytes:
    """Return the content of a section.

    Raises: ValueError if it is damaged.
    """
    if zlib.crc32(packed) != section.crc or not 0 <= section.unpacked <= MAX_SECTION_BYTES:
        raise ValueError("a section does not match its checksum")
    data = bytearray(section.unpacked)
    try:
        written = cramjam.zstd.decompress_into(packed, data)
    except cramjam.DecompressionError as error:
        raise ValueError(str(error)) from error
    if written != section.unpacked:
        raise ValueError("a section is shorter than its block says")
    return bytes(data)


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array([int(value) for value in values], np.int64)


@lru_cache(maxsize=32)
def _series(text: bytes) -> tuple[tuple[Series, ...], Mapping[str, int]]:
    series = tuple(from_json(names) for names in json.loads(text))
    return series, {each.key: index for index, each in enumerate(series)}
