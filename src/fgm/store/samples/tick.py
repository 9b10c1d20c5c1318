"""Ticks: the rows of one instant, as the sampler makes them and a journal stores them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Tick:
    """All rows of one instant, one for each series.

    Shape: `rows` is float64[len(series), 1 + columns]: `late_ms` first, NaN for null.
    """

    time_ms: int
    series: tuple[Series, ...]
    rows: NDArray[np.float64]
