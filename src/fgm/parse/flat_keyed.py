"""Flat keyed files: one `key value` in each line, such as cpu.stat and memory.stat.

    usage_usec 4386911
    user_usec 1905003

Most of what is read every second is such files, and their keys hardly ever change. `flat_keyed` reads one from scratch;
`FlatKeyed` learns the order of the keys and then only checks it (`fgm.parse.shape`).

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
    """The metric that a key is recorded as, and what its value is divided by to get the metric's unit."""

    metric: str
    divisor: int = 1


Keys = Mapping[bytes, Recorded | None]
"""The keys of one kind of file. None: the key is known, but not recorded."""


def flat_keyed(text: bytes, keys: Keys, file: str) -> dict[str, float]:
    """Return the recorded values of a flat keyed file, in the order of the file. `file`: its name, for errors.

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


# `anon 5\nfile 6\n` becomes `,5 ,6 `: the words are left out, a blank becomes a comma.
_TO_NUMBERS = to_numbers(commas=b" ")
_MAX_LAYOUTS = 64
"""Maximum number of shapes that are remembered for one kind of file."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """The meaning of one shape of the file: which of its numbers are recorded, and as what.

    Shape: `recorded` is intp[n], the positions of the recorded numbers; `divisors` is float64[n], None if all are 1.
    """

    names: tuple[str, ...]
    shape: bytes
    number_count: int
    recorded: NDArray[np.intp]
    divisors: NDArray[np.float64] | None


class FlatKeyed:
    """A fast reader of one kind of flat keyed file, for the files of many cgroups.

    `names` are the metrics of the values that `parse` returned last; it stays the same object as long as they are
    equal. `unknown` are the keys so far that the catalogue does not have.
    """

    def __init__(self, keys: Keys, file: str) -> None:
        self.file = file
        self.names: tuple[str, ...] = ()
        self.unknown: frozenset[bytes] = frozenset()
        self._keys = keys
        self._layouts: dict[bytes, _Layout] = {}
        self._by_names: dict[tuple[str, ...], _Layout] = {}

    def parse(self, text: bytes) -> list[float]:
        """Return the recorded values, in the order of `names`.

        Raises: ParseError as `flat_keyed`; nothing is learnt from such a file.
        """
        layout = self._layouts.get(shape(text))
        values = None if layout is None else self.parse_alike((text,), layout.names)
        if layout is None or values is None:
            return self._parse_plainly(text)
        self.names = layout.names
        return cast("list[float]", values[0].tolist())

    def form(self, names: tuple[str, ...]) -> Hashable:
        """Return a value that is equal for files that `parse_alike` can read together."""
        return self.file, names

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return what `parse` would return for many files; None if one of them may have other metrics than `names`.

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
        """Remember the shape of a file, unless the fast way cannot read it."""
        keys = [line.split()[0] for line in text.split(b"\n") if line.strip()]
        self.unknown |= frozenset(key for key in keys if key not in self._keys)
        recorded = [self._keys.get(key) for key in keys]
        text_shape = shape(text)
        # A digit in a key, or a value that is not one integer, makes another shape than the keys alone would have.
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
