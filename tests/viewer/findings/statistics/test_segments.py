"""The heaviest range of each row, compared with all ranges."""

import numpy as np

from fgm.viewer.findings.statistics.segments import heaviest, usual_part


def test_the_range_has_the_greatest_sum_of_all_ranges() -> None:
    weights = np.random.default_rng(1).normal(-0.2, 1, (20, 30))
    weights[3, 5:9] = np.nan

    found = heaviest(weights)

    filled = np.nan_to_num(weights)
    for row in range(20):
        best = max(filled[row, i:j].sum() for i in range(30) for j in range(i, 31))
        assert np.isclose(found.weight[row], best)
        assert np.isclose(filled[row, found.start[row] : found.stop[row]].sum(), best)


def test_a_row_without_a_positive_weight_has_an_empty_range() -> None:
    found = heaviest(np.array([[-1.0, -0.5, np.nan], [0.0, 0.0, 0.0]]))

    assert found.weight.tolist() == [0, 0]
    assert (found.start == found.stop).all()


def test_a_pause_does_not_end_a_range_and_a_single_tick_long_before_does_not_begin_one() -> None:
    weights = np.full((1, 100), -0.1)
    weights[0, 5] = 1.0
    weights[0, 60:70] = weights[0, 75:90] = 0.9

    found = heaviest(weights)

    assert (found.start[0], found.stop[0]) == (60, 90)


def test_what_is_usual_is_what_was_before_or_else_what_is_outside_of_the_rise() -> None:
    values = np.zeros((1, 100), np.float32)
    values[0, 20:] = 1

    assert usual_part(values, 20).tolist() == [[0.0] * 20]
    usual = usual_part(values, 0)
    assert usual.dtype == np.float32
    assert np.nansum(usual) == 0
    assert np.isnan(usual[0, 20:]).all()
    assert np.isfinite(usual[0, :20]).all()
