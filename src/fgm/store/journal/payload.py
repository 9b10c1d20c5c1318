"""Payloads: the content of a journal's frames. The format is private to fgm; see docs/data-directory.md.

The first byte of a payload is its kind:

    H  header: JSON {"journal_version", "columns", the facts of FileHeader, "supersedes": true if the wall clock was set
       back and this window is recorded for the second time}. It begins a segment: at the start of the file, and again
       each time a collector continues it. Series numbers and differences start over in each segment.
    S  series: JSON [[number, [identity columns]], ...]. If a number is repeated, the later identity replaces the
       earlier one: a name became known late.
    T  tick, complete: i64 time_ms, u32 rows, u32 series number of each row, zstd of the rows.
    D  tick, as difference: the same, with its rows XORed with the rows of the previous tick, which had the same series.

JSON is stored as `u32 bytes of JSON, zstd of it`. A row is `late_ms` and then the header's columns, as float64, NaN for
null. The bytes of a tick's rows are transposed before they are compressed, because that compresses better: all first
bytes, then all second bytes, and so on.
"""

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

JOURNAL_VERSION = 1

# Limits of what a reader accepts, so that damage with a correct checksum cannot exhaust its memory.
MAX_JSON_BYTES = 64 << 20
"""Maximum size of the JSON in one payload."""
MAX_ROWS = 200_000
"""Maximum number of rows in one tick."""
MAX_SERIES = 1 << 22
"""Maximum number of series in one segment: enough for a hundred new series per second in a window of ten hours."""
MAX_COLUMNS = 4096
"""Maximum number of metric columns."""
MAX_TICK_BYTES = 64 << 20
"""Maximum size of the rows of one tick. For comparison: 2,000 series with 145 metrics have 2.3 MB."""
ZSTD_LEVEL = 1

_TICK = struct.Struct("<qI")

Rows = NDArray[np.float64]
Numbers = NDArray[np.uint32]


@dataclass(slots=True)
class Segment:
    """The part of a journal that a header begins. `series`: by their number in this segment.

    `supersedes`: the wall clock was set back, and this window is recorded again. The journal then replaces the closed
    file of its window; otherwise it would be joined with that file.
    """

    header: FileHeader
    columns: tuple[str, ...]
    series: dict[int, Series]
    supersedes: bool = False


@dataclass(frozen=True, slots=True)
class TickFrame:
    """One decoded tick. `numbers`: the series of each row, as keys of `segment.series`.

    Shape: `numbers` is uint32[n]; `rows` is float64[n, 1 + columns].
    """

    segment: Segment
    time_ms: int
    numbers: Numbers
    rows: Rows


def encode_header(header: FileHeader, columns: tuple[str, ...], *, supersedes: bool) -> bytes:
    """Return the payload that begins a segment."""
    facts = {"journal_version": JOURNAL_VERSION, "columns": list(columns), **header.to_json()}
    if supersedes:
        facts["supersedes"] = True
    return b"H" + pack_json(facts)


def encode_series(series: Iterable[tuple[int, Series]]) -> bytes:
    """Return the payload that assigns numbers to series. `series`: pairs of number and series."""
    return b"S" + pack_json([[number, to_json(identity)] for number, identity in series])


def encode_tick(time_ms: int, numbers: Numbers, rows: Rows, base: tuple[Numbers, Rows] | None) -> bytes:
    """Return the payload of a tick. `base`: numbers and rows of the previous tick; None at the start of a segment."""
    bits, kind = rows.view(np.uint64), b"T"
    if base is not None and np.array_equal(base[0], numbers):
        bits, kind = bits ^ base[1].view(np.uint64), b"D"
    shuffled = np.ascontiguousarray(np.ascontiguousarray(bits).view(np.uint8).reshape(-1, 8).T)
    packed = bytes(cramjam.zstd.compress(shuffled.reshape(-1).data, level=ZSTD_LEVEL))
    return kind + _TICK.pack(time_ms, len(numbers)) + numbers.tobytes() + packed


MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    cramjam.DecompressionError,
    struct.error,
)
"""Errors that decoding may raise if a payload has a correct checksum but was not written by fgm."""


class PayloadDecoder:
    """Decodes the payloads of one journal, in file order. Keeps the current segment and the last tick."""

    def __init__(self) -> None:
        self.segment: Segment | None = None
        self._base: tuple[Numbers, Rows] | None = None

    def decode(self, payload: bytes) -> TickFrame | None:
        """Decode the next payload and return its tick; None if it is a header or a list of series.

        Raises: ValueError if it is malformed, or does not fit the payloads before it.
        """
        try:
            return self._decode(payload)
        except MALFORMED as error:
            raise ValueError(f"malformed frame: {error or type(error).__name__}") from error

    def _decode(self, payload: bytes) -> TickFrame | None:
        kind = payload[:1]
        if kind == b"H":
            self._begin(unpack_json(payload[1:]))
            return None
        if self.segment is None:
            raise ValueError("the first frame is not a header")
        if kind == b"S":
            for number, identity in unpack_json(payload[1:]):
                if not 0 <= number < MAX_SERIES:
                    raise ValueError(f"series number {number} is out of range")
                self.segment.series[int(number)] = from_json(identity)
            return None
        if kind in (b"T", b"D"):
            return self._tick(self.segment, payload, delta=kind == b"D")
        raise ValueError(f"unknown kind of frame {kind!r}")

    def _begin(self, facts: dict[str, object]) -> None:
        if facts.get("journal_version") != JOURNAL_VERSION:
            raise ValueError(f"journal version {facts.get('journal_version')!r}, this fgm reads {JOURNAL_VERSION}")
        columns = facts.get("columns")
        if not isinstance(columns, list) or len(columns) > MAX_COLUMNS:
            raise ValueError("the header has no list of columns")
        try:
            header = FileHeader.from_json(facts)
        except (KeyError, TypeError) as error:
            raise ValueError(f"the header has no {error}") from None
        self.segment, self._base = Segment(header, tuple(map(str, columns)), {}, facts.get("supersedes") is True), None

    def _tick(self, segment: Segment, payload: bytes, *, delta: bool) -> TickFrame:
        time_ms, count = _TICK.unpack_from(payload, 1)
        if count > MAX_ROWS:
            raise ValueError(f"{count} rows in one tick, more than {MAX_ROWS}")
        start = 1 + _TICK.size
        numbers = np.frombuffer(payload, np.uint32, count, start)
        shape = (count, 1 + len(segment.columns))
        if 8 * shape[0] * shape[1] > MAX_TICK_BYTES:
            raise ValueError(
                f"{count} rows of {len(segment.columns)} columns in one tick, more than {MAX_TICK_BYTES} bytes"
            )
        shuffled = np.empty(shape[0] * shape[1] * 8, np.uint8)
        if cramjam.zstd.decompress_into(payload[start + 4 * count :], shuffled.data) != len(shuffled):
            raise ValueError(f"the rows of a tick are not {len(shuffled)} bytes")
        bits = np.ascontiguousarray(shuffled.reshape(8, -1).T).view(np.uint64).reshape(shape)
        if delta:
            if self._base is None or not np.array_equal(self._base[0], numbers):
                raise ValueError("a difference to a tick that is not before it")
            bits ^= self._base[1].view(np.uint64)
        rows = bits.view(np.float64)
        self._base = (numbers, rows)
        return TickFrame(segment, time_ms, numbers, rows)


def pack_json(value: object) -> bytes:
    """Return a JSON value in the form of a payload: its size in bytes, then zstd of it."""
    raw = json.dumps(value, separators=(",", ":")).encode()
    return struct.pack("<I", len(raw)) + bytes(cramjam.zstd.compress(raw, level=ZSTD_LEVEL))


def unpack_json(data: bytes) -> Any:
    """Return a JSON value that `pack_json` has packed.

    Raises: one of MALFORMED.
    """
    (size,) = struct.unpack_from("<I", data)
    if size > MAX_JSON_BYTES:
        raise ValueError(f"{size} bytes of JSON, more than {MAX_JSON_BYTES}")
    raw = bytearray(size)
    if cramjam.zstd.decompress_into(data[4:], raw) != size:
        raise ValueError(f"the JSON is not {size} bytes")
    return json.loads(raw)
