"""Instants are written in two forms of ISO 8601, and read in any of its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.iso_time import END_OF_TIME_MS, format_milliseconds, format_seconds, parse_ms

T0 = 1_767_110_700_123


def test_an_instant_is_written_in_utc() -> None:
    assert format_seconds(T0) == "2025-12-30T16:05:00Z"
    assert format_milliseconds(T0) == "2025-12-30T16:05:00.123Z"
    assert format_seconds(-1) == "1969-12-31T23:59:59Z"


@pytest.mark.parametrize(
    "text",
    [
        "2025-12-30T16:05:00.123Z",
        "2025-12-30T17:05:00.123+01:00",
        "2025-12-30 16:05:00.123000+00:00",
        "20251230T160500.123Z",
    ],
)
def test_any_form_of_an_instant_is_read(text: str) -> None:
    assert parse_ms(text) == T0


@given(st.integers(0, END_OF_TIME_MS - 1))
def test_a_written_instant_is_read_back(instant_ms: int) -> None:
    assert parse_ms(format_milliseconds(instant_ms)) == instant_ms
    assert parse_ms(format_seconds(instant_ms)) == instant_ms // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "instant_ms"),
    [
        ("2025-12-30T16:05:00.1239Z", T0),
        ("2025-12-30T16:05:00.123999Z", T0),
        ("2025-12-30T16:05:00.123999999Z", T0),
        ("2025-12-30T16:05:00.9996Z", T0 + 876),
        ("1969-12-31T23:59:59.9996Z", -1),
    ],
)
def test_an_instant_within_a_millisecond_is_read_as_its_start(text: str, instant_ms: int) -> None:
    assert parse_ms(text) == instant_ms


def test_a_text_without_a_time_zone_is_utc_or_is_refused() -> None:
    assert parse_ms("2025-12-30T16:05:00.123", assume_utc=True) == T0
    with pytest.raises(ValueError, match="has no time zone"):
        parse_ms("2025-12-30T16:05:00")


@pytest.mark.parametrize("text", ["", "16:05", "2025-13-01", "yesterday"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_ms(text)
