"""Decodes data pages of Parquet columns, in the only form that fgm writes: one page per column chunk, zstd, PLAIN.

    definition levels of a nullable column │ values that are not null, 8 bytes each
    u32 bytes, then runs of 0 and 1        │

Source: https://parquet.apache.org/docs/file-format/data-pages/encodings/ (RLE / bit-packing hybrid, bit width 1).
"""

import cramjam
import numpy as np
from numpy.typing import NDArray

MAX_COLUMN_BYTES = 256 << 20
"""Maximum size of a column chunk, and of its page."""
MAX_ROW_BYTES = 9
"""Maximum size of a row in a page: 8 bytes for its value, and at most 1 for its definition level (null or not)."""
MAX_OVERHEAD_BYTES = 4096
"""Maximum size of the part of a page that does not depend on the number of rows, such as what fills up a block."""


_START_OF_DATA_PAGE = b"\x15\x00\x15"
"""Start of the header of a data page: field 1, the type, is 0; then field 2, the size, begins."""


def uncompressed_size(page_header: bytes) -> int:
    """Return the size of a data page before compression, from its header.

    Unit: bytes.
    Raises: ValueError if this is not the header of a data page.
    Source: PageHeader in parquet.thrift; the compact protocol of Thrift (zigzag integers).
    """
    if not page_header.startswith(_START_OF_DATA_PAGE):
        raise ValueError("it does not begin with a data page")
    size, _ = varint(memoryview(page_header), len(_START_OF_DATA_PAGE))
    return size >> 1


def decompress(data: memoryview, size: int) -> NDArray[np.uint8]:
    """Decompress a page. `size`: expected size of the result in bytes.

    Shape: uint8[size].
    Raises: ValueError if the page is malformed or has another size.
    """
    page = np.empty(size, np.uint8)
    try:
        written = cramjam.zstd.decompress_into(data, page.data)
    except cramjam.DecompressionError as error:
        raise ValueError(str(error)) from error
    if written != size:
        raise ValueError("its page is shorter than its block says")
    return page


def split_levels(page: NDArray[np.uint8], rows: int) -> tuple[NDArray[np.bool_] | None, memoryview]:
    """Split the page of a nullable column into its definition levels and its values.

    Returns whether each row has a value (None if all rows have one), and the bytes of the values.

    Shape: bool[rows].
    Raises: IndexError or ValueError if the levels end before the last row.
    """
    data = page.data
    end = 4 + int.from_bytes(data[:4], "little")
    position, parts, count = 4, [], 0
    while position < end and count < rows:
        run, position = varint(data, position)
        if run & 1:  # a bit-packed run: groups of 8 levels, a byte each
            parts.append(np.unpackbits(page[position : position + (run >> 1)], bitorder="little").view(np.bool_))
            position += run >> 1
            count += (run >> 1) * 8
        else:  # a repeated level
            repeated = min(run >> 1, rows - count)  # a damaged run may be longer than the memory
            if repeated == rows:
                return (None if data[position] else np.zeros(rows, np.bool_)), data[end:]
            parts.append(np.full(repeated, bool(data[position]), np.bool_))
            position += 1
            count += repeated
    if count < rows:
        raise ValueError("the definition levels end before the last row")
    present = np.concatenate(parts)[:rows]
    return (None if present.all() else present), data[end:]


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return an unsigned integer of variable length, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def to_varint(number: int) -> bytes:
    """Return an unsigned integer in seven bits per byte, the lowest first."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)
