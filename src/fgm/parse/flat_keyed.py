"""Flat keyed files: one `key value` on each line, such as cpu.stat and memory.stat.

They are the bulk of what is read every second, and their keys hardly ever change. `flat_keyed` reads one from
scratch; `FlatKeyed` learns the order of the keys and then only checks it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError
from fgm.parse.shape import WORDS, numbers, shape, to_numbers


class Recorded(NamedTuple):
    """Where the value of a key goes: the metric, and what to divide by to get the metric's unit."""

    metric: str
    divisor: int = 1


Keys = Mapping[bytes, Recorded | None]
"""The keys of one kind of file; None is a key that is known and not recorded."""


def flat_keyed(raw: bytes, keys: Keys, file: str) -> dict[str, float]:
    """Return the recorded values of a flat keyed file, in the order of the file.

    Raises ParseError when the line of a recorded key is not `key integer`.
    """
    values: dict[str, float] = {}
    for line in raw.split(b"\n"):
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


# `anon 5\nfile 6\n` becomes ` ,5  ,6 `.
_TO_NUMBERS = to_numbers(commas=b" ")
_MOST_LAYOUTS = 64


@dataclass(frozen=True, slots=True)
class _Layout:
    """What one shape of the file means. `places`: which of its numbers are recorded."""

    names: tuple[str, ...]
    shape: bytes
    count: int
    """How many numbers it has."""
    places: NDArray[np.intp]
    divisors: NDArray[np.float64] | None
    """None: all are 1."""


class FlatKeyed:
    """Reads one kind of flat keyed file again and again, fast.

    One object may read the files of many cgroups; it is fastest when their keys are the same. `names` are
    the metrics of the last values that `parse` returned, the same object while they are the same. `unknown`
    are the keys met so far that the catalogue does not know.
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

        Raises ParseError as `flat_keyed` does; nothing is learnt from such a file.
        """
        layout = self._layouts.get(shape(text))
        values = None if layout is None else self.parse_alike((text,), layout.names)
        if layout is None or values is None:
            return self._parse_plainly(text)
        self.names = layout.names
        return cast("list[float]", values[0].tolist())

    def form(self, names: tuple[str, ...]) -> Hashable:
        """Return what files with these metrics have in common, for `parse_alike`."""
        return self.file, names

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return what `parse` would say of many files, a row for each; None if one of them may have other names."""
        layout = self._by_names.get(names)
        if layout is None:
            return None
        joined = b"".join(texts)
        if shape(joined) != layout.shape * len(texts) or b" \n" in joined:
            return None
        values = numbers(joined, layout.count * len(texts), _TO_NUMBERS, without=WORDS)
        if values is None:
            return None
        rows = values.reshape(len(texts), -1)[:, layout.places]
        return rows if layout.divisors is None else rows / layout.divisors

    def _parse_plainly(self, text: bytes) -> list[float]:
        values = flat_keyed(text, self._keys, self.file)
        names = tuple(values)
        if names != self.names:
            self.names = names
        self._learn(text)
        return list(values.values())

    def _learn(self, text: bytes) -> None:
        """Remember the shape of the file, if the fast way can read it."""
        keys = [line.split()[0] for line in text.split(b"\n") if line.strip()]
        self.unknown |= frozenset(key for key in keys if key not in self._keys)
        recorded = [self._keys.get(key) for key in keys]
        seen = shape(text)
        regular = seen == b"".join(key + b" \n" for key in keys)
        unique = len(self.names) == sum(column is not None for column in recorded)
        if keys and regular and unique and len(self._layouts) < _MOST_LAYOUTS:
            places = [place for place, column in enumerate(recorded) if column is not None]
            divisors = [column.divisor for column in recorded if column is not None]
            self._layouts[seen] = self._by_names[self.names] = _Layout(
                self.names,
                seen,
                len(keys),
                np.array(places, np.intp),
                None if set(divisors) <= {1} else np.array(divisors, np.float64),
            )
