"""Series share a row of memory only if none of them has values while another has, and no row is unused."""

import numpy as np

from fgm.viewer.query.analysis.grids.packing import Packing


def test_no_two_series_have_the_same_cell() -> None:
    random = np.random.default_rng(7)
    begin = random.integers(0, 90, 200)
    end = begin + random.integers(0, 40, 200)
    packing = Packing(begin, end, 130)
    used = np.zeros((packing.memory_rows, 130), np.int64)
    for series in range(200):
        used[packing.memory_row[series], begin[series] : end[series]] += 1

    assert used.max() == 1
    at_once = max(int(((begin <= tick) & (tick < end)).sum()) for tick in range(130))
    assert at_once <= packing.memory_rows <= at_once + 1
    assert packing.values == 130 * packing.memory_rows


def test_the_packing_of_some_series_is_their_own() -> None:
    packing = Packing(np.array([0, 0, 5, 5]), np.array([5, 5, 10, 10]), 10)

    assert packing.memory_rows == 2
    assert packing.part(1, 3).memory_rows == 1
    assert packing.part(1, 3).begin.tolist() == [0, 5]


def test_there_may_be_no_series_at_all() -> None:
    assert Packing(np.empty(0, np.int64), np.empty(0, np.int64), 10).values == 0


def test_series_that_share_nothing_have_rows_in_their_own_order() -> None:
    packing = Packing(np.array([5, 0, 0]), np.array([10, 5, 10]), 10, is_shared=False)

    assert packing.memory_row.tolist() == [0, 1, 2]
    assert packing.part(1, 3).memory_row.tolist() == [0, 1]
