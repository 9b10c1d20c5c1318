"""Times as they are typed."""

from zoneinfo import ZoneInfo

import pytest

from fgm.asking.typed_times import local_text, read_time
from fgm.asking.viewer_client import AskError
from fgm.iso_time import parse_ms

NOW_MS = parse_ms("2025-12-30T16:05:20Z")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "begin", "at"),
    [
        ("14:32", "2025-12-30T13:32:00Z", "2025-12-30T13:32:00Z"),
        ("17:05", "2025-12-30T16:05:00Z", "2025-12-30T16:05:00Z"),
        ("17:06", "2025-12-29T16:06:00Z", "2025-12-29T16:06:00Z"),
        ("9:05", "2025-12-30T08:05:00Z", "2025-12-30T08:05:00Z"),
        ("14:32 UTC", "2025-12-30T14:32:00Z", "2025-12-30T14:32:00Z"),
        ("14:32z", "2025-12-30T14:32:00Z", "2025-12-30T14:32:00Z"),
        ("14:32:10", "2025-12-30T13:31:40Z", "2025-12-30T13:32:10Z"),
        ("2025-12-01 14:32", "2025-12-01T13:32:00Z", "2025-12-01T13:32:00Z"),
        ("2025-12-01T14:32Z", "2025-12-01T14:32:00Z", "2025-12-01T14:32:00Z"),
        ("2025-12-01T14:32:10.5+0200", "2025-12-01T12:31:40.500Z", "2025-12-01T12:32:10.500Z"),
        ("2025-07-01 14:32", "2025-07-01T12:32:00Z", "2025-07-01T12:32:00Z"),
        ("1767000000", "2025-12-29T09:19:30Z", "2025-12-29T09:20:00Z"),
        ("1767000000000", "2025-12-29T09:19:30Z", "2025-12-29T09:20:00Z"),
        ("5m ago", "2025-12-30T15:59:50Z", "2025-12-30T16:00:20Z"),
        ("now-1h5m", "2025-12-30T14:59:50Z", "2025-12-30T15:00:20Z"),
        ("now", "2025-12-30T16:04:20Z", "2025-12-30T16:04:50Z"),
    ],
)
def test_a_text_is_a_minute_and_an_instant_in_it(text: str, begin: str, at: str) -> None:
    time = read_time(text, NOW_MS, BERLIN)

    assert (time.from_ms, time.at_ms) == (parse_ms(begin), parse_ms(at))
    assert time.to_ms == time.from_ms + 60_000


@pytest.mark.parametrize(
    "text", ["", "25:00", "14:60", "yesterday", "2025-13-01 14:32", "14", "99999999999d ago", "x" * 99]
)
def test_another_text_is_an_error_that_names_the_forms(text: str) -> None:
    with pytest.raises(AskError, match="is not a time: give 14:32"):
        read_time(text, NOW_MS, BERLIN)


def test_a_time_of_day_that_a_day_does_not_have_is_that_of_the_day_before() -> None:
    """In Berlin, clocks showed no 02:30 on 2025-03-30."""
    time = read_time("02:30", parse_ms("2025-03-30T10:00:00Z"), BERLIN)

    assert local_text(time.at_ms, BERLIN) == "2025-03-29 02:30:00 CET"


def test_without_a_zone_it_is_that_of_the_machine() -> None:
    time = read_time("14:32", NOW_MS)

    assert local_text(time.at_ms)[11:19] == "14:32:00"
