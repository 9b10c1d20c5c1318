"""Minutes of a metric, against the same computed value by value in plain Python."""

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.metrics.formula_input import Samples
from fgm.metrics.minutes import EXTREME_BITS, LAST_BITS, Ticks, minutes_of, rounded, summarise
from fgm.store.minutes.minute_rows import MinuteRows

START_MS = 1_767_110_400_000


def finite(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_subnormal=False)


gauges = st.one_of(st.just(math.nan), st.integers(-(2**52), 2**52).map(float), st.sampled_from([0.0, 1.0, 4096.0]))
rates = st.one_of(st.just(math.nan), st.just(0.0), finite(-1e15, 1e15), finite(0, 1e-3), finite(999, 1000))


def minutes(values: Sequence[float], interval_ms: int, first_ms: int = START_MS) -> MinuteRows:
    samples = Samples(
        time_ms=first_ms + interval_ms * np.arange(len(values)),
        late_ms=np.zeros(len(values)),
        values={"gauge": np.array(values, float)},
        tick_ms=interval_ms,
    )
    return minutes_of(samples, lambda given: given.value("gauge"))


@given(
    values=st.one_of(st.lists(gauges, max_size=200), st.lists(rates, max_size=200)),
    interval_ms=st.sampled_from([250, 700, 1000, 10_000, 120_000]),
    offset_s=st.integers(0, 130),
)
def test_each_minute_is_what_plain_python_makes_of_its_values(
    values: list[float], interval_ms: int, offset_s: int
) -> None:
    first_ms = START_MS + offset_s * 1000
    rows = minutes(values, interval_ms, first_ms)
    ticks = [(first_ms + interval_ms * number, value) for number, value in enumerate(values) if not math.isnan(value)]

    by_minute = [(minute, list(group)) for minute, group in groupby(ticks, key=lambda tick: tick[0] // 60_000)]
    assert rows.time_ms.tolist() == [minute * 60_000 for minute, _ in by_minute]
    for index, (minute, group) in enumerate(by_minute):
        only = [value for _, value in group]
        low, high = min(only), max(only)
        assert rows.min[index] == pytest.approx(low, rel=2**-EXTREME_BITS, abs=0)
        assert rows.max[index] == pytest.approx(high, rel=2**-EXTREME_BITS, abs=0)
        assert rows.min_at_ms[index] == next(ms for ms, value in group if value == low) - minute * 60_000
        assert rows.max_at_ms[index] == next(ms for ms, value in group if value == high) - minute * 60_000
        assert rows.last[index] == pytest.approx(only[-1], rel=2**-LAST_BITS, abs=0)
        assert rows.count[index] == len(only)
        mean = math.fsum(only) / len(only)
        error = max(abs(low), abs(high)) * 2**-EXTREME_BITS + abs(mean) * 2**-10
        assert rows.mean[index] == pytest.approx(mean, rel=1e-9, abs=error)
        assert rows.min[index] <= rows.mean[index] <= rows.max[index]
        assert rows.min[index] <= rows.last[index] <= rows.max[index]


@given(st.lists(gauges.filter(lambda value: not math.isnan(value)), min_size=1, max_size=100))
def test_whole_values_are_exact(values: list[float]) -> None:
    rows = minutes(values, 60_000)

    assert rows.min.tolist() == rows.max.tolist() == rows.last.tolist() == rows.mean.tolist() == values


@given(st.lists(finite(-1e300, 1e300)))
def test_rounding_keeps_the_order_and_24_bits(values: list[float]) -> None:
    ordered = np.sort(np.array(values, float))
    result = rounded(ordered, EXTREME_BITS)

    assert (np.diff(result) >= 0).all()
    assert result == pytest.approx(ordered, rel=2**-EXTREME_BITS, abs=0)


def test_the_mean_of_a_large_gauge_that_hardly_moves_is_not_coarser_than_its_movement() -> None:
    rows = minutes([1 << 30, *([(1 << 30) + 4096] * 59)], 1000)

    assert rows.mean[0] - (1 << 30) == pytest.approx(4096 * 59 / 60, abs=4096 / 256)


def test_a_rate_at_the_start_needs_the_sample_before() -> None:
    time_ms = START_MS + 1000 * np.arange(-1, 60)
    samples = Samples(time_ms, np.zeros(61), {"counter": np.arange(61.0) ** 2}, 1000)

    rows = minutes_of(samples, lambda given: given.rate("counter"), START_MS)

    assert (rows.count.tolist(), rows.min.tolist(), rows.min_at_ms.tolist()) == ([60], [1.0], [0])
    assert (rows.max.tolist(), rows.max_at_ms.tolist(), rows.mean.tolist()) == ([119.0], [59_000], [60.0])


def test_series_next_to_each_other_have_rates_and_minutes_of_their_own() -> None:
    """The second series begins one tick after the end of the first one, and its counter is higher."""
    time_ms = START_MS + 1000 * np.arange(20)
    ticks = Ticks(np.repeat([0, 1], 10), time_ms, np.zeros(20), np.zeros(20, np.bool_))

    rows = summarise(ticks, ticks.samples({"counter": np.arange(20.0)}, 1000).rate("counter"))

    assert rows.series.tolist() == [0, 1]
    assert rows.count.tolist() == [9, 9]
