"""The pixel columns of a range."""

from dataclasses import dataclass

from fgm.metrics.rates import Times


@dataclass(frozen=True, slots=True)
class Columns:
    """The pixel columns of a range: `count` equal parts of [from_ms, to_ms)."""

    from_ms: int
    to_ms: int
    count: int

    def at(self, time_ms: Times) -> Times:
        """Return the column of each instant. They must be in the range."""
        return (time_ms - self.from_ms) * self.count // (self.to_ms - self.from_ms)

    @property
    def length_ms(self) -> float:
        """Length of a column."""
        return (self.to_ms - self.from_ms) / self.count
