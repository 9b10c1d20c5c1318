"""The matrices have what other queries read: from windows, merged hours and journals, for each metric and series."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.reader import Reader
from fgm.viewer.findings.detection import DETECTORS, metrics_of
from fgm.viewer.query.analysis import analysed_span, joined_rows
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan, span_of
from fgm.viewer.query.analysis.grids.grid_reader import GridReader, Part
from fgm.viewer.query.analysis.grids.grid_rows import GridRows, rows_of
from fgm.viewer.query.analysis.grids.matrices import PackedMatrices, UnpackedMatrices
from fgm.viewer.query.analysis.grids.series_bounds import SeriesBounds
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from tests.support import incidents
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting
from tests.support.viewer.merged_hours import merge_hour

BEGAN_MS = incidents.PLANTED["oom_kill"]["began_ms"]
METRICS = (
    *("total_cpu_usage_millicores", "throttle_ratio", "memory_working_set", "memory.current", "memory_limit_ratio"),
    *("psi_memory_some_ratio", "io_bytes_per_s", "memory.stat.pgfault", "pids.current", "processes.fd_count"),
    "cpu_limit_millicores",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiClient]:
    client = ApiClient(incidents.unpacked(tmp_path_factory.mktemp("incidents")), incidents.PLANTED["ended_ms"])
    client.look()
    yield client
    client.services.journals.close()


def read(client: ApiClient, span: AnalysedSpan, holdings: Holdings) -> tuple[GridRows, dict[str, np.ndarray]]:
    rows = rows_of(holdings.series, span)
    own = Part({series.key: row for row, series in enumerate(rows.series)}, [SHOWN[name] for name in METRICS])
    files = client.services.files.between(span.first_ms - 3000, span.to_ms, layout.reach_ms(holdings.rotation_ms))
    file_reader = Reader(client.services.sources, holdings.node_name)
    bounds = SeriesBounds(holdings.series, span, file_reader)
    assert list(bounds.read(files)) == list(range(1, 1 + len(files)))
    packed = PackedMatrices(bounds.packing([own.row_of], len(rows.series)))
    reader = GridReader([own], span, files, file_reader, packed)
    while reader.step():
        pass
    return rows, dict(UnpackedMatrices(packed, packed.names(), 0, len(rows.series)))


def lines(client: ApiClient, span: AnalysedSpan, keys: set[str]) -> dict[tuple[str, str], np.ndarray]:
    question = Question(
        tuple(SHOWN[name] for name in METRICS), frozenset(keys), span.before_ms, span.to_ms, span.tick_ms
    )
    query = SamplesQuery(question, client.services.sources)
    while query.step():
        pass
    result = {}
    for of_series in query.result():
        for metric, line in zip(METRICS, of_series.lines, strict=True):
            time_ms, values = line.joined()
            row = np.full(span.ticks, np.nan)
            row[(time_ms - span.first_ms) // span.tick_ms] = values
            result[of_series.series.key, metric] = row
    return result


@pytest.mark.parametrize("max_values", [joined_rows.MAX_VALUES, 20_000], ids=["at once", "a few columns at a time"])
def test_matrices_have_the_values_of_each_series(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch, max_values: int
) -> None:
    monkeypatch.setattr(joined_rows, "MAX_VALUES", max_values)
    holdings = client.services.scanner.holdings()
    span = span_of(holdings, BEGAN_MS, BEGAN_MS + 120_000)
    rows, matrices = read(client, span, holdings)
    expected = lines(client, span, {series.key for series in rows.series})

    assert len(rows.series) > 8
    assert span.begin > 30
    compared = 0
    for row, series in enumerate(rows.series):
        for metric in METRICS:
            values = expected.get((series.key, metric))
            if values is not None and metric in matrices:
                np.testing.assert_allclose(matrices[metric][row], values, rtol=2e-6, err_msg=f"{metric} of {series}")
                compared += int((~np.isnan(values)).sum())
    assert compared > 10_000


def test_the_node_is_first_and_a_container_alone_in_its_pod_stands_for_it(client: ApiClient) -> None:
    holdings = client.services.scanner.holdings()
    rows = rows_of(holdings.series, span_of(holdings, BEGAN_MS, BEGAN_MS + 120_000))

    assert (rows.node, rows.series[0].scope) == (0, "node")
    assert not rows.is_leaf[0]
    for key, row in rows.row_of_pod.items():
        assert key == f"pod:{rows.series[row].pod_uid}"
        assert rows.series[row].scope == "container"
    for row, pod in enumerate(rows.pod_of.tolist()):
        if pod >= 0:
            assert rows.series[pod].scope == "pod"
            assert rows.series[pod].pod_uid == rows.series[row].pod_uid


def test_the_time_before_is_a_quarter_of_an_hour_as_far_as_it_is_recorded(client: ApiClient) -> None:
    holdings = client.services.scanner.holdings()
    oldest_ms, newest_ms = holdings.oldest_ms, holdings.newest_ms
    assert oldest_ms is not None
    assert newest_ms is not None
    whole = span_of(holdings, oldest_ms, newest_ms + 3_600_000)
    short = span_of(holdings, newest_ms - 30_000, newest_ms)
    later = span_of(holdings, newest_ms + 7_200_000, newest_ms + 10_800_000)
    longer = span_of(holdings, oldest_ms - 600_000, newest_ms)

    assert (whole.before_ms, whole.begin, whole.to_ms) == (oldest_ms, 0, newest_ms + 1000)
    assert short.before_ms == max(oldest_ms, short.from_ms - 900_000)
    assert short.from_ms - short.compared_from_ms == 30_000
    assert later.ticks <= later.begin
    assert (longer.before_ms, longer.begin) == (oldest_ms, 0)


def test_metrics_of_all_detectors_can_be_read(client: ApiClient) -> None:
    holdings = client.services.scanner.holdings()
    assert {name for name in metrics_of(DETECTORS) if SHOWN[name].has_values(holdings.metrics)}


def test_matrices_reach_over_merged_hours_windows_and_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joined_rows, "MAX_ROWS", 2_000)  # several groups of series
    monkeypatch.setattr(analysed_span, "MAX_BEFORE_MS", 540_000)
    data, hour_ms = DataDirectory(tmp_path), T0 - T0 % 3_600_000 - 3_600_000
    series = (NODE, *(container(number) for number in range(1, 4)))
    data.parquet(*(counting(each, hour_ms, 3600, per_second=1000 * row) for row, each in enumerate(series)))
    merge_hour(data, hour_ms)
    after_ms = hour_ms + 3_600_000
    data.parquet(*(counting(each, after_ms, 180, per_second=3000 + row) for row, each in enumerate(series[1:])))
    data.journal(counting(container(1), after_ms + 180_000, 60), counting(container(9), after_ms + 190_000, 50))
    client = ApiClient(tmp_path, after_ms + 240_000)
    client.look()
    holdings = client.services.scanner.holdings()
    span = span_of(holdings, after_ms - 300_000, after_ms + 240_000)
    rows, matrices = read(client, span, holdings)
    expected = lines(client, span, {each.key for each in rows.series})

    assert span.ticks == 1080
    assert {each.key for each in rows.series} == {each.key for each in (*series, container(9))}
    for row, each in enumerate(rows.series):
        for metric in ("total_cpu_usage_millicores", "memory.current"):
            np.testing.assert_allclose(matrices[metric][row], expected[each.key, metric], rtol=2e-6, err_msg=f"{each}")
    assert (~np.isnan(matrices["total_cpu_usage_millicores"])).sum() > 3_000
    client.services.journals.close()
