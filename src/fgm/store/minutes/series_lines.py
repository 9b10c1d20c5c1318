"""The series of a file of minutes: a line of JSON for each, which is parsed only on access.

A day with a job each minute has thousands of series, and a query needs only a few of them.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import overload

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series, from_json, to_json

_MANY_KEYS = 50
"""Number of keys from which on all lines are parsed, instead of looking for each key."""


class SeriesLines(Sequence[Series]):
    """The series of a file, in the order of their indices."""

    __slots__ = ("_lines", "text")

    def __init__(self, text: bytes) -> None:
        """`text`: the lines, without a newline at the end."""
        self.text = text
        self._lines = text.split(b"\n")

    @classmethod
    def of(cls, series: Iterable[Series]) -> "SeriesLines":
        """Return the lines of some series. JSON has no newline within a text."""
        return cls(b"\n".join([json.dumps(to_json(each), separators=(",", ":")).encode() for each in series]))

    @overload
    def __getitem__(self, index: int) -> Series: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Series]: ...

    def __getitem__(self, index: int | slice) -> Series | Sequence[Series]:
        """Return a series.

        Raises: ValueError or TypeError if its line is malformed.
        """
        lines = self._lines[index]
        return _parsed(lines) if isinstance(lines, bytes) else [_parsed(line) for line in lines]

    def __len__(self) -> int:
        return len(self._lines)

    def positions_of(self, keys: Collection[str]) -> NDArray[np.int64]:
        """Return the indices of those series that are in the file.

        Raises: ValueError or TypeError if a line is malformed.
        """
        if len(keys) >= _MANY_KEYS:
            wanted = set(keys)
            return np.array([index for index, series in enumerate(self) if series.key in wanted], np.int64)
        positions = (self._position(key) for key in keys)
        return np.array([index for index in positions if index is not None], np.int64)

    def _position(self, key: str) -> int | None:
        _, _, name = key.partition(":")
        text = json.dumps(name or key).encode()
        at = self.text.find(text)
        while at >= 0:
            index = self.text.count(b"\n", 0, at)
            if self[index].key == key:
                return index
            end = self.text.find(b"\n", at)
            at = -1 if end < 0 else self.text.find(text, end)
        return None


@lru_cache(maxsize=4096)  # a series is in the files of all hours of its life
def _parsed(line: bytes) -> Series:
    return from_json(json.loads(line))
