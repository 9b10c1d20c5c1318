"""DELTA_BINARY_PACKED: differences of successive integers, less the smallest of their block.

    varint block size, varint miniblocks of a block, varint number of values, zigzag varint first value
    for each block: zigzag varint smallest difference, u8 width of each miniblock in bits, its packed differences

Widths above 24 are not written: fastparquet 2026.9 reads those above 28 wrong, without an error.

Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/ (Delta Encoding).
"""

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.page import to_varint, varint
from fgm.store.samples.distinct import distinct

MAX_WIDTH = 24
"""Maximum width of a difference in bits. With the bits before it in its first byte, it then fits into 32."""
_BLOCK_VALUES, _MINIBLOCKS = 128, 4
_MINI_VALUES = _BLOCK_VALUES // _MINIBLOCKS
_PLACES = np.arange(_MINI_VALUES)


def encode(values: NDArray[np.int64], *, whole_bytes: bool) -> bytes | None:
    """Return integers as differences; None if a difference is too large for `MAX_WIDTH`.

    `whole_bytes`: whether widths are multiples of 8. Then zstd finds what repeats; else noise takes fewer bits.
    """
    first = int(values[0]) if len(values) else 0
    parts = [to_varint(_BLOCK_VALUES), to_varint(_MINIBLOCKS), to_varint(len(values)), to_varint(_zigzag(first))]
    if len(values) < 2:
        return b"".join(parts)
    deltas = np.diff(values)
    blocks = -(-len(deltas) // _BLOCK_VALUES)
    padded = np.full(blocks * _BLOCK_VALUES, deltas[-1])
    padded[: len(deltas)] = deltas
    by_block = padded.reshape(blocks, _BLOCK_VALUES)
    smallest = by_block.min(axis=1)
    above = (by_block - smallest[:, np.newaxis]).view(np.uint64).reshape(-1, _MINI_VALUES)
    largest = above.max(axis=1)
    if largest.max() >> MAX_WIDTH:
        return None
    widths = np.frexp(largest.astype(np.float64))[1]
    if whole_bytes:
        widths = -(-widths // 8) * 8
    packed = _packed(above.astype("<u4"), widths)
    used = -(-len(deltas) // _MINI_VALUES)
    packed[used:] = [b""] * (len(packed) - used)
    for block, (lowest, of_block) in enumerate(
        zip(smallest.tolist(), widths.astype(np.uint8).reshape(blocks, _MINIBLOCKS), strict=True)
    ):
        first_mini = block * _MINIBLOCKS
        parts += [to_varint(_zigzag(lowest)), of_block.tobytes(), *packed[first_mini : first_mini + _MINIBLOCKS]]
    return b"".join(parts)


def _packed(minis: NDArray[np.uint32], widths: NDArray[np.int32]) -> list[bytes]:
    """Return the bits of each miniblock."""
    packed = [b""] * len(minis)
    for width in distinct(widths).tolist():
        if not width:
            continue
        numbers = np.flatnonzero(widths == width)
        bits = np.unpackbits(minis[numbers].view(np.uint8).reshape(-1, _MINI_VALUES, 4), axis=2, bitorder="little")
        contents = np.packbits(bits[:, :, :width].reshape(len(numbers), -1), axis=1, bitorder="little")
        for number, content in zip(numbers.tolist(), contents, strict=True):
            packed[number] = content.tobytes()
    return packed


def decode(data: memoryview, count: int) -> NDArray[np.int64]:
    """Return `count` integers that `encode` has written.

    Raises: IndexError or ValueError if the data are not those of so many integers.
    """
    block_values, position = varint(data, 0)
    miniblocks, position = varint(data, position)
    values, position = varint(data, position)
    first, position = varint(data, position)
    if (block_values, miniblocks, values) != (_BLOCK_VALUES, _MINIBLOCKS, count):
        raise ValueError("its differences have another header than those of fgm")
    left = -(-(count - 1) // _MINI_VALUES)
    smallest, widths, starts = list[int](), list[int](), list[int]()
    while left > 0:
        lowest, position = varint(data, position)
        of_block = data[position : position + _MINIBLOCKS].tolist()[:left]
        position += _MINIBLOCKS
        smallest += [_signed(lowest)] * len(of_block)
        widths += of_block
        for width in of_block:
            starts.append(position)
            position += width * _MINI_VALUES // 8
        if position > len(data):
            raise ValueError("its differences end early")
        left -= _MINIBLOCKS
    if max(widths, default=0) > MAX_WIDTH:
        raise ValueError(f"a difference has {max(widths)} bits")
    result = np.empty(1 + len(widths) * _MINI_VALUES, np.int64)
    result[0] = _signed(first)
    if widths:
        result[1:] = _unpacked(data, np.array(starts), np.array(widths), np.array(smallest)).ravel()
    return np.cumsum(result[:count], out=result[:count])


def _unpacked(
    data: memoryview, starts: NDArray[np.int64], widths: NDArray[np.int64], smallest: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the differences of each miniblock.

    Shape: int64[miniblocks, values of a miniblock].
    """
    padded = np.zeros(len(data) + 4, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    words = np.ndarray((len(data) + 1,), "<u4", padded, strides=(1,))  # the 32 bits from each byte on
    bits = widths[:, np.newaxis] * _PLACES
    differences = words[starts[:, np.newaxis] + (bits >> 3)].astype(np.int64) >> (bits & 7)
    differences &= ((1 << widths) - 1)[:, np.newaxis]
    differences += smallest[:, np.newaxis]
    return differences


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _signed(number: int) -> int:
    if number >= 1 << 64:
        raise ValueError("a number has more than 64 bits")
    return number >> 1 if not number & 1 else -(number >> 1) - 1
