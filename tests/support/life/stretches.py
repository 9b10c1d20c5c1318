"""Half an hour of ordinary life on a made node of 50 containers, with or without a planted incident.

    from tests.support.life.stretches import stretch
    grid, truth = stretch(7)  # ordinary; truth is None
    grid, truth = stretch(7, "leak")

The same seed gives the same stretch. The view is the last fifteen minutes; what is before it is usual. One stretch in
five has nothing before it.
"""

import zlib

import numpy as np

from fgm.viewer.findings.grid import Grid
from tests.support.life.cluster import made_node
from tests.support.life.made import Made, made
from tests.support.life.made_grid import grid_of
from tests.support.life.physics import capacity_of
from tests.support.life.planted import INCIDENTS, Truth
from tests.support.life.wants import Draw

VIEW_S = 900
START_S = 1_767_110_400
WINDOW_S = 90
DAY_S = 86_400


def stretch(seed: int, incident: str | None = None, *, has_before: bool | None = None) -> tuple[Grid, Truth | None]:
    """Return the grid of a stretch, and what was planted. `has_before`: None lets the seed decide."""
    recording, truth = recorded(seed, incident, has_before=has_before)
    return grid_of(recording), truth


def recorded(seed: int, incident: str | None = None, *, has_before: bool | None = None) -> tuple[Made, Truth | None]:
    """Return the recording of a stretch, and what was planted in it."""
    numbers = np.random.default_rng([seed, zlib.crc32((incident or "").encode())])
    is_whole = numbers.random() >= 0.2
    begin = VIEW_S if (is_whole if has_before is None else has_before) else 0
    start_s = START_S + WINDOW_S * int(numbers.integers(0, DAY_S // WINDOW_S))
    second = start_s + np.arange(begin + VIEW_S)
    plain = Draw(numbers, second, np.ones(len(second)))
    by_day = 1 + 0.4 * np.sin(2 * np.pi * (second % DAY_S) / DAY_S - 2)
    draw = Draw(numbers, second, by_day * (1 + 0.05 * plain.slow(400)))
    node = made_node(draw)
    capacity = capacity_of(node)
    truth = INCIDENTS[incident](node, begin, capacity) if incident is not None else None
    return made(node, capacity, begin), truth
