"""The facts that fgm reads instead of the footer of a file of minutes: its block, and the sections before the block.

    "kind": "minutes", "header": {…}, "first_ms": …, "last_ms": …, "rows": …, "crc": CRC32 of all column chunks,
    "sources": [[name, fingerprint], …], "at_ms": [[…], […]], "counts": […],
    "sections": [[offset, bytes, bytes unpacked, CRC32], …],
    "metrics": {name: [section, position in it, changing runs, constant runs, group], …}

After this JSON and a zero byte there is a line for each series, with its identity columns as JSON, and after another
zero byte are the `Tables`. A section is compressed with zstd, and has the runs of some metrics, `MetricRuns`. All
numbers are little-endian.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.minutes.metric_runs import MetricPlace
from fgm.store.minutes.series_lines import SeriesLines
from fgm.store.parquet.block import pack_block
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FileHeader

VALUE_COLUMNS = ("min", "min_at_ms", "mean", "max", "max_at_ms", "last", "count")
"""The columns whose pages are listed, in file order. Times and names are in the block."""
INTEGER_COLUMNS = ("min_at_ms", "max_at_ms", "count")
"""Those that are integers: positions in a dictionary."""
MAX_SECTION_BYTES = 64 << 20
"""Maximum size of a section."""


class Section(NamedTuple):
    """Position of a section in the file.

    Unit: bytes.
    """

    offset: int
    size: int
    unpacked: int
    crc: int


@dataclass(frozen=True, slots=True)
class MinutesBlock:
    """The facts in the block of a file of minutes. `crc`: CRC32 of all bytes before the sections.

    `at_ms`, `counts`: the values that the codes in the pages of `min_at_ms`, `max_at_ms` and `count` stand for.
    `series`: all series of the file.
    """

    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int
    crc: int
    sources: tuple[Source, ...]
    at_ms: tuple[NDArray[np.int64], NDArray[np.int64]]
    counts: NDArray[np.int64]
    sections: tuple[Section, ...]
    metrics: Mapping[str, Sequence[int]]
    """The `MetricPlace` of each metric, as a sequence."""
    series: SeriesLines
    tables: "Tables"

    @classmethod
    def from_bytes(cls, content: bytes) -> "MinutesBlock":
        """Create a block from the content that `to_bytes` writes.

        Raises: ArithmeticError, AttributeError, LookupError, RecursionError, TypeError or ValueError if it is not.
        """
        raw, lines, tables = content.split(b"\0", 2)
        facts = json.loads(raw)
        if facts["kind"] != "minutes":
            raise ValueError(f"it has {facts['kind']!r}, not minutes")
        low, high = (_integers(values) for values in facts["at_ms"])
        return cls(
            header=FileHeader.from_json(facts["header"]),
            first_ms=int(facts["first_ms"]),
            last_ms=int(facts["last_ms"]),
            rows=int(facts["rows"]),
            crc=int(facts["crc"]),
            sources=tuple(Source(str(name), int(fingerprint)) for name, fingerprint in facts["sources"]),
            at_ms=(low, high),
            counts=_integers(facts["counts"]),
            sections=tuple(Section(*map(int, section)) for section in facts["sections"]),
            metrics=facts["metrics"],
            series=SeriesLines(lines),
            tables=Tables.from_bytes(tables),
        )

    def to_bytes(self, footer: bytes) -> bytes:
        """Return the block and its trailer, to be written directly before `footer`."""
        facts = {
            "kind": "minutes",
            "header": self.header.to_json(),
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "rows": self.rows,
            "crc": self.crc,
            "sources": self.sources,
            "at_ms": [values.tolist() for values in self.at_ms],
            "counts": self.counts.tolist(),
            "sections": self.sections,
            "metrics": self.metrics,
        }
        return pack_block(facts, footer, self.series.text + b"\0" + self.tables.to_bytes())

    def place_of(self, metric: str) -> MetricPlace | None:
        """Return where the runs of a metric are; None if the file does not have it.

        Raises: TypeError or ValueError if the numbers are malformed.
        """
        place = self.metrics.get(metric)
        return None if place is None else MetricPlace(*map(int, place))


@dataclass(frozen=True, slots=True)
class Shapes:
    """When the rows of runs are: first minute of the file, minutes from row to row, and number of rows.

    `at_ms`, `count`: those of all rows, if the run is constant; else 0. `first`: in minutes after the first one of the
    file.

    Shape: int64[n].
    """

    first: NDArray[np.int64]
    step: NDArray[np.int64]
    rows: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tables:
    """The shapes of runs, and the pages of the rows that change, which have the same rows in each column.

    Shape: `rows` is int64[pages]; the others are int64[columns, pages], with `offset` and sizes in bytes.
    """

    shapes: Shapes
    rows: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    crc: NDArray[np.int64]
    header_size: NDArray[np.int64]

    def to_bytes(self) -> bytes:
        """Return the tables as arrays.

        They are the numbers of shapes and of pages (u32), and the offset of the first page in each column (u64), then
        u32: all shapes, column by column, rows of each page, then column by column bytes, bytes of the page header, and
        CRC32 of each page.
        """
        shapes = self.shapes
        numbers = [shapes.first, shapes.step, shapes.rows, shapes.at_ms, shapes.count]
        numbers += [self.rows, self.size.ravel(), self.header_size.ravel(), self.crc.ravel()]
        sizes = np.array([len(shapes.rows), len(self.rows)])
        first = self.offset[:, 0] if len(self.rows) else np.zeros(len(VALUE_COLUMNS))
        parts = [sizes.astype("<u4"), first.astype("<u8"), np.concatenate(numbers).astype("<u4")]
        return b"".join([part.tobytes() for part in parts])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Tables":
        """Create the tables from the bytes that `to_bytes` returns.

        Raises: ValueError if they are not.
        """
        columns = len(VALUE_COLUMNS)
        shapes, pages = np.frombuffer(data, "<u4", 2).tolist()
        numbers = np.frombuffer(data, "<u4", 5 * shapes + (1 + 3 * columns) * pages, 8 + 8 * columns).astype(np.int64)
        first = np.frombuffer(data, "<u8", columns, 8).astype(np.int64)
        of_pages = numbers[5 * shapes + pages :].reshape(3, columns, pages)
        table = cls(
            shapes=Shapes(*numbers[: 5 * shapes].reshape(5, shapes)),
            rows=numbers[5 * shapes : 5 * shapes + pages],
            offset=first[:, None] + np.cumsum(of_pages[0], axis=1) - of_pages[0],
            size=of_pages[0],
            crc=of_pages[2],
            header_size=of_pages[1],
        )
        if table.shapes.rows.min(initial=1) < 1:
            raise ValueError("a run has no rows")
        return table


def pack_section(data: bytes, offset: int, level: int) -> tuple[Section, bytes]:
    """Return a section's position and its bytes."""
    packed = bytes(cramjam.zstd.compress(data, level=level))
    return Section(offset, len(packed), len(data), zlib.crc32(packed)), packed


def unpack_section(section: Section, packed: bytes) -> bytes:
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
