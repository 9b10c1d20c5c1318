"""Formulas of derived metrics, as trees: `fgm` computes them with arrays, and `fgm views` writes them as SQL.

Each node is a pure function of the raw samples of one series. It returns float64[n], with NaN for null. Nodes are
tuples, because each daemon makes these classes when it starts, and dataclasses take eight times as long.
"""

from typing import NamedTuple, Union

import numpy as np

from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import Floats

Tree = Union[
    "BelowNode",
    "Difference",
    "KilledProcesses",
    "NotNegative",
    "PartOfSum",
    "ScaledRate",
    "Share",
    "Sum",
    "Times",
    "Value",
]


class Value(NamedTuple):
    """A column as recorded."""

    column: str

    def __call__(self, samples: Samples) -> Floats:
        return samples.value(self.column)


class ScaledRate(NamedTuple):
    """The growth of a counter per second, divided by a constant."""

    column: str
    divisor: float = 1.0

    def __call__(self, samples: Samples) -> Floats:
        return samples.rate(self.column) / self.divisor


class Times(NamedTuple):
    """A value times a constant."""

    factor: float
    value: Tree

    def __call__(self, samples: Samples) -> Floats:
        return self.factor * self.value(samples)


class Share(NamedTuple):
    """A part / a whole; null if the whole is not above 0."""

    part: Tree
    whole: Tree

    def __call__(self, samples: Samples) -> Floats:
        return _ratio(self.part(samples), self.whole(samples))


class PartOfSum(NamedTuple):
    """The share of a value in its sum with another one; null if the sum is not above 0."""

    part: Tree
    rest: Tree

    def __call__(self, samples: Samples) -> Floats:
        part = self.part(samples)
        return _ratio(part, part + self.rest(samples))


class Sum(NamedTuple):
    """A sum; null if one of the two is."""

    first: Tree
    second: Tree

    def __call__(self, samples: Samples) -> Floats:
        return self.first(samples) + self.second(samples)


class Difference(NamedTuple):
    """A difference; null if one of the two is."""

    whole: Tree
    part: Tree

    def __call__(self, samples: Samples) -> Floats:
        return self.whole(samples) - self.part(samples)


class NotNegative(NamedTuple):
    """A value, or 0 if it is below."""

    value: Tree

    def __call__(self, samples: Samples) -> Floats:
        return np.maximum(self.value(samples), 0.0)


class BelowNode(NamedTuple):
    """The smallest limit on the way up, except the node's; the series' own limit if only that is recorded."""

    limit: str
    depth: str
    own: Tree

    def __call__(self, samples: Samples) -> Floats:
        return np.where(samples.value(self.depth) > 0, samples.value(self.limit), self.own(samples))


class KilledProcesses(NamedTuple):
    """Processes killed by an OOM killer per second.

    If the kernel kills a group, it counts the first process twice, unless that has exited in between.
    """

    kills: ScaledRate
    group_kills: ScaledRate

    def __call__(self, samples: Samples) -> Floats:
        kills, group_kills = self.kills(samples), np.nan_to_num(self.group_kills(samples))
        return np.maximum(kills - group_kills, np.minimum(kills, group_kills))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; NaN if the whole is not above 0."""
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio
