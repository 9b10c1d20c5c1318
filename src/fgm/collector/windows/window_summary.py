"""Statistics of one closed window for the log: how late its rows were read, and what it cost the collector."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.samples.chunk import Chunk

SWEEP = "collector.sweep_usec"
ANON = "collector.anon_bytes"


def summarise(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return the lateness of all rows, and the collector's sweep times and memory from the node's rows."""
    late_ms = np.concatenate([chunk.late_ms for chunk in chunks])
    late_ms = late_ms[np.isfinite(late_ms)]
    node = [chunk for chunk in chunks if chunk.series.scope == "node"]
    sweep_ms = _finite([chunk.values[SWEEP] / 1000 for chunk in node])
    anon_bytes = _finite([chunk.values[ANON] for chunk in node])
    return {
        "late_ms_p99": _percentile(late_ms, 99),
        "late_ms_max": _percentile(late_ms, 100),
        "sweep_ms": _percentile(sweep_ms, 50),
        "sweep_ms_max": _percentile(sweep_ms, 100),
        "anon_bytes": int(anon_bytes[-1]) if anon_bytes.size else None,
    }


def _finite(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    values = np.concatenate([*columns, np.empty(0)])
    return np.extract(np.isfinite(values), values)


def _percentile(values: NDArray[np.float64], percent: float) -> float | None:
    """Return a percentile, interpolated and rounded; None if there are no values.

    `np.percentile` and `np.median` import numpy's masked arrays, which take 1 to 2 MiB.
    """
    if not values.size:
        return None
    position = percent / 100 * (values.size - 1)
    return round(float(np.interp(position, np.arange(values.size), np.sort(values))), 1)
