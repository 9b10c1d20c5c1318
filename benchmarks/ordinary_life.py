"""Half an hour of ordinary life on a made node of 50 containers, with or without a planted incident.

    from benchmarks.ordinary_life import stretch
    grid, truth = stretch(7)  # ordinary; truth is None
    grid, truth = stretch(7, "leak")

`tests.support.life` has the parts, so that tests can use them, too.
"""

from tests.support.life.planted import INCIDENTS, Truth
from tests.support.life.stretches import recorded, stretch

__all__ = ["INCIDENTS", "Truth", "recorded", "stretch"]
