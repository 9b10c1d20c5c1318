"""Parses flat keyed files, which have one `key value` per line, such as cpu.stat and memory.stat.

    usage_usec 4386911
    user_usec 1905003

Most files that are read every second have this form, and their keys hardly ever change. `flat_keyed` parses one file on
its own. `FlatKeyed` is faster: it learns the order of the keys and then only compares it (`fgm.parse.shape`).

Source: admin-guide/cgroup-v2.rst, "Flat keyed".
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError
from fgm.parse.shape import WORDS, numbers, shape, to_numbers


class Recorded(NamedTuple):
    """How a key is recorded: its metric, and the divisor that converts the kernel's unit to the metric's unit."""

    metric: str
    divisor: int = 1


Keys = Mapping[bytes, Recorded | None]
"""The keys of one kind of file. None means that the key is known, but not recorded."""


def flat_keyed(text: bytes, keys: Keys, file: str) -> dict[str, float]:
    """Return the recorded values of a flat keyed file by metric, in file order. `file`: its name, for errors.

    Raises: ParseError if the line of a recorded key is not `key integer`.
    """
    values: dict[str, float] = {}
    for line in text.split(b"\n"):
        fields = line.split()
        recorded = keys.get(fields[0]) if fields else None
        if recorded is not None:
            values[recorded.metric] = _value(line, fields, recorded.divisor, file)
    return values


def _value(line: bytes, fields: list[bytes], divisor: int, file: str) -> float:
    try:
        _, digits = fields
        value = int(digits)
    except ValueError:
        raise ParseError(file, line, "a key and one integer") from None
    return value if divisor == 1 else value / divisor


# `anon 5\nfile 6\n` becomes `,5 ,6 `: words are removed, a blank becomes a comma, a newline becomes a blank.
_TO_NUMBERS = to_numbers(commas=b" ")
_MAX_LAYOUTS = 64
"""Maximum number of layouts that are remembered for one kind of file."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """The meaning of the numbers in all files of one shape.

    `names`: metrics of the recorded numbers. `number_count`: number of all numbers in a file. `recorded`: positions of
    the recorded numbers among them. `divisors`: None if all are 1.

    Shape: `recorded` is intp[n]; `divisors` is float64[n].
    """

    names: tuple[str, ...]
    shape: bytes
    number_count: int
    recorded: NDArray[np.intp]
    divisors: NDArray[np.float64] | None


class FlatKeyed:
    """Fast parser of one kind of flat keyed file, for the files of many cgroups.

    `names`: metrics of the values that `parse` returned last; the same object while they are equal. `unknown`: keys
    found so far that are not in the catalogue.
    """

    def __init__(self, keys: Keys, file: str) -> None:
        self.file = file
        self.names: tuple[str, ...] = ()
        self.unknown: frozenset[bytes] = frozenset()
        self._keys = keys
        self._layouts: dict[bytes, _Layout] = {}
        self._by_names: dict[tuple[str, ...], _Layout] = {}

    def parse(self, text: bytes) -> list[float]:
        """Set `names`, and return the recorded values in their order.

        Raises: ParseError as `flat_keyed`. Nothing is learned from such a file.
        """
        layout = self._layouts.get(shape(text))
        values = None if layout is None else self.parse_alike((text,), layout.names)
        if layout is None or values is None:
            return self._parse_plainly(text)
        self.names = layout.names
        return cast("list[float]", values[0].tolist())

    def form(self, names: tuple[str, ...]) -> Hashable:
        """Return a value that is equal for all files that one call of `parse_alike` can parse."""
        return self.file, names

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Parse many files at once, as `parse` would; return None if one of them may have other metrics than `names`.

        Shape: float64[len(texts), len(names)].
        """
        layout = self._by_names.get(names)
        if layout is None:
            return None
        joined = b"".join(texts)
        if shape(joined) != layout.shape * len(texts) or b" \n" in joined:
            return None
        values = numbers(joined, layout.number_count * len(texts), _TO_NUMBERS, without=WORDS)
        if values is None:
            return None
        rows = values.reshape(len(texts), -1)[:, layout.recorded]
        return rows if layout.divisors is None else rows / layout.divisors

    def _parse_plainly(self, text: bytes) -> list[float]:
        values = flat_keyed(text, self._keys, self.file)
        names = tuple(values)
        if names != self.names:
            self.names = names
        self._learn(text)
        return list(values.values())

    def _learn(self, text: bytes) -> None:
        """Remember the layout of a file, unless the fast way cannot parse it."""
        keys = [line.split()[0] for line in text.split(b"\n") if line.strip()]
        self.unknown |= frozenset(key for key in keys if key not in self._keys)
        recorded = [self._keys.get(key) for key in keys]
        text_shape = shape(text)
        # A digit in a key, or a value that is not one integer, gives another shape than the keys alone.
        is_regular = text_shape == b"".join(key + b" \n" for key in keys)
        is_unique = len(self.names) == sum(column is not None for column in recorded)
        if keys and is_regular and is_unique and len(self._layouts) < _MAX_LAYOUTS:
            positions = [position for position, column in enumerate(recorded) if column is not None]
            divisors = [column.divisor for column in recorded if column is not None]
            self._layouts[text_shape] = self._by_names[self.names] = _Layout(
                self.names,
                text_shape,
                len(keys),
                np.array(positions, np.intp),
                None if set(divisors) <= {1} else np.array(divisors, np.float64),
            )
