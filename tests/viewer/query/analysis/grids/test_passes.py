"""Passes: every detector sees every row once, and the matrices of a pass fit into memory."""

import numpy as np
import pytest

from fgm.viewer.findings.detection import DETECTORS, Detector, metrics_of
from fgm.viewer.query.analysis.grids.packing import Packing
from fgm.viewer.query.analysis.grids.passes import passes

METRICS = metrics_of(DETECTORS)


def whole(rows: int, ticks: int) -> Packing:
    return Packing(np.zeros(rows, np.int64), np.full(rows, ticks), ticks)


@pytest.mark.parametrize(("rows", "max_values"), [(40, 10**9), (40, 40 * 100 * 12), (500, 500 * 100 * 3)])
def test_every_detector_sees_every_row_once_within_the_memory(rows: int, max_values: int) -> None:
    planned = list(passes(DETECTORS, METRICS, np.full(rows, -1), whole(rows, 100), max_values))

    for detector in DETECTORS:
        seen = [row for each in planned if detector in each.detectors for row in range(each.first, each.end)]
        assert seen == list(range(rows))
        assert all(set(detector.needs) <= set(each.needs) for each in planned if detector in each.detectors)
    for each in planned:
        is_alone = len(each.detectors) == 1 and each.detectors[0].compares
        assert is_alone or (each.end - each.first) * 100 * len(each.needs) <= max_values
    assert (len(planned) == 1) == (max_values == 10**9)


def test_detectors_that_need_the_same_metrics_share_a_pass() -> None:
    cpu, same, io = (
        Detector(name, tuple(needs), lambda _: []) for name, needs in (("a", "xy"), ("b", "yx"), ("c", "zw"))
    )
    planned = list(passes([cpu, io, same], "wxyz", np.full(3, -1), whole(3, 10), 60))

    assert [[detector.name for detector in each.detectors] for each in planned] == [["a", "b"], ["c"]]


def test_what_is_not_recorded_is_not_read() -> None:
    (only,) = passes([Detector("a", ("x", "y"), lambda _: [])], {"x"}, np.full(3, -1), whole(3, 10), 10**6)
    assert list(only.needs) == ["x"]


def test_series_that_were_never_recorded_at_the_same_time_count_as_one() -> None:
    detectors = [Detector(name, tuple(needs), lambda _: []) for name, needs in (("a", "xy"), ("b", "zw"))]
    begin = np.repeat([0, 5], 20)
    packing = Packing(begin, begin + 5, 10)

    assert len(list(passes(detectors, "wxyz", np.full(40, -1), packing, 4 * 20 * 10))) == 1
    blocks = list(passes(detectors[:1], "xy", np.full(40, -1), packing, 2 * 10 * 10))
    assert [(each.first, each.end) for each in blocks] == [(0, 10), (10, 30), (30, 40)]


def test_a_pass_begins_with_what_is_still_in_memory() -> None:
    """The first pass has x and y; the one that needs y, too, is next, though it is listed last."""
    first, other, next_one = (
        Detector(name, tuple(needs), lambda _: []) for name, needs in (("a", "xy"), ("b", "uvw"), ("c", "yz"))
    )
    planned = list(passes([first, other, next_one], "uvwxyz", np.full(3, -1), whole(3, 10), 3 * 10 * 3))

    assert [[detector.name for detector in each.detectors] for each in planned] == [["a", "c"], ["b"]]
    planned = list(passes([first, other, next_one], "uvwxyz", np.full(3, -1), whole(3, 10), 2 * 10 * 3))
    assert [detector.name for each in planned if each.first == 0 for detector in each.detectors] == ["a", "c", "b"]
