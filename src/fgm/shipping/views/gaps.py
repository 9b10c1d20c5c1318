"""The distances between readings of a counter that are not gaps, which depend on the sampling interval of the nodes."""

import math

from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.rates import gap_ms
from fgm.shipping.views.expressions import counters_of

COUNTERS: frozenset[str] = frozenset().union(
    *(counters_of(metric.tree) for metric in DERIVED if metric.tree is not None)
)
"""Counters whose rates the derived metrics need."""


def longest_ms(counter: str, tick_ms: int) -> int:
    """Return the longest time between two readings of a counter that is not a gap."""
    return int(gap_ms(interval_ms(counter, tick_ms)))


def lead_s(tick_ms: int) -> int:
    """Return the time before a range that is needed, too, for the first rates in it."""
    return math.ceil(max(longest_ms(counter, tick_ms) for counter in COUNTERS) / 1000)
