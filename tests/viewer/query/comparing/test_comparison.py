"""The sums of a comparison are those of the values that other queries read: all metrics, workloads, both ranges."""

from pathlib import Path

import numpy as np
import pytest

from fgm.store.samples.leaves import leaf_keys
from fgm.viewer.files import file_columns
from fgm.viewer.query.analysis import joined_rows
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.joined_rows import ComputedMetrics
from fgm.viewer.query.comparing.change_sums import BEFORE, DURING
from fgm.viewer.query.comparing.compared_side import SideReader, before_and_within, workload_key
from fgm.viewer.query.comparing.comparison import Comparison
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from tests.support import incidents
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import T0, DataDirectory, container, counting
from tests.support.viewer.merged_hours import merge_hour

HOUR_MS = 3_600_000


def ranges_of(before_ms: int, from_ms: int, to_ms: int) -> AnalysedSpan:
    return AnalysedSpan(before_ms, from_ms, to_ms, 1000, before_ms)


def compare(client: ApiClient, ranges: AnalysedSpan) -> int:
    """Check all sums of a comparison, and return the number of values that were added up."""
    client.look()
    services = client.services
    holdings = services.scanner.holdings()
    comparison = Comparison([before_and_within(holdings, services.sources, ranges)], services.clock.monotonic)
    while comparison.step():
        pass
    result = comparison.result(10)
    row_of = {workload_key(series): row for row, series in enumerate(result.series)}
    snapshot = holdings.series
    within = [
        each.series for each in snapshot.by_id.values() if snapshot.is_within(each, ranges.before_ms, ranges.to_ms)
    ]
    question = Question(
        tuple(comparison.metrics), frozenset(leaf_keys(within)), ranges.before_ms, ranges.to_ms, holdings.tick_ms
    )
    query = SamplesQuery(question, services.sources)
    while query.step():
        pass
    values: dict[tuple[int, int, int], list[np.ndarray]] = {}
    for of_series in query.result():
        row = row_of[workload_key(of_series.series)]
        for number, line in enumerate(of_series.lines):
            time_ms, of_line = line.joined()
            for index, is_in in ((BEFORE, time_ms < ranges.from_ms), (DURING, time_ms >= ranges.from_ms)):
                values.setdefault((row, number, index), []).append(of_line[is_in & ~np.isnan(of_line)])
    shape = (len(result.series), len(comparison.metrics), 2)
    expected = {name: np.zeros(shape) for name in ("count", "total", "squares")}
    expected |= {"low": np.full(shape, np.inf), "high": np.full(shape, -np.inf)}
    for at, parts in values.items():
        known = np.concatenate(parts)
        if len(known):
            expected["count"][at], expected["total"][at] = len(known), known.sum()
            expected["squares"][at] = (known * known).sum()
            expected["low"][at], expected["high"][at] = known.min(), known.max()
    sums = comparison.sums.first(len(result.series))
    for name, of_name in expected.items():
        np.testing.assert_allclose(getattr(sums, name), of_name, rtol=1e-9, err_msg=name)
    services.journals.close()
    return int(expected["count"].sum())


def test_sums_of_a_real_recording(tmp_path: Path) -> None:
    client = ApiClient(incidents.unpacked(tmp_path), incidents.PLANTED["ended_ms"])
    began_ms = incidents.PLANTED["oom_kill"]["began_ms"]
    assert compare(client, ranges_of(began_ms - 120_000, began_ms, began_ms + 120_000)) > 100_000


@pytest.mark.parametrize("is_small", [False, True], ids=["at once", "a few rows and columns at a time"])
def test_sums_reach_over_merged_hours_windows_and_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    if is_small:
        monkeypatch.setattr(joined_rows, "MAX_ROWS", 2_000)
        monkeypatch.setattr(joined_rows, "MAX_VALUES", 2_000)
        monkeypatch.setattr(file_columns, "MAX_VALUES", 500)
    data, hour_ms = DataDirectory(tmp_path), T0 - T0 % HOUR_MS - HOUR_MS
    series = tuple(container(number) for number in range(1, 4))
    data.parquet(*(counting(each, hour_ms, 3600, per_second=1000 * row) for row, each in enumerate(series)))
    merge_hour(data, hour_ms)
    after_ms = hour_ms + HOUR_MS
    data.parquet(*(counting(each, after_ms, 180, per_second=3000 + row) for row, each in enumerate(series[1:])))
    data.journal(counting(container(1), after_ms + 180_000, 60), counting(container(9), after_ms + 190_000, 50))
    ranges = ranges_of(after_ms - 200_000, after_ms + 20_000, after_ms + 240_000)
    assert compare(ApiClient(tmp_path, after_ms + 240_000), ranges) > 2_000


def test_a_comparison_whose_request_was_canceled_is_dropped_while_a_step_runs(tmp_path: Path) -> None:
    class Canceled(Comparison):
        def _add(self, reader: SideReader, computed: ComputedMetrics) -> None:
            self.drop()  # as the event loop does, while the thread still executes the step
            super()._add(reader, computed)

    DataDirectory(tmp_path).parquet(counting(container(1), T0 - 600_000, 600))
    client = ApiClient(tmp_path)
    client.look()
    services, ranges = client.services, ranges_of(T0 - 600_000, T0 - 300_000, T0)
    comparison = Canceled(
        [before_and_within(services.scanner.holdings(), services.sources, ranges)], services.clock.monotonic
    )
    while comparison.step():
        pass
    assert comparison.sums.count.any()
    comparison.drop()
    assert comparison.sums.count.size == 0


def test_the_last_container_of_a_workload_stands_for_those_before(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.parquet(counting(container(2, "api", "web"), T0 - 600_000, 250))
    data.parquet(counting(container(1, "api", "web"), T0 - 340_000, 340))
    client = ApiClient(tmp_path)
    client.look()
    services, ranges = client.services, ranges_of(T0 - 600_000, T0 - 300_000, T0)
    comparison = Comparison(
        [before_and_within(services.scanner.holdings(), services.sources, ranges)], services.clock.monotonic
    )
    while comparison.step():
        pass
    assert [series.container_id for series in comparison.result(1).series] == [container(1).container_id]
