"""Writes values in the compact protocol of Thrift, in which Parquet has its page headers and its footer.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TRUE, _I32, _I64, _BINARY, _LIST, _STRUCT = 1, 5, 6, 8, 9, 12
_MAX_SHORT_LIST = 14
"""Maximum length of a list whose length is in the same byte as the type of its values."""


class Value(NamedTuple):
    """An encoded value, and the number of its type."""

    type: int
    data: bytes


TRUE = Value(_TRUE, b"")
"""The boolean true, as the value of a field: it is part of the field's type."""


def i32(number: int) -> Value:
    """Return an integer of 32 bits."""
    return Value(_I32, _zigzag(number))


def i64(number: int) -> Value:
    """Return an integer of 64 bits."""
    return Value(_I64, _zigzag(number))


def binary(value: bytes | str) -> Value:
    """Return bytes, or a text as UTF-8."""
    data = value.encode() if isinstance(value, str) else value
    return Value(_BINARY, varint(len(data)) + data)


def array(values: Sequence[Value]) -> Value:
    """Return a list of values of the same type, which are not booleans. There must be one at least."""
    kind, size = values[0].type, len(values)
    head = bytes([size << 4 | kind]) if size <= _MAX_SHORT_LIST else bytes([0xF0 | kind]) + varint(size)
    return Value(_LIST, head + b"".join([value.data for value in values]))


def struct(fields: Mapping[int, Value]) -> Value:
    """Return a structure. `fields`: values by number of the field, in ascending order, with gaps of 14 at most."""
    parts: list[bytes] = []
    before = 0
    for number, value in fields.items():
        parts += (bytes([number - before << 4 | value.type]), value.data)
        before = number
    return Value(_STRUCT, b"".join(parts) + b"\0")


def varint(number: int) -> bytes:
    """Return an unsigned integer in seven bits per byte, the lowest first."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else ~(number << 1))
