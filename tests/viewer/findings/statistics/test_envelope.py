"""Lower envelopes of made series."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fgm.viewer.findings.statistics.envelope import coarser, kept, largest_fall, lower_envelopes, troughs

VALUES = st.lists(st.one_of(st.just(float("nan")), st.integers(0, 1000).map(float)), min_size=1, max_size=50)


@given(VALUES, st.integers(1, 60))
def test_an_envelope_has_the_lowest_value_of_each_bin_and_its_tick(values: list[float], bins: int) -> None:
    array = np.array([values, values[::-1]], np.float32)
    envelopes = lower_envelopes(array, bins)
    assert envelopes.value.shape[1] <= bins
    for row in (0, 1):
        ticks, lows = envelopes.points(row, envelopes.value.shape[1])
        assert (array[row, ticks] == lows).all()
        bin_of = np.array([envelopes.bin_of(tick) for tick in range(len(values))])
        for tick in np.flatnonzero(~np.isnan(array[row])):
            assert lows[bin_of[ticks] == bin_of[tick]] <= array[row, tick]


def test_bins_end_with_the_last_tick() -> None:
    envelopes = lower_envelopes(np.arange(11, dtype=np.float32)[np.newaxis], 3)

    assert envelopes.tick.tolist() == [[0, 3, 7]]
    assert envelopes.points(0, 1)[1].tolist() == [0, 3]


def test_the_largest_fall_is_from_a_value_to_a_later_one() -> None:
    assert largest_fall(np.array([1.0, 5, 3, 9, 8])) == 2
    assert largest_fall(np.array([1.0, 2, 3])) == largest_fall(np.array([])) == 0


def test_a_saw_tooth_has_its_troughs_at_the_collections_without_the_last_tooth() -> None:
    time = np.arange(100.0)
    tooth = time % 20 * 10
    noisy = tooth + np.where(time % 3 == 0, 7.0, 0.0)

    assert troughs(tooth + time).tolist() == [20, 40, 60, 80]
    assert troughs(tooth).tolist() == [20, 40, 60, 80]
    assert troughs(noisy).tolist() == [20, 40, 60, 80]
    assert troughs(np.arange(5.0)).tolist() == []
    assert troughs(np.array([5.0, 1, 7, 0, 9])).tolist() == [1, 3]
    assert troughs(np.array([])).tolist() == []


def test_of_the_troughs_those_are_kept_that_nothing_falls_below_later() -> None:
    values = np.array([300.0, 50, 300, 40, 300, 90, 300, 60, 300])

    assert troughs(values).tolist() == [1, 3, 5, 7]
    assert kept(values, troughs(values)).tolist() == [1, 3, 7]  # 40 is only a little below 50


@given(st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=50), st.integers(1, 60))
def test_a_coarser_envelope_is_the_lowest_of_each_bin(values: list[float], width: int) -> None:
    array = np.array(values)
    chosen = coarser(array, width)

    parts = [array[max(0, end - width) : end] for end in range(len(array), 0, -width)]
    assert array[chosen].tolist() == [part.min() for part in reversed(parts)]
    assert (np.diff(chosen) > 0).all()
