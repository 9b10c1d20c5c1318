"""The RLE / bit-packing hybrid of Parquet for positions in a dictionary, with widths of whole bytes.

    run of one position:      varint number << 1, the position in `width` bits
    positions after another:  varint groups of eight << 1 | 1, the positions of these groups

Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/ (Run Length Encoding / Bit-Packing Hybrid).
"""

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.page import to_varint, varint


def width_of(values: int) -> int:
    """Return the width, in bits, of positions in a dictionary with so many values."""
    return 8 if values <= 1 << 8 else 16 if values <= 1 << 16 else 32


def encode_positions(codes: NDArray[np.integer], width: int) -> bytes:
    """Return positions one after the other, in whole groups of eight."""
    groups = -(-len(codes) // 8)
    padded = np.zeros(groups * 8, f"<u{width // 8}")
    padded[: len(codes)] = codes
    return to_varint(groups << 1 | 1) + padded.tobytes()


def encode_runs(codes: NDArray[np.integer], width: int) -> bytes:
    """Return positions as runs of equal ones."""
    starts = np.append(0, np.flatnonzero(codes[1:] != codes[:-1]) + 1)[: len(codes)]
    counts = np.diff(starts, append=len(codes))
    size = width // 8
    return b"".join(
        to_varint(count << 1) + code.to_bytes(size, "little")
        for count, code in zip(counts.tolist(), codes[starts].tolist(), strict=True)
    )


def decode(data: memoryview, width: int, count: int) -> NDArray[np.integer]:
    """Return `count` positions, as integers of any size.

    Raises: IndexError or ValueError if the data are not those of so many positions with this width.
    """
    if width not in {8, 16, 32}:
        raise ValueError(f"its positions have {width} bits")
    size = width // 8
    lengths, codes, position, found = list[int](), list[NDArray[np.integer] | int](), 0, 0
    while found < count:
        run, position = varint(data, position)
        length = min((run >> 1) * (8 if run & 1 else 1), count - found)  # a damaged run may be longer than the memory
        if not length:
            raise ValueError("a run has no position")
        if run & 1:
            codes.append(np.frombuffer(data, f"<u{size}", length, position))
            position += (run >> 1) * width
        else:
            code = data[position : position + size]
            if len(code) < size:
                raise ValueError("a run has no position")
            codes.append(int.from_bytes(code, "little"))
            position += size
        lengths.append(length)
        found += length
    if len(codes) == 1 and not isinstance(codes[0], int):
        return codes[0]
    if all(isinstance(code, int) for code in codes):
        return np.repeat(np.array(codes, np.int64), lengths)
    parts = [
        np.full(n, code, np.int64) if isinstance(code, int) else code for code, n in zip(codes, lengths, strict=True)
    ]
    return np.concatenate(parts).astype(np.int64)
