"""The range in which values have another distribution, in made values."""

import numpy as np

from fgm.viewer.findings.statistics.likelihood import likeliest_range, likeliest_range_in_view


def test_a_wrong_guess_is_moved_to_where_the_values_change() -> None:
    errors = []
    for seed in range(20):
        numbers = np.random.default_rng(seed)
        values = np.where(numbers.random(600) < 0.05, 0.1, 0.0)
        values[300:500] = np.where(numbers.random(200) < 0.6, numbers.uniform(0.1, 0.6, 200), 0.0)
        found = likeliest_range(values, 330, 560, np.array([0.0, 0.25]))
        errors += [abs(found.start - 300), abs(found.stop - 500)]
        assert found.log_ratio > 100

    assert np.median(errors) <= 2
    assert max(errors) <= 12


def test_without_a_change_the_guess_stays() -> None:
    assert likeliest_range(np.zeros(50), 10, 20, np.array([0.0])) == (10, 20, 0.0)


def test_a_longer_range_before_the_view_does_not_hide_the_one_in_it() -> None:
    values = np.zeros(600)
    values[50:120] = values[400:408] = 1.0

    assert likeliest_range(values, 400, 408, np.array([0.5]))[:2] == (50, 120)
    assert likeliest_range_in_view(values, 200, 400, 408, np.array([0.5]))[:2] == (400, 408)
    assert likeliest_range_in_view(values, 100, 100, 120, np.array([0.5]))[:2] == (100, 120)
