"""Damages the bytes of a file, as disks, power cuts and people do."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Damage = Callable[[bytes, random.Random], bytes]


def cut(intact: bytes, chance: random.Random) -> bytes:
    return intact[: chance.randrange(len(intact))]


def cut_at_start(intact: bytes, chance: random.Random) -> bytes:
    return intact[chance.randrange(1, len(intact)) :]


def flip(intact: bytes, chance: random.Random) -> bytes:
    """Flip one to eight bits anywhere."""
    return _flipped(intact, chance, 0, chance.randint(1, 8))


def flip_at_end(intact: bytes, chance: random.Random) -> bytes:
    """Flip a bit of the last quarter, where the block and the footer locate all other data."""
    return _flipped(intact, chance, len(intact) * 3 // 4, 1)


def impossible_footer(intact: bytes, chance: random.Random) -> bytes:
    """Give the footer a length that exceeds the file."""
    length = chance.choice((len(intact) * 2, 0x7FFFFFFF, 0xFFFFFFFF))
    return intact[:-8] + length.to_bytes(4, "little") + b"PAR1"


def zeroed(intact: bytes, chance: random.Random) -> bytes:
    """Overwrite a range with zeros, as a power cut leaves blocks that were allocated but never written."""
    first = chance.randrange(len(intact))
    length = min(chance.choice((1, 16, 512, 4096)), len(intact) - first)
    return intact[:first] + bytes(length) + intact[first + length :]


def swapped(intact: bytes, chance: random.Random) -> bytes:
    """Exchange two parts of equal length."""
    length = chance.randint(1, min(4096, len(intact) // 3))
    first = chance.randrange(len(intact) - 2 * length)
    second = chance.randrange(first + length, len(intact) - length)
    parts = (intact[:first], intact[second : second + length], intact[first + length : second])
    return b"".join(parts) + intact[first : first + length] + intact[second + length :]


def repeated(intact: bytes, chance: random.Random) -> bytes:
    """Write a part twice, which moves everything after it."""
    first = chance.randrange(len(intact) - 1)
    end = chance.randrange(first + 1, len(intact))
    return intact[:end] + intact[first:end] + intact[end:]


def noise(_: bytes, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 5000)) + b"PAR1"


def nothing(_: bytes, __: random.Random) -> bytes:
    return b""


DAMAGES: tuple[Damage, ...] = (
    cut,
    flip,
    swapped,
    zeroed,
    flip_at_end,
    impossible_footer,
    repeated,
    cut_at_start,
    noise,
    nothing,
)


def with_other_tail(intact: bytes, other: bytes) -> bytes:
    """Return the columns of a file with the block and the footer of another one, both intact."""
    return intact[: _block_at(intact)] + other[_block_at(other) :]


def write_foreign(path: Path, chance: random.Random) -> None:
    """Write something that is no file of fgm: a Parquet file of another program, a folder, a pipe or a link."""
    match chance.randrange(4):
        case 0:
            pq.write_table(pa.table({"a": np.arange(10), "time": ["x"] * 10}), path)
        case 1:
            path.mkdir()
        case 2:
            os.mkfifo(path)
        case _:
            path.symlink_to(chance.choice(("/etc/passwd", "/dev/zero", path.name, "/nonexistent")))


def _flipped(intact: bytes, chance: random.Random, first: int, count: int) -> bytes:
    flipped = bytearray(intact)
    for _ in range(count):
        flipped[chance.randrange(first, len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _block_at(data: bytes) -> int:
    """Return where the block begins: the trailer is before the footer, and has the size of the block."""
    footer_bytes = int.from_bytes(data[-8:-4], "little")
    trailer_at = len(data) - 8 - footer_bytes - 16
    assert data[trailer_at : trailer_at + 4] == b"FGM1"
    return trailer_at - int.from_bytes(data[trailer_at + 4 : trailer_at + 8], "little")
