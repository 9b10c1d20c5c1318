"""Statistics of one closed window for the log: how late its rows were read, and what it cost the collector."""

from collections.abc import Sequence
from typing import Any

import numpy as np

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
        "late_ms_p99": _rounded(np.percentile(late_ms, 99)) if late_ms.size else None,
        "late_ms_max": _rounded(late_ms.max()) if late_ms.size else None,
        "sweep_ms": _rounded(np.median(sweep_ms)) if sweep_ms.size else None,
        "sweep_ms_max": _rounded(sweep_ms.max()) if sweep_ms.size else None,
        "anon_bytes": int(anon_bytes[-1]) if anon_bytes.size else None,
    }


def _finite(columns: Sequence[np.ndarray[Any, np.dtype[np.float64]]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.concatenate([*columns, np.empty(0)])
    return np.extract(np.isfinite(values), values)


def _rounded(value: Any) -> float:
    return round(float(value), 1)
