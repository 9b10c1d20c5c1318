"""M4 reduces samples to the first, lowest, highest and last of each pixel column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.metrics.rates import Floats, Times
from fgm.viewer.query.m4 import m4

VALUES = st.lists(
    st.tuples(st.integers(1, 3000), st.one_of(st.just(np.nan), st.integers(-3, 3).map(float))), min_size=1, max_size=80
)


def arrays(samples: list[tuple[int, float]]) -> tuple[Times, Floats]:
    return np.cumsum([step for step, _ in samples], dtype=np.int64), np.array([value for _, value in samples])


def by_hand(time_ms: Times, values: Floats, from_ms: int, to_ms: int, columns: int) -> list[tuple[int, float]]:
    """Return the kept samples, computed for one column after another."""
    kept: dict[int, float] = {}
    for column in range(columns):
        inside = [(int(t), v) for t, v in zip(time_ms, values, strict=True)
                  if (int(t) - from_ms) * columns // (to_ms - from_ms) == column]  # fmt: skip
        with_value = [(t, v) for t, v in inside if not np.isnan(v)]
        if with_value:
            lowest = min(with_value, key=lambda s: (s[1], s[0]))
            highest = max(with_value, key=lambda s: (s[1], s[0]))
            kept |= dict([with_value[0], lowest, highest, with_value[-1]])
        elif inside:
            kept |= dict(inside[:1])
    return sorted(kept.items())


@given(VALUES, st.integers(1, 20))
def test_m4_keeps_the_extremes_of_each_column(samples: list[tuple[int, float]], columns: int) -> None:
    """These are the first, lowest, highest and last value of each column, and one null if a column has no value."""
    time_ms, values = arrays(samples)
    to_ms = int(time_ms[-1]) + 1
    kept_times, kept = m4(time_ms, values, 0, to_ms, columns)
    expected = by_hand(time_ms, values, 0, to_ms, columns)

    assert kept_times.tolist() == [t for t, _ in expected]
    assert np.array_equal(kept, [v for _, v in expected], equal_nan=True)


@given(VALUES, st.integers(1, 20), st.lists(st.integers(0, 80), max_size=4))
def test_reducing_in_parts_gives_the_same_samples(
    samples: list[tuple[int, float]], columns: int, cuts: list[int]
) -> None:
    """The places at which samples are divided into files do not change the result."""
    time_ms, values = arrays(samples)
    to_ms = int(time_ms[-1]) + 1
    places = sorted(min(cut, len(time_ms)) for cut in cuts)
    parts = [
        m4(t, v, 0, to_ms, columns) for t, v in zip(np.split(time_ms, places), np.split(values, places), strict=True)
    ]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    times, kept = m4(joined[0], joined[1], 0, to_ms, columns)
    whole_times, whole = m4(time_ms, values, 0, to_ms, columns)

    assert times.tolist() == whole_times.tolist()
    assert np.array_equal(kept, whole, equal_nan=True)


@pytest.mark.parametrize("days", [1, 7])
def test_a_spike_and_a_dip_of_one_sample_are_kept_at_any_zoom(days: int) -> None:
    rng = np.random.default_rng(days)
    time_ms = 1000 * np.arange(days * 86_400, dtype=np.int64)
    values = rng.uniform(10, 20, len(time_ms))
    spike, dip = rng.choice(len(time_ms), 2, replace=False)
    values[spike], values[dip] = 4000, 0
    times, kept = m4(time_ms, values, 0, days * 86_400_000, 1200)

    assert len(times) <= 4800
    assert kept[times == time_ms[spike]] == 4000
    assert kept[times == time_ms[dip]] == 0
