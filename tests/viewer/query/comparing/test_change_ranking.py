"""Changes are ranked by their distance from the usual values, and by their share of all values of the metric."""

import numpy as np
import pytest

from fgm.metrics.shown import SHOWN
from fgm.viewer.query.comparing.change_ranking import ranked
from fgm.viewer.query.comparing.change_sums import BEFORE, DURING, Sums


def sums_of(*series: tuple[list[float], list[float]]) -> Sums:
    """Return the sums of one metric, from the values of each series before and during the range."""
    sums = Sums.empty(len(series), 1)
    for row, ranges in enumerate(series):
        for part, values in zip((BEFORE, DURING), ranges, strict=True):
            sums.add((np.array([row]), np.array([part])), 0, np.array([0]), np.array(values))
    return sums


CPU = SHOWN["total_cpu_usage_millicores"]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        (([100.0] * 9, [900.0] * 9), ([100.0] * 9, [120.0] * 9)),
        (([100.0] * 9, [900.0] * 9), ([1.0] * 9, [9.0] * 9)),
        (([100.0, 110.0] * 9, [400.0] * 9), ([100.0, 900.0] * 9, [400.0] * 9)),
        (([100.0] * 40, [100.0] * 39 + [3000.0]), ([100.0] * 40, [100.0] * 40)),
        (([500.0] * 9, [500.0, 0.0] * 9), ([500.0] * 9, [480.0, 500.0] * 9)),
    ],
    ids=["a larger step", "the same step of a larger one", "a quieter one before", "one second", "a stall"],
)
def test_the_series_that_deviates_more_from_its_usual_values_is_first(
    more: tuple[list[float], list[float]], less: tuple[list[float], list[float]]
) -> None:
    assert ranked(sums_of(less, more), [CPU], 2)[0].row == 1


def test_a_series_that_did_not_change_is_not_listed() -> None:
    assert ranked(sums_of(([5.0] * 9, [5.0] * 9), ([], [])), [CPU], 5) == []


def test_the_examples_of_the_formula_are_right() -> None:
    """The docstring of the module has these numbers."""
    step = ([100.0] * 9, [900.0] * 9)
    (alone,) = ranked(sums_of(step), [CPU], 1)

    assert alone.score == pytest.approx(3.24, abs=0.005)
    (next_to_a_larger_one,) = ranked(sums_of(([1.0] * 9, [9.0] * 9), ([900.0] * 9, [900.0] * 9)), [CPU], 2)

    assert next_to_a_larger_one.score == pytest.approx(0.32, abs=0.005)


def test_a_metric_that_was_not_read_has_not_fallen_to_zero_unless_its_series_is_gone() -> None:
    sums = Sums.empty(2, 2)
    for metric in (0, 1):
        for row in (0, 1):
            sums.add((np.array([row]), np.array([BEFORE])), metric, np.array([0]), np.full(9, 900.0))
    sums.add((np.array([0]), np.array([DURING])), 0, np.array([0]), np.full(9, 900.0))
    sums.add((np.array([0]), np.array([DURING])), 1, np.array([0]), np.full(2, 900.0))
    changed = ranked(sums, [CPU, SHOWN["memory.current"]], 5)

    assert [series.row for series in changed] == [1]
