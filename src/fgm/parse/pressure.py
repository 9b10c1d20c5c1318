"""Parses pressure stall information: `<resource>.pressure` of cgroup v2, and `/proc/pressure/<resource>` of the node.

    some avg10=97.21 avg60=51.96 avg300=14.30 total=46960760
    full avg10=0.00 avg60=0.00 avg300=0.00 total=0

Only the totals are recorded, because averages over any range can be derived from them.

Source: kernel/sched/psi.c; accounting/psi.rst, "Pressure interface".
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fgm.parse.errors import ParseError
from fgm.parse.shape import WORDS, numbers, shape, to_numbers

# Words, dots and equals signs are removed and blanks become commas, so each field becomes one number: `avg10=97.21`
# becomes 109721, and `total=5` becomes 5. Only the totals are used.
_USUAL = b"some avg=. avg=. avg=. total=\nfull avg=. avg=. avg=. total=\n"
_TO_NUMBERS = to_numbers(commas=b" ")
_NOT_NUMBERS = b".=" + WORDS
_TOTALS = (3, 7)


def pressure(text: bytes, file: str) -> tuple[int | None, int | None]:
    """Return the totals of the lines `some` and `full`; None for a missing line. `file`: its name, for errors.

    cpu.pressure has no full line before Linux 5.13.

    Unit: us.
    Raises: ParseError if one of these lines has no `total=integer`.
    """
    totals: dict[bytes, int] = {}
    for line in text.split(b"\n"):
        kind, *fields = line.split() or [b""]
        if kind in {b"some", b"full"}:
            try:
                totals[kind] = int(dict(field.split(b"=") for field in fields)[b"total"])
            except (KeyError, ValueError):
                raise ParseError(file, line, "a line with total=integer") from None
    return totals.get(b"some"), totals.get(b"full")


class Pressure:
    """Fast parser of the pressure files of one resource: "cpu", "memory" or "io".

    `names`: metrics of the values that `parse` returned last, `<resource>.pressure.{some,full}.total`, in us.
    """

    unknown: frozenset[bytes] = frozenset()

    def __init__(self, resource: str) -> None:
        self.file = f"{resource}.pressure"
        self._both = (f"{self.file}.some.total", f"{self.file}.full.total")
        self.names: tuple[str, ...] = self._both

    def parse(self, text: bytes) -> list[float]:
        """Set `names`, and return the totals of the existing lines in their order.

        Raises: ParseError as `pressure`.
        """
        values = self.parse_alike((text,), self._both)
        if values is not None:
            self.names = self._both
            return cast("list[float]", values[0].tolist())
        totals = dict(zip(self._both, pressure(text, self.file), strict=True))
        present = {name: total for name, total in totals.items() if total is not None}
        self.names = self._both if len(present) == len(totals) else tuple(present)
        return list(present.values())

    def form(self, names: tuple[str, ...]) -> str | None:
        """Return a value that is equal for all files that one call of `parse_alike` can parse; None if it cannot."""
        return "pressure" if names is self._both else None

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> NDArray[np.float64] | None:
        """Return the totals in many files; None if one of them may not have both lines.

        Shape: float64[len(texts), 2], some and full.
        """
        joined = b"".join(texts)
        if len(names) != len(_TOTALS) or shape(joined) != _USUAL * len(texts) or b"=\n" in joined:
            return None
        values = numbers(joined, 8 * len(texts), _TO_NUMBERS, without=_NOT_NUMBERS)
        return None if values is None else values.reshape(-1, 8)[:, _TOTALS]
