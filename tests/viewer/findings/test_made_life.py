"""Made ordinary life: the same values as arrays and as files; planted incidents are named, and nothing else is."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.viewer.files.reader import Reader
from fgm.viewer.findings import detection, ranking
from fgm.viewer.findings.candidates import candidates_of
from fgm.viewer.findings.grid import Matrix
from fgm.viewer.query.analysis.analysed_span import span_of
from fgm.viewer.query.analysis.grids.grid_reader import GridReader, Part
from fgm.viewer.query.analysis.grids.grid_rows import rows_of
from fgm.viewer.query.analysis.grids.matrices import PackedMatrices, UnpackedMatrices
from fgm.viewer.query.analysis.grids.series_bounds import SeriesBounds
from tests.support.life import made_windows
from tests.support.life.made import Made
from tests.support.life.made_grid import grid_of
from tests.support.life.stretches import recorded, stretch
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.made_grid import container, made_grid, node


def first_ticks(made: Made, count: int) -> Made:
    rows = np.flatnonzero(~np.isnan(made.late_ms[:, :count]).all(axis=1)).tolist()
    return replace(
        made,
        series=[made.series[row] for row in rows],
        time_ms=made.time_ms[:count],
        late_ms=made.late_ms[rows, :count],
        columns={name: column[rows, :count] for name, column in made.columns.items()},
    )


@pytest.mark.parametrize("is_shared", [False, True])
def test_the_grid_of_made_arrays_is_that_of_the_same_windows(tmp_path: Path, *, is_shared: bool) -> None:
    made = first_ticks(recorded(3, "restart_loop", has_before=False)[0], 360)
    made_windows.write(made, tmp_path)
    client = ApiClient(tmp_path, int(made.time_ms[-1]) + 1000)
    client.look()
    holdings = client.services.scanner.holdings()
    from_ms = int(made.time_ms[made.begin])
    span = span_of(holdings, from_ms, from_ms + 1000 * len(made.time_ms))
    rows, grid = rows_of(holdings.series, span), grid_of(made)
    assert {series.key for series in rows.series} == {series.key for series in grid.series}
    assert span.time_ms().tolist() == grid.time_ms.tolist()
    row_of = {series.key: row for row, series in enumerate(grid.series)}
    of_pods = {key: row_of[rows.series[row].key] for key, row in rows.row_of_pod.items()}
    metrics = [SHOWN[name] for name in grid.metrics]
    network = [metric for metric in metrics if metric.name.startswith("network.")]
    others = [metric for metric in metrics if metric not in network]
    files = client.services.files.between(span.first_ms, span.to_ms, layout.reach_ms(holdings.rotation_ms))
    in_place_of_pods = set(of_pods.values())
    own_network = {key: row for key, row in row_of.items() if row not in in_place_of_pods}
    parts = [Part(row_of, others), Part(own_network | of_pods, network)]
    file_reader = Reader(client.services.sources, holdings.node_name)
    bounds = SeriesBounds(holdings.series, span, file_reader)
    assert len(list(bounds.read(files))) == len(files)
    packing = bounds.packing((row_of, of_pods), len(row_of))
    packing = replace(packing, is_shared=is_shared)
    assert (packing.memory_rows < len(row_of)) == is_shared
    packed = PackedMatrices(packing)
    reader = GridReader(parts, span, files, file_reader, packed)
    while reader.step():
        pass
    read = UnpackedMatrices(packed, packed.names(), 0, len(row_of))
    with_values = {name for name in grid.metrics if not np.isnan(grid.value(name)).all()}
    assert len(with_values) > 70
    assert read.keys() == with_values
    for name in with_values:
        np.testing.assert_allclose(read[name], grid.value(name), rtol=1e-4, atol=1e-3, err_msg=name)
    client.services.journals.close()


@pytest.mark.parametrize(
    ("incident", "seed"),
    [("leak", 317), ("burst", 2), ("noisy_io", 324), ("repeated_stalls", 326)],
)
def test_a_planted_incident_is_named_first_with_its_kind_and_begin(incident: str, seed: int) -> None:
    grid, truth = stretch(seed, incident)
    assert truth is not None

    first = ranking.ranked(ranking.with_strength(detection.find_all(grid), grid))[0].finding

    assert grid.series[first.row].key in truth.keys
    assert first.kind in truth.kinds
    assert first.from_ms == pytest.approx(truth.begin_ms, abs=5000)


@pytest.mark.parametrize("seed", [300, 301])
def test_nothing_stands_out_in_ordinary_life(seed: int) -> None:
    grid, _ = stretch(seed)

    assert ranking.ranked(ranking.with_strength(detection.find_all(grid), grid)) == []


class Noted(Mapping[str, Matrix]):
    """Metrics of a grid that notes which of them are read."""

    def __init__(self, metrics: Mapping[str, Matrix]) -> None:
        self.read = set[str]()
        self._metrics = metrics

    def __getitem__(self, name: str) -> Matrix:
        self.read.add(name)
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)


@pytest.mark.parametrize("incident", ["swap_storm", "noisy_memory", "throttle", "restart_loop"])
def test_detectors_read_no_metrics_but_those_that_they_need(incident: str) -> None:
    """What a detector does not need is not in the grid that it gets, but would look as if it were not recorded."""
    grid, _ = stretch(301, incident)
    groups = {detector.find: set[str]() for detector in detection.DETECTORS}
    for detector in detection.DETECTORS:
        groups[detector.find].update(detector.needs)
    for find, needs in groups.items():
        noted = Noted(grid.metrics)
        find(replace(grid, metrics=noted, of_node={}))
        assert noted.read <= needs


def test_a_part_of_the_grid_leaves_out_starts_as_the_whole_does() -> None:
    values = np.full((3, 600), np.nan, np.float32)
    values[0] = 100.0
    values[1:, 300:] = np.where(np.arange(300) % 100 < 50, 100.0, 900.0)
    whole = replace(
        made_grid([node(), container("a"), container("b")], {"total_cpu_usage_millicores": values}, ticks=600), begin=60
    )
    part = detection.part_of(whole, {"total_cpu_usage_millicores": values[1:]}, 1, 3)

    of_whole, of_part = (candidates_of(grid, "total_cpu_usage_millicores").values for grid in (whole, part))
    np.testing.assert_array_equal(of_whole, of_part)
    assert np.isnan(of_part[:, 300]).all()
