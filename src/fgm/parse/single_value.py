"""Parses files that consist of one number, such as memory.current, or of one limit, such as memory.max."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError


def number(text: bytes, file: str) -> int:
    """Return the only number of a file. `file`: its name, for errors.

    Raises: ParseError if it is not one integer.
    """
    try:
        return int(text)
    except ValueError:
        raise ParseError(file, text, "one number") from None


def limit(text: bytes, file: str) -> int | None:
    """Return the limit in a file; None for "max", which means no limit.

    Raises: ParseError if it is neither a number nor "max".
    """
    try:
        return int(text)
    except ValueError:
        if text.strip() == b"max":
            return None
        raise ParseError(file, text, 'one number or "max"') from None


class Number:
    """Fast parser of files that consist of one number, such as `81920`, for one metric."""

    unknown: frozenset[bytes] = frozenset()

    def __init__(self, metric: str, file: str | None = None, divisor: int = 1) -> None:
        """`file`: name for errors, by default the metric's. `divisor`: number of the file's units in the metric's."""
        self.names: tuple[str, ...] = (metric,)
        self._file = file or metric
        self._divisor = divisor

    def parse(self, text: bytes) -> list[float]:
        """Return the number in the metric's unit, as a list of one value.

        Raises: ParseError as `number`.
        """
        return [round(number(text, self._file) / self._divisor)]

    def form(self, _names: tuple[str, ...]) -> tuple[str, int]:
        """Return a value that is equal for all files that one call of `parse_alike` can parse, of any metric."""
        return "number", self._divisor

    def parse_alike(self, texts: Sequence[bytes], _names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return the numbers in many files; None if one of the files is not one integer.

        Shape: float64[len(texts), 1].
        """
        try:
            return np.rint(np.array(list(map(int, texts)), np.float64)[:, np.newaxis] / self._divisor)
        except ValueError:
            return None
