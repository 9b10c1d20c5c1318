"""The plan of a range: each hour is read from minutes or from samples, and every instant exactly once."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fgm.store.directory.layout import DAY_MS, HOUR_MS
from fgm.viewer.query.long_ranges.planning import Lengths, NamesOfDay, Segment, begin_of_part, plan

MIDNIGHT = 20_000 * DAY_MS
ROTATION_MS = 90_000
A, B = "node-a", "node-b"


def names(
    identifier: str,
    *,
    windows: Sequence[float] = (),
    hours: Sequence[int] = (),
    minutes: Sequence[int] = (),
    day: int = 0,
) -> NamesOfDay:
    """Return the names of a day. All times are hours after its midnight."""
    midnight_ms = MIDNIGHT + day * DAY_MS

    def starts(of: Sequence[float]) -> list[int]:
        return [midnight_ms + round(hour * HOUR_MS) for hour in of]

    return NamesOfDay(midnight_ms, identifier, starts(windows), frozenset(starts(hours)), frozenset(starts(minutes)))


def planned(
    *days: NamesOfDay, begin: float = 0, end: float = 24, rotation_ms: int = ROTATION_MS, is_coarse: bool = True
) -> list[tuple[float, float, str, bool]]:
    """Return the segments as hours, identifiers with minutes, and whether samples are read."""
    from_ms, to_ms = MIDNIGHT + round(begin * HOUR_MS), MIDNIGHT + round(end * HOUR_MS)
    segments = plan(days, from_ms, to_ms, rotation_ms, is_coarse=is_coarse)
    return [
        ((s.from_ms - MIDNIGHT) / HOUR_MS, (s.to_ms - MIDNIGHT) / HOUR_MS, " ".join(sorted(s.minutes)), s.has_samples)
        for s in segments
    ]


def test_merged_hours_are_read_from_minutes_and_the_others_from_samples() -> None:
    day = names(A, windows=[3.5, 4, 4.5], hours=[0, 1, 2], minutes=[0, 1, 2])
    assert planned(day, end=5) == [(0, 3, A, False), (3, 5, "", True)]


def test_an_hour_with_a_window_that_is_not_merged_is_read_from_samples() -> None:
    day = names(A, windows=[1.25], hours=[0, 1, 2], minutes=[0, 1, 2])
    assert planned(day, end=3) == [(0, 1, A, False), (1, 2, "", True), (2, 3, A, False)]


def test_every_sample_is_read_unless_it_was_removed() -> None:
    day = names(A, hours=[1, 2], minutes=[0, 1, 2])
    assert planned(day, end=3, is_coarse=False) == [(0, 1, A, False), (1, 3, "", True)]


def test_no_samples_are_read_at_the_ends_of_a_range_of_whole_minutes() -> None:
    assert planned(names(A, hours=[0, 1], minutes=[0, 1]), begin=0.5, end=1.25) == [(0.5, 1.25, A, False)]


def test_minutes_that_are_only_partly_in_the_range_are_read_from_samples() -> None:
    day = names(A, hours=[0, 1], minutes=[0, 1])
    second = 1 / 3600
    begin, end = 0.5 + 5 * second, 1.5 + 7 * second
    expected = [(begin, 0.5 + 1 / 60, "", True), (0.5 + 1 / 60, 1.5, A, False), (1.5, end, "", True)]
    assert planned(day, begin=begin, end=end) == expected


def test_partial_minutes_without_samples_are_read_from_minutes() -> None:
    assert planned(names(A, minutes=[0, 1]), begin=0.505, end=1.505) == [(0.505, 1.505, A, False)]


def test_minutes_of_different_days_are_different_segments() -> None:
    both = names(A, minutes=range(24)), names(A, minutes=range(24), day=1)
    assert planned(*both, begin=22, end=26) == [(22, 24, A, False), (24, 26, A, False)]


def test_each_identifier_is_read_in_its_own_way() -> None:
    merged = names(A, hours=[0, 1, 2], minutes=[0, 1, 2])
    waiting = names(B, windows=[1.5, 2.5])
    assert planned(merged, waiting, end=3) == [(0, 1, A, False), (1, 3, A, True)]


def test_samples_of_a_window_that_reaches_into_a_merged_hour_are_read() -> None:
    day = names(A, windows=[0.99], hours=[1, 2], minutes=[1, 2])
    assert planned(day, end=3, rotation_ms=7 * 60_000) == [(0, 2, "", True), (2, 3, A, False)]


def test_an_hour_of_which_only_minutes_are_left_is_read_from_them_even_if_a_window_reaches_into_it() -> None:
    day = names(A, windows=[0.9], hours=[0], minutes=[0, 1, 2])
    assert planned(day, end=3, rotation_ms=7 * 60_000) == [(0, 1, "", True), (1, 3, A, False)]


def test_hours_that_a_merged_window_reaches_into_are_read_from_its_minutes() -> None:
    day = names(A, hours=[0], minutes=[0])
    assert planned(day, begin=2, end=4, rotation_ms=6 * HOUR_MS) == [(2, 4, A, False)]


@given(
    windows=st.lists(st.integers(0, 47)),
    hours=st.lists(st.integers(0, 47)),
    minutes=st.lists(st.integers(0, 47)),
    begin=st.integers(0, 47 * 3600),
    length=st.integers(1, 24 * 3600),
    is_coarse=st.booleans(),
)
def test_each_instant_of_the_range_is_in_one_segment(
    windows: list[int], hours: list[int], minutes: list[int], begin: int, length: int, *, is_coarse: bool
) -> None:
    def of_day(starts: list[int], day: int) -> list[int]:
        return [hour % 24 for hour in starts if hour // 24 == day]

    days = [
        names(A, day=day, windows=of_day(windows, day), hours=of_day(hours, day), minutes=of_day(minutes, day))
        for day in range(2)
    ]
    from_ms, to_ms = MIDNIGHT + 1000 * begin, MIDNIGHT + 1000 * (begin + length)
    segments = plan(days, from_ms, to_ms, ROTATION_MS, is_coarse=is_coarse)

    assert [segments[0].from_ms, segments[-1].to_ms] == [from_ms, to_ms]
    assert all(a.to_ms == b.from_ms for a, b in pairwise(segments))
    for segment in segments:
        touched = range((segment.from_ms - MIDNIGHT) // HOUR_MS, -(-(segment.to_ms - MIDNIGHT) // HOUR_MS))
        if segment.minutes:
            assert set(touched) <= set(minutes) - set(windows)
            assert not segment.has_samples
            assert touched[0] // 24 == touched[-1] // 24
        else:  # whatever has only minutes is not left out
            assert not set(touched) & (set(minutes) - set(windows) - set(hours))


def test_a_part_has_as_much_to_read_as_any_other() -> None:
    segments = [Segment(0, 1000, frozenset({A}), has_samples=False), Segment(1000, 1100)]
    lengths = Lengths(samples_ms=20, minutes_ms=400)

    assert begin_of_part(segments, 0, 1100, lengths) == 1080
    assert begin_of_part(segments, 0, 1010, lengths) == 800  # half a part of samples, half a part of minutes
    assert begin_of_part(segments, 0, 800, lengths) == 400
    assert begin_of_part(segments, 0, 599, lengths) == 0  # the rest would be less than half a part
