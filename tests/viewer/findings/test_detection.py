"""Detectors get all series at once, or parts of them; rows of findings are those of the whole grid."""

import numpy as np
import pytest

from fgm.metrics.shown import SHOWN
from fgm.viewer.findings import detection
from fgm.viewer.findings.detection import DETECTORS, Detector, bounds_of_parts, find_all
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import container, made_grid, node, pod
from tests.support.viewer.made_series import busy

CPU = "total_cpu_usage_millicores"


def find_high(grid: Grid) -> list[Finding]:
    rows = np.flatnonzero((grid.value(CPU) > 500).any(axis=1)).tolist()
    return [Finding("burst", row, CPU, 0, 0, 0.0, {"series": float(len(grid.series))}, (row,)) for row in rows]


HIGH = Detector("high", (CPU,), find_high)


def grid_of(containers: int, ticks: int) -> Grid:
    series = [node(), *(container(f"c{number}") for number in range(containers))]
    values = np.full((len(series), ticks), 100.0, np.float32)
    values[-2] = 900
    return made_grid(series, {CPU: values}, ticks=ticks)


def test_rows_of_findings_in_parts_are_those_of_the_whole_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(20, 50)
    monkeypatch.setattr(detection, "MAX_CELLS", 4 * 50)
    (alone,), (together,) = find_all(grid, [HIGH]), find_all(grid, [HIGH._replace(compares=True)])

    assert alone.row == together.row == 19
    assert alone.others == (19,)
    assert float(alone.facts["series"]) <= 4
    assert together.facts["series"] == 21


def test_every_part_has_the_values_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(20, 50)
    monkeypatch.setattr(detection, "MAX_CELLS", 4 * 50)
    nodes: list[float] = []

    def note(part: Grid) -> list[Finding]:
        nodes.append(float(part.value_of_node(CPU)[7]))
        return []

    find_all(grid, [Detector("note", (CPU,), note)])
    assert nodes == [100.0] * 6
    assert np.isnan(made_grid([container("a")], {}, ticks=3).value_of_node(CPU)).all()


def test_a_pod_and_its_containers_are_in_one_part() -> None:
    pods = [pod("one"), pod("two")]
    series = [node(), pods[0], *(container(f"a{i}", pods[0]) for i in range(5)), pods[1], container("b", pods[1])]
    grid = made_grid(series, {}, ticks=10)

    parts = list(bounds_of_parts(grid.pod_of, 3))

    assert [first for first, _ in parts] + [9] == [0] + [end for _, end in parts]
    assert (1, 7) in parts
    assert all(end - first <= 6 for first, end in parts)


def test_detectors_need_only_metrics_that_there_are() -> None:
    assert len({(detector.name, detector.needs) for detector in DETECTORS}) == len(DETECTORS)
    assert {metric for detector in DETECTORS for metric in detector.needs} - SHOWN.keys() == set()


def test_all_detectors_work_without_any_value_and_without_a_time_before() -> None:
    for begin in (0, 30):
        assert find_all(made_grid([node(), container("a")], {}, ticks=60, begin=begin)) == []


def test_all_detectors_work_on_a_short_range_with_values() -> None:
    metrics = detection.metrics_of(DETECTORS)
    for ticks in (1, 2, 5, 20):
        values = np.ones((2, ticks), np.float32)
        grid = made_grid([node(), container("a")], dict.fromkeys(metrics, values), ticks=ticks)
        assert all(finding.row in (0, 1) for finding in find_all(grid))


def changed(kind: str) -> np.ndarray:
    """Return the values of a busy series that does something in the last two of 17 minutes."""
    values = busy(ticks=1020)
    if kind == "burst":
        values[940:948] += 3_000
    if kind == "stall":
        values[940:948] = 1
    if kind == "leak":
        values = (1 << 28) + 1e6 * np.maximum(0, np.arange(1020) - 900.0) + 1e4 * busy(2, ticks=1020)
    return values


@pytest.mark.parametrize("kind", ["burst", "stall", "leak"])
def test_less_is_claimed_if_less_is_known_from_before(kind: str) -> None:
    metric = "memory.stat.anon" if kind == "leak" else CPU
    statistics = []
    for before in (900, 400, 200, 120, 60, 0):
        grid = made_grid(
            [container("cart")], {metric: {0: changed(kind)[900 - before :]}}, ticks=120 + before, begin=before
        )
        statistics.append(max((each.statistic for each in find_all(grid) if each.kind == kind), default=0.0))

    assert statistics == sorted(statistics, reverse=True)
    assert statistics[0] > 1.5 * statistics[-2]
