"""The log line of a closed window counts since the line before it."""

import pytest

from fgm.collector.run_summary import RunSummary
from fgm.collector.sampling.own_cost import OwnCost
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.windows.closing import ClosedWindow

WINDOW = ClosedWindow("metrics.parquet", 9, 1000, 0, 8000, (), {"sweep_ms": 5.0})


def test_each_line_has_the_counts_since_the_line_before(caplog: pytest.LogCaptureFixture) -> None:
    counts = ReadCounts()
    cost, requests, cpu_s, now = OwnCost(counts, 1000), [3], iter([1.0, 1.9, 2.0]), iter([0.0, 90.0, 190.0])
    summary = RunSummary(cost, lambda: requests[0], lambda: next(now), lambda: next(cpu_s))
    cost.missed_ticks, cost.skipped_reads, requests[0] = 2, 7, 5
    counts.count_failure("memory.max", "/memory.max", "Permission denied")
    caplog.clear()
    with caplog.at_level("INFO"):
        summary.log_window(WINDOW)
        cost.missed_ticks += 1
        summary.log_window(WINDOW)

    own = {"file": "metrics.parquet", "rows": 9, "series": 0, "size_bytes": 1000, "sweep_ms": 5.0}
    first = {"missed_ticks": 2, "skipped_reads": 7, "failed_reads": 1, "cpu_millicores": 10, "api_requests": 2}
    second = {"missed_ticks": 1, "skipped_reads": 0, "failed_reads": 0, "cpu_millicores": 1, "api_requests": 0}
    assert [record.__dict__["fields"] for record in caplog.records] == [own | first, own | second]
    cost.close()
