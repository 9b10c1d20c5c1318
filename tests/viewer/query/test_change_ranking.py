"""Changes are ranked by how far they leave what was usual, and by how much of the whole they are."""

import numpy as np
import pytest

from fgm.metrics.shown import SHOWN
from fgm.viewer.query.change_ranking import ranked
from fgm.viewer.query.change_sums import BEFORE, DURING, Sums


def sums_of(*series: tuple[list[float], list[float]]) -> Sums:
    """Sums of one metric: for each series, its values before and during."""
    sums = Sums.empty(len(series), 1)
    for place, stretches in enumerate(series):
        for part, values in zip((BEFORE, DURING), stretches, strict=True):
            sums.add([(place, part)], 0, np.array([0]), np.array(values))
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
def test_the_series_that_left_its_usual_values_farther_is_first(
    more: tuple[list[float], list[float]], less: tuple[list[float], list[float]]
) -> None:
    assert ranked(sums_of(less, more), [CPU], 2)[0].row == 1


def test_a_series_that_did_not_change_is_not_listed() -> None:
    assert ranked(sums_of(([5.0] * 9, [5.0] * 9), ([], [])), [CPU], 5) == []


def test_the_examples_of_the_formula_are_right() -> None:
    """The numbers that the docstring of the module states."""
    step = ([100.0] * 9, [900.0] * 9)
    (alone,) = ranked(sums_of(step), [CPU], 1)

    assert alone.score == pytest.approx(3.24, abs=0.005)
    (beside_a_larger_one,) = ranked(sums_of(([1.0] * 9, [9.0] * 9), ([900.0] * 9, [900.0] * 9)), [CPU], 2)

    assert beside_a_larger_one.score == pytest.approx(0.32, abs=0.005)
