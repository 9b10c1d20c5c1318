"""Pressure stall information (PSI) of a cgroup or, from /proc/pressure, of the node.

Only the totals are recorded; the averages can be derived from them, and better. Kernel: accounting/psi.rst.

    some avg10=97.21 avg60=51.96 avg300=14.30 total=46960760
    full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError
from fgm.parse.shape import WORDS, numbers, shape, to_numbers

_USUAL = b"some avg=. avg=. avg=. total=\nfull avg=. avg=. avg=. total=\n"
_TO_NUMBERS = to_numbers(commas=b" ")
_NOT_NUMBERS = b".=" + WORDS
_TOTALS = (3, 7)


def pressure(raw: bytes, file: str) -> tuple[int | None, int | None]:
    """Return the totals of some and full, us; None for a line that is not there.

    Old kernels have no full line for cpu. Raises ParseError when one of these lines has no `total=integer`.
    """
    totals: dict[bytes, int] = {}
    for line in raw.split(b"\n"):
        kind, *fields = line.split() or [b""]
        if kind in {b"some", b"full"}:
            try:
                totals[kind] = int(dict(field.split(b"=") for field in fields)[b"total"])
            except (KeyError, ValueError):
                raise ParseError(file, line, "a line with total=integer") from None
    return totals.get(b"some"), totals.get(b"full")


class Pressure:
    """Reads the pressure files of one resource, "cpu", "memory" or "io", again and again, fast.

    `names` are the metrics of the last values that `parse` returned: `<resource>.pressure.{some,full}.total`, us.
    """

    unknown: frozenset[bytes] = frozenset()

    def __init__(self, resource: str) -> None:
        self.file = f"{resource}.pressure"
        self._both = (f"{self.file}.some.total", f"{self.file}.full.total")
        self.names: tuple[str, ...] = self._both

    def parse(self, text: bytes) -> list[float]:
        """Return the totals that are there. Raises ParseError as `pressure` does."""
        values = self.parse_alike((text,), self._both)
        if values is not None:
            self.names = self._both
            return cast("list[float]", values[0].tolist())
        totals = dict(zip(self._both, pressure(text, self.file), strict=True))
        present = {name: total for name, total in totals.items() if total is not None}
        self.names = self._both if len(present) == len(totals) else tuple(present)
        return list(present.values())

    def form(self, names: tuple[str, ...]) -> str | None:
        """Return what files with both lines have in common, of whatever resource; None for others."""
        return "pressure" if names is self._both else None

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return both totals of many files, a row for each; None if one of them may not have both."""
        joined = b"".join(texts)
        if len(names) != len(_TOTALS) or shape(joined) != _USUAL * len(texts) or b"=\n" in joined:
            return None
        values = numbers(joined, 8 * len(texts), _TO_NUMBERS, without=_NOT_NUMBERS)
        return None if values is None else values.reshape(-1, 8)[:, _TOTALS]
