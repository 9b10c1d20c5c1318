"""Change points: the ticks at which a level changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.viewer.findings.statistics.change_points import change_points, cusum, segment_levels, split


def noise(ticks: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, ticks)


def test_noise_has_no_change_point() -> None:
    assert [len(change_points(noise(900, seed))) for seed in range(20)] == [0] * 20


def test_each_change_is_found_and_the_levels_between_them() -> None:
    values = noise(900) + np.repeat([10, 20, 12], [200, 400, 300])
    values[300:310] = np.nan

    changes = change_points(values)

    assert changes == pytest.approx([200, 600], abs=2)
    assert segment_levels(values, changes) == pytest.approx([10, 20, 12], abs=0.5)


@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 9, [5.0] * 60])
def test_too_few_or_equal_values_have_no_change_point(values: list[float]) -> None:
    assert len(change_points(np.array(values))) == 0


def test_a_change_without_noise_is_found() -> None:
    assert change_points(np.repeat([1.0, 4.0], 50)).tolist() == [50]


@given(st.integers(0, 500), st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
def test_scaling_and_shifting_moves_no_change_point(seed: int, scale: float, shift: float) -> None:
    values = noise(200, seed) + np.repeat([0, 6], [80, 120])

    assert change_points(scale * values + shift).tolist() == change_points(values).tolist()


def test_the_cusum_of_noise_has_the_deviation_of_the_noise() -> None:
    scores = np.array([cusum(3 * noise(400, seed))[100:300] for seed in range(100)])

    assert scores.std() == pytest.approx(3, rel=0.1)


def test_a_split_leaves_missing_values_out() -> None:
    values = np.repeat([1.0, 2.0], [30, 50])
    values[5:20] = np.nan

    assert split(values) == 30
