"""Files that hold one number, such as memory.current, or one limit, such as memory.max."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError


def number(raw: bytes, file: str) -> int:
    """Return the only number of the file.

    Raises ParseError when there is none.
    """
    try:
        return int(raw)
    except ValueError:
        raise ParseError(file, raw, "one number") from None


def limit(raw: bytes, file: str) -> int | None:
    """Return the limit, or None for "max", which is no limit.

    Raises ParseError when it is neither.
    """
    try:
        return int(raw)
    except ValueError:
        if raw.strip() == b"max":
            return None
        raise ParseError(file, raw, 'one number or "max"') from None


class Number:
    """Reads files with one number, under one metric, again and again, fast."""

    unknown: frozenset[bytes] = frozenset()

    def __init__(self, metric: str, file: str | None = None, divisor: int = 1) -> None:
        """`file`: where it is not the metric's name; `divisor`: what makes the metric's unit of the file's."""
        self.names: tuple[str, ...] = (metric,)
        self._file = file or metric
        self._divisor = divisor

    def parse(self, text: bytes) -> list[float]:
        """Return the number. Raises ParseError as `number` does."""
        return [number(text, self._file) / self._divisor]

    def form(self, _names: tuple[str, ...]) -> tuple[str, int]:
        """Return what files whose number means the same have in common, whatever their metrics."""
        return "number", self._divisor

    def parse_alike(self, texts: Sequence[bytes], _names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return the numbers of many files, a row for each; None if one of them has none."""
        try:
            return np.array(list(map(int, texts)), np.float64)[:, np.newaxis] / self._divisor
        except ValueError:
            return None
