"""The journal: the window that is being recorded, one frame a tick, readable up to its last whole frame.

A file is a run of frames. A frame is `length, crc32` (two u32, little-endian, of the payload) and the payload, whose
first byte says its kind:

    H  a header: zstd of JSON {"journal_version", "columns", and the facts of FileHeader; "supersedes": true where the
       wall clock was set back and this window is recorded for the second time}. Starts a segment: the file itself, and
       again each time a collector goes on with it. Series numbers and the delta chain begin anew.
    S  series: zstd of JSON [[number, [identity columns]], ...]. A number that is known gets another identity (a name
       that came late).
    T  a tick, whole: i64 time_ms, u32 rows, u32 series numbers, zstd of the rows.
    D  a tick as difference: the same, its rows XORed with those of the tick before, which had the same numbers.

A row is `late_ms` and then the header's columns, as float64, NaN for null; a frame's rows are stored byte by byte
transposed (all first bytes, all second bytes, ...), which compresses better. Private to fgm; docs/data-directory.md.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.opening import open_regular
from fgm.store.errors import BadFileError
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, from_json, to_json

JOURNAL_VERSION = 1
MAX_FRAME_BYTES = 64 << 20
MAX_JSON_BYTES = 64 << 20
MAX_ROWS = 200_000
MAX_SERIES = 1 << 22
"""In one segment; more than a hundred new ones a second in the longest window that is of use."""
MAX_COLUMNS = 4096
MAX_TICK_BYTES = 64 << 20
"""Of rows; 2,000 series have 4 MB."""
ZSTD_LEVEL = 1

_FRAME = struct.Struct("<II")
_TICK = struct.Struct("<qI")

Rows = NDArray[np.float64]
Numbers = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Tick:
    """All rows of one instant. `rows`: float64[len(series), 1 + columns], late_ms first, NaN for null."""

    time_ms: int
    series: tuple[Series, ...]
    rows: Rows


@dataclass(slots=True)
class Segment:
    """What a header frame began: its facts, its columns, and the identity behind each series number.

    `supersedes`: what its window has already was recorded before the wall clock was set back; they are not joined.
    """

    header: FileHeader
    columns: tuple[str, ...]
    series: dict[int, Series]
    supersedes: bool = False


@dataclass(frozen=True, slots=True)
class TickFrame:
    """A decoded tick frame. `numbers`: uint32[n], keys of `segment.series`; `rows`: float64[n, 1 + columns]."""

    segment: Segment
    time_ms: int
    numbers: Numbers
    rows: Rows


class JournalWriter:
    """Appends ticks to one journal; the only thing that ever writes to it.

    Opening an existing journal cuts the torn frame from its end, if there is one, and goes on with it. A failed append
    leaves the file as it was before. Not safe for use by two threads at once.
    """

    def __init__(self, path: str, header: FileHeader, columns: tuple[str, ...], *, supersedes: bool = False) -> None:
        """Open or create `path`. Raises OSError, and BadFileError where it is damaged: nothing is cut from it then.

        `supersedes`: see Segment.
        """
        self.path = path
        self.columns = columns
        self._numbers: dict[str, int] = {}
        self._known: dict[str, Series] = {}
        self._last_series: tuple[Series, ...] = ()
        self._last_numbers: Numbers = np.empty(0, np.uint32)
        self._base: tuple[Numbers, Rows] | None = None
        self._fd = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
        self._end = whole_length(self._fd)
        if is_damaged(self._fd, self._end):
            os.close(self._fd)
            raise BadFileError(path, "damaged before its end")
        try:
            os.fchmod(self._fd, 0o644)
            os.ftruncate(self._fd, self._end)
            facts = {"journal_version": JOURNAL_VERSION, "columns": list(columns), **header.to_json()}
            if supersedes:
                facts["supersedes"] = True
            self._write(_frame(b"H" + _pack_json(facts)))
        except OSError:
            if os.fstat(self._fd).st_size == 0:
                os.unlink(path)
            os.close(self._fd)
            raise
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, tick: Tick) -> None:
        """Add one tick. Raises OSError where it could not be written whole; nothing of it is left then."""
        if tick.rows.shape != (len(tick.series), 1 + len(self.columns)):
            raise ValueError(f"rows of shape {tick.rows.shape} for {len(tick.series)} series")
        frames, known, numbers = b"", {}, self._last_numbers
        if tick.series is not self._last_series:
            known = {s.key: s for s in tick.series if self._known.get(s.key) != s}
            frames = self._series_frame(known)
            numbers = np.array([self._number(s.key) for s in tick.series], np.uint32)
        self._write(frames + _frame(encode_tick(tick.time_ms, numbers, tick.rows, self._base)))
        self._known.update(known)
        self._last_series, self._last_numbers, self._base = tick.series, numbers, (numbers, tick.rows)

    @property
    def is_in_place(self) -> bool:
        """Whether its path still leads to it: nobody removed it, or the folder that it is in."""
        try:
            there, mine = os.stat(self.path), os.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def sync(self) -> None:
        """Wait until the disk has everything (fdatasync)."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file; it stays where it is."""
        os.close(self._fd)

    def _number(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _series_frame(self, known: dict[str, Series]) -> bytes:
        if not known:
            return b""
        return _frame(b"S" + _pack_json([[self._number(key), to_json(s)] for key, s in known.items()]))

    def _write(self, data: bytes) -> None:
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._fd, data[done:], self._end + done)
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._end += done


def encode_tick(time_ms: int, numbers: Numbers, rows: Rows, base: tuple[Numbers, Rows] | None) -> bytes:
    """Return a tick frame's payload; `base` is what the tick before it had, None at the start of a segment."""
    bits, kind = rows.view(np.uint64), b"T"
    if base is not None and np.array_equal(base[0], numbers):
        bits, kind = bits ^ base[1].view(np.uint64), b"D"
    shuffled = np.ascontiguousarray(np.ascontiguousarray(bits).view(np.uint8).reshape(-1, 8).T)
    packed = bytes(cramjam.zstd.compress(shuffled.reshape(-1).data, level=ZSTD_LEVEL))
    return kind + _TICK.pack(time_ms, len(numbers)) + numbers.tobytes() + packed


def frames(fd: int, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (end offset, payload) of each whole frame from `offset` on, up to the first torn or bad one."""
    size = os.fstat(fd).st_size
    while size - offset >= _FRAME.size:
        length, crc = _FRAME.unpack(os.pread(fd, _FRAME.size, offset))
        if not 0 < length <= MAX_FRAME_BYTES or length > size - offset - _FRAME.size:
            return
        payload = os.pread(fd, length, offset + _FRAME.size)
        if len(payload) != length or zlib.crc32(payload) != crc:
            return
        offset += _FRAME.size + length
        yield offset, payload


def whole_length(fd: int) -> int:
    """Return how many bytes of an open journal are whole frames; 0 where the first one is not a header."""
    end = 0
    for offset, payload in frames(fd):
        if end == 0 and payload[:1] != b"H":
            return 0
        end = offset
    return end


def has_mark(fd: int) -> bool:
    """Say whether an open file is empty, or begins as a journal does, be its first frame whole or not."""
    head = os.pread(fd, _FRAME.size + 1, 0)
    if len(head) <= _FRAME.size:
        return not head
    length, _ = _FRAME.unpack(head[: _FRAME.size])
    return 0 < length <= MAX_FRAME_BYTES and head[-1:] == b"H"


def is_damaged(fd: int, end: int) -> bool:
    """Say whether what stands behind the last whole frame is more than a frame that was being appended.

    A frame that has become whole since it was looked for is no damage.
    """
    left = os.fstat(fd).st_size - end - _FRAME.size
    if left < 0:
        return False
    length, crc = _FRAME.unpack(os.pread(fd, _FRAME.size, end))
    if not 0 < length <= MAX_FRAME_BYTES:
        return True
    return bool(length <= left and zlib.crc32(os.pread(fd, length, end + _FRAME.size)) != crc)


_NONSENSE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    cramjam.DecompressionError,
    struct.error,
)
"""What JSON and numbers of a frame lead to that nobody of ours has written, though its checksum is right."""


class FrameDecoder:
    """Turns payloads, in file order, into ticks; keeps what the next one needs. Raises ValueError on a bad payload."""

    def __init__(self) -> None:
        self.segment: Segment | None = None
        self._base: tuple[Numbers, Rows] | None = None

    def decode(self, payload: bytes) -> TickFrame | None:
        """Take one payload; return the tick if it was one."""
        try:
            return self._decode(payload)
        except _NONSENSE as error:
            raise ValueError(f"a frame that makes no sense: {error or type(error).__name__}") from error

    def _decode(self, payload: bytes) -> TickFrame | None:
        kind = payload[:1]
        if kind == b"H":
            self._begin(_unpack_json(payload[1:]))
            return None
        if self.segment is None:
            raise ValueError("its first frame is not a header")
        if kind == b"S":
            for number, identity in _unpack_json(payload[1:]):
                if not 0 <= number < MAX_SERIES:
                    raise ValueError(f"series number {number}")
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
            raise ValueError("its header names no columns")
        try:
            header = FileHeader.from_json(facts)
        except (KeyError, TypeError) as error:
            raise ValueError(f"its header lacks {error}") from None
        self.segment, self._base = Segment(header, tuple(map(str, columns)), {}, facts.get("supersedes") is True), None

    def _tick(self, segment: Segment, payload: bytes, *, delta: bool) -> TickFrame:
        time_ms, count = _TICK.unpack_from(payload, 1)
        if count > MAX_ROWS:
            raise ValueError(f"{count} rows in one tick")
        start = 1 + _TICK.size
        numbers = np.frombuffer(payload, np.uint32, count, start)
        shape = (count, 1 + len(segment.columns))
        if 8 * shape[0] * shape[1] > MAX_TICK_BYTES:
            raise ValueError(f"{count} rows of {len(segment.columns)} columns in one tick")
        shuffled = np.empty(shape[0] * shape[1] * 8, np.uint8)
        if cramjam.zstd.decompress_into(payload[start + 4 * count :], shuffled.data) != len(shuffled):
            raise ValueError("a tick of another size than its header says")
        bits = np.ascontiguousarray(shuffled.reshape(8, -1).T).view(np.uint64).reshape(shape)
        if delta:
            if self._base is None or not np.array_equal(self._base[0], numbers):
                raise ValueError("a difference without the tick before it")
            bits ^= self._base[1].view(np.uint64)
        rows = bits.view(np.float64)
        self._base = (numbers, rows)
        return TickFrame(segment, time_ms, numbers, rows)


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _pack_json(value: object) -> bytes:
    raw = json.dumps(value, separators=(",", ":")).encode()
    return struct.pack("<I", len(raw)) + bytes(cramjam.zstd.compress(raw, level=ZSTD_LEVEL))


def _unpack_json(data: bytes) -> Any:
    (size,) = struct.unpack_from("<I", data)
    if size > MAX_JSON_BYTES:
        raise ValueError(f"{size} bytes of JSON in one frame")
    raw = bytearray(size)
    if cramjam.zstd.decompress_into(data[4:], raw) != size:
        raise ValueError("JSON of another size than its frame says")
    return json.loads(raw)
