"""The one shape in which recorded samples are handed around, whatever file they came from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.store.series import Series


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples of one series, in ascending time, from one file.

    `time_ms`: int64[n], the ticks, ms since 1970 UTC. `late_ms`: float64[n]; `time_ms + late_ms` is when the row was
    really read. `values`: column name to float64[n], NaN where the file has null.
    """

    series: Series
    time_ms: NDArray[np.int64]
    late_ms: NDArray[np.float64]
    values: Mapping[str, NDArray[np.float64]]
