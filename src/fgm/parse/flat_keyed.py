"""Flat keyed files: one `key value` on each line, such as cpu.stat and memory.stat.

They are the bulk of what is read every second, and their keys hardly ever change. `flat_keyed` reads one from
scratch; `FlatKeyed` learns the order of the keys and then only checks it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONDecoder
from operator import itemgetter
from typing import Any, NamedTuple, cast

from fgm.parse.errors import ParseError


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


# The fast way. Two passes over the bytes, both in C: without its digits the file must be what was learnt (its
# shape), and with nothing but its digits it becomes a JSON array, for CPython's fastest reader of numbers. A
# blank becomes a comma and all else a blank: `anon 5\nfile -6\n` is read as `[0    ,5     ,-6 ]`. So a digit
# in a key, which the shape cannot show, stands beside a number without a comma, and that is not JSON. What is
# not JSON is left to the plain way, which also knows how to complain.
_DIGITS = b"0123456789-"
_TO_JSON = bytes(byte if byte in _DIGITS else ord("," if byte == ord(" ") else " ") for byte in range(256))
_NO_SHAPE = b"?"
_MOST_LAYOUTS = 64
_scan = cast("Callable[[str, int], tuple[list[float], int]]", cast("Any", JSONDecoder()).scan_once)

_Select = Callable[[list[float]], list[float]]


@dataclass(frozen=True, slots=True)
class _Layout:
    """What one shape of the file means."""

    names: tuple[str, ...]
    select: _Select | None
    """Makes the recorded values of all values; None: they are the same."""


class FlatKeyed:
    """Reads one kind of flat keyed file again and again, fast.

    One object may read the files of many cgroups; it is fastest when their keys are the same. `names` are
    the metrics of the last values that `parse` returned; `generation` rises whenever they change. `unknown`
    are the keys met so far that the catalogue does not know.
    """

    def __init__(self, keys: Keys, file: str) -> None:
        self.file = file
        self.names: tuple[str, ...] = ()
        self.generation = 0
        self.unknown: frozenset[bytes] = frozenset()
        self._keys = keys
        self._shape = _NO_SHAPE
        self._select: _Select | None = None
        self._layouts: dict[bytes, _Layout] = {}

    def parse(self, raw: bytes) -> list[float]:
        """Return the recorded values, in the order of `names`.

        Raises ParseError as `flat_keyed` does; nothing is learnt from such a file.
        """
        if raw.translate(None, _DIGITS) == self._shape:
            try:
                values, _ = _scan("[0" + raw.translate(_TO_JSON).decode() + "]", 0)
            except (ValueError, StopIteration):
                return self._parse_plainly(raw)
            del values[0]
            return values if self._select is None else self._select(values)
        shape = raw.translate(None, _DIGITS)
        layout = self._layouts.get(shape)
        if layout is None:
            return self._parse_plainly(raw)
        self._shape, self._select = shape, layout.select
        self._rename(layout.names)
        return self.parse(raw)

    def _parse_plainly(self, raw: bytes) -> list[float]:
        values = flat_keyed(raw, self._keys, self.file)
        self._shape = _NO_SHAPE
        self._rename(tuple(values))
        self._learn(raw)
        return list(values.values())

    def _rename(self, names: tuple[str, ...]) -> None:
        if names != self.names:
            self.names = names
            self.generation += 1

    def _learn(self, raw: bytes) -> None:
        """Remember the shape of the file, if the fast way can read it."""
        keys = [line.split()[0] for line in raw.split(b"\n") if line.strip()]
        self.unknown |= frozenset(key for key in keys if key not in self._keys)
        recorded = [self._keys.get(key) for key in keys]
        shape = raw.translate(None, _DIGITS)
        regular = shape == b"".join(key + b" \n" for key in keys)
        unique = len(self.names) == sum(column is not None for column in recorded)
        if keys and regular and unique and len(self._layouts) < _MOST_LAYOUTS:
            self._layouts[shape] = _Layout(self.names, _selection(recorded))
            self._shape, self._select = shape, self._layouts[shape].select


def _selection(recorded: list[Recorded | None]) -> _Select | None:
    """Return what picks and divides the recorded values out of all values of a file."""
    if all(column is not None and column.divisor == 1 for column in recorded):
        return None
    if all(column is None or column.divisor == 1 for column in recorded):
        places = [place for place, column in enumerate(recorded) if column is not None]
        if len(places) > 1:
            pick = itemgetter(*places)
            return lambda values: list(pick(values))
    plan = [(place, column.divisor) for place, column in enumerate(recorded) if column is not None]
    return lambda values: [values[place] if divisor == 1 else values[place] / divisor for place, divisor in plan]
