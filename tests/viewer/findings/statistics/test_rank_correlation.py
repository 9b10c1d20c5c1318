"""Rank correlation with a lag."""

import numpy as np
import pytest

from fgm.viewer.findings.statistics.rank_correlation import lagged

NOISE = np.random.default_rng(2).normal(0, 1, 300)
CAUSE = np.repeat([0.0, 5.0, 0.0, 5.0], 75) + NOISE


def test_an_effect_that_follows_is_found_with_its_lag() -> None:
    found = lagged(CAUSE, np.exp(np.roll(CAUSE, 3)), 5)

    assert found.lag == 3
    assert found.value > 0.95


def test_values_that_have_nothing_in_common_have_no_correlation() -> None:
    assert abs(lagged(NOISE, np.random.default_rng(3).normal(0, 1, 300), 5).value) < 0.3


def test_an_opposite_effect_is_no_correlation() -> None:
    assert lagged(CAUSE, -CAUSE, 5).value < 0.1


def test_a_constant_has_no_correlation() -> None:
    assert lagged(CAUSE, np.ones(300), 5).value == pytest.approx(0)
