"""The statistics of a window in the log."""

import numpy as np

from fgm.collector.windows import window_summary
from fgm.store.samples.chunk import Chunk
from tests.support.collector.windows import NODE


def test_lateness_and_cost_come_from_the_rows() -> None:
    late_ms = np.array([1.0] * 98 + [40.0, np.nan])
    values = {
        window_summary.SWEEP: np.arange(100) * 1000.0,
        window_summary.ANON: np.array([np.nan] * 50 + [5e7] * 49 + [np.nan]),
    }

    assert window_summary.summarise([Chunk(NODE, np.arange(100), late_ms, values)]) == {
        "late_ms_p99": 1.8,
        "late_ms_max": 40.0,
        "sweep_ms": 49.5,
        "sweep_ms_max": 99.0,
        "anon_bytes": 50_000_000,
    }


def test_missing_values_are_null() -> None:
    nothing = np.array([np.nan])
    chunk = Chunk(NODE, np.array([0]), nothing, {window_summary.SWEEP: nothing, window_summary.ANON: nothing})

    assert set(window_summary.summarise([chunk]).values()) == {None}
