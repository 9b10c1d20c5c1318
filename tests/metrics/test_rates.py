"""Rates of counters, across nulls, gaps and late reads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.metrics.rates import rate

NaN = np.nan


def times(*seconds: float) -> np.ndarray:
    return np.array([round(s * 1000) for s in seconds], np.int64)


@pytest.mark.parametrize(
    ("what", "seconds", "values", "expected"),
    [
        ("growth per second, the first sample unknown", (0, 1, 2), (10, 12, 15), (NaN, 2, 3)),
        ("a counter that stands still is 0, not unknown", (0, 1), (7, 7), (NaN, 0)),
        ("a negative step is a counter that started over", (0, 1, 2), (100, 3, 5), (NaN, NaN, 2)),
        ("one missing tick is bridged", (0, 2), (0, 8), (NaN, 4)),
        ("a gap is not bridged, and what follows it counts again", (0, 3, 4), (0, 8, 9), (NaN, NaN, 1)),
        (
            "a null is unknown, and the value after it counts from the one before",
            (0, 1, 2),
            (0, NaN, 6),
            (NaN, NaN, 3),
        ),
        ("nulls longer than a gap", (0, 1, 2, 3), (0, NaN, NaN, 6), (NaN, NaN, NaN, NaN)),
        ("one sample", (0,), (5,), (NaN,)),
        ("no sample", (), (), ()),
    ],
)
def test_a_rate_is_the_growth_per_second_since_the_value_before(
    what: str, seconds: tuple[float, ...], values: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    late = np.zeros(len(seconds))

    assert rate(times(*seconds), late, np.array(values, float), 1000) == pytest.approx(expected, nan_ok=True), what


def test_a_late_read_is_divided_by_the_time_that_really_passed() -> None:
    grown = rate(times(0, 1, 2), np.array([0.0, 250.0, 0.0]), np.array([0.0, 1250.0, 2000.0]), 1000)

    assert grown == pytest.approx([NaN, 1000, 1000], nan_ok=True)


def test_an_unknown_lateness_counts_as_zero() -> None:
    assert rate(times(0, 1), np.array([NaN, NaN]), np.array([0.0, 5.0]), 1000) == pytest.approx([NaN, 5], nan_ok=True)


def test_a_gap_is_measured_in_the_metrics_own_interval() -> None:
    """A metric that is read every 10 s has no gap after 20 s, and one after 26 s."""
    grown = rate(times(0, 20, 46), np.zeros(3), np.array([0.0, 20.0, 46.0]), 10_000)

    assert grown == pytest.approx([NaN, 1, NaN], nan_ok=True)


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.one_of(st.just(NaN), st.floats(0, 1e15)), st.floats(0, 400))),
    st.integers(100, 10_000),
)
def test_a_rate_is_never_negative_nor_infinite(samples: list[tuple[int, float, float]], interval_ms: int) -> None:
    """For any values of a counter, a rate is a finite number of at least 0, or null."""
    time_ms = np.cumsum([step for step, _, _ in samples], dtype=np.int64)
    late_ms = np.array([late for _, _, late in samples])
    grown = rate(time_ms, late_ms, np.array([value for _, value, _ in samples]), interval_ms)
    known = grown[~np.isnan(grown)]

    assert len(grown) == len(samples)
    assert (known >= 0).all()
    assert np.isfinite(known).all()


@given(
    st.lists(st.tuples(st.sampled_from((1000, 2000, 3000)), st.one_of(st.just(NaN), st.floats(0, 1e9))), max_size=30),
)
def test_rates_are_those_of_each_value_and_the_one_before_it(samples: list[tuple[int, float]]) -> None:
    time_ms = np.cumsum([step for step, _ in samples], dtype=np.int64)
    expected, before = [], None
    for at_ms, (_, value) in zip(time_ms.tolist(), samples, strict=True):
        is_known = before is not None and value >= before[1] and at_ms - before[0] <= 2500
        expected.append((value - before[1]) * 1000 / (at_ms - before[0]) if is_known and before else NaN)
        before = before if np.isnan(value) else (at_ms, value)

    grown = rate(time_ms, np.zeros(len(samples)), np.array([value for _, value in samples], float), 1000)

    np.testing.assert_allclose(grown, expected, rtol=1e-12)
