"""Ticks: the rows of all series at one instant, as the sampler creates them and a journal stores them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Tick:
    """The rows of one instant, one per series.

    `opened`: keys of the series whose cgroup was created since the tick before. A journal does not store them.

    Shape: `rows` is float64[len(series), 1 + columns]; the first column is `late_ms`, and NaN is null.
    """

    time_ms: int
    series: tuple[Series, ...]
    rows: NDArray[np.float64]
    opened: frozenset[str] = frozenset()
