"""The one line that is logged for each window: what was recorded, and how well that went."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fgm.collector.sampling.sampler import Sampler
from fgm.store.samples.chunk import Chunk

SWEEP = "collector.sweep_usec"
ANON = "collector.anon_bytes"


class Summary:
    """Counts since the last line. `cpu_s`, `monotonic`: processor time of this process, and time, in seconds."""

    def __init__(
        self,
        sampler: Sampler,
        cpu_s: Callable[[], float] = time.process_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sampler = sampler
        self._cpu_s, self._monotonic = cpu_s, monotonic
        self._before = self._totals()

    def since_last(self) -> dict[str, Any]:
        """Return what the collector did and used since the last call."""
        before, self._before = self._before, self._totals()
        grown = {name: value - before[name] for name, value in self._before.items()}
        cpu_s, passed_s = grown.pop("cpu_s"), grown.pop("passed_s")
        return {**grown, "cpu_millicores": round(1000 * cpu_s / passed_s) if passed_s > 0 else None}

    def _totals(self) -> dict[str, float]:
        return {
            "missed_ticks": self._sampler.cost.missed_ticks,
            "skipped_reads": self._sampler.skipped_reads,
            "failed_reads": sum(self._sampler.counts.failed.values()),
            "cpu_s": self._cpu_s(),
            "passed_s": self._monotonic(),
        }


def of_window(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return how late a window's rows were read, and what its node's rows say of the collector."""
    late_ms = np.concatenate([chunk.late_ms for chunk in chunks])
    late_ms = late_ms[np.isfinite(late_ms)]
    own = [chunk for chunk in chunks if chunk.series.scope == "node"]
    sweep_ms = _known([chunk.values[SWEEP] / 1000 for chunk in own])
    anon_bytes = _known([chunk.values[ANON] for chunk in own])
    return {
        "late_ms_p99": _rounded(np.percentile(late_ms, 99)) if late_ms.size else None,
        "late_ms_max": _rounded(late_ms.max()) if late_ms.size else None,
        "sweep_ms": _rounded(np.median(sweep_ms)) if sweep_ms.size else None,
        "sweep_ms_max": _rounded(sweep_ms.max()) if sweep_ms.size else None,
        "anon_bytes": int(anon_bytes[-1]) if anon_bytes.size else None,
    }


def _known(columns: Sequence[np.ndarray[Any, np.dtype[np.float64]]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = np.concatenate([*columns, np.empty(0)])
    return np.extract(np.isfinite(values), values)


def _rounded(value: Any) -> float:
    return round(float(value), 1)
