"""Sliding means, medians of blocks, and runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fgm.viewer.findings.statistics.sliding import block_medians, runs, sliding_means

ROWS = arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.floats(-1e6, 1e6) | st.just(np.nan)
)


@given(ROWS, st.integers(1, 12))
def test_a_sliding_mean_is_the_mean_of_the_present_values(values: np.ndarray, width: int) -> None:
    means = sliding_means(values, width)

    assert means.shape == (len(values), max(values.shape[1] - width + 1, 0))
    for row, at in np.ndindex(means.shape):
        window = values[row, at : at + width]
        present = window[~np.isnan(window)]
        expected = present.mean() if len(present) >= width / 2 else np.nan
        assert means[row, at] == pytest.approx(expected, abs=1e-3, nan_ok=True)


def test_blocks_have_medians_and_the_rest_is_left_out() -> None:
    assert block_medians(np.array([[1, 9, 2, np.nan, np.nan, np.nan, 5, 6.0]]), 3) == pytest.approx(
        np.array([[2, np.nan]]), nan_ok=True
    )


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4))
def test_runs_cover_all_true_values_and_are_further_apart_than_the_gap(values: list[bool], max_gap: int) -> None:
    mask = np.array(values, np.bool_)

    starts, ends = runs(mask, max_gap)

    covered = np.zeros(len(mask), np.bool_)
    for start, end in zip(starts, ends, strict=True):
        assert mask[start]
        assert mask[end - 1]
        covered[start:end] = True
    assert (covered | ~mask).all()
    assert (starts[1:] - ends[:-1] > max_gap).all()
