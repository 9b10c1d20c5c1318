"""The ranges that time arguments mean. All times are UTC, and relative to what was recorded."""

import pytest

from fgm.agents.arguments import ArgumentError, read_arguments
from fgm.agents.spans import FROM, TO, Recorded, Span, last, span_of
from fgm.asking.viewer_client import AskError
from fgm.iso_time import parse_ms

HAVE = Recorded(parse_ms("2026-11-25T09:00:00Z"), parse_ms("2026-11-26T17:51:44Z"), 1000)


def span(default: str = "15m", **sent: str) -> Span:
    values = read_arguments((FROM, TO, last("15m")), {name.rstrip("_"): value for name, value in sent.items()})
    return span_of(values, HAVE, default, most="2d")


def between(begin: str, end: str) -> Span:
    return Span(parse_ms(begin), parse_ms(end))


def test_a_range_ends_with_the_newest_sample_unless_it_says_otherwise() -> None:
    """Also in data that ended days ago, where the last 15 minutes of the clock have nothing."""
    assert span() == between("2026-11-26T17:36:45Z", "2026-11-26T17:51:45Z")
    assert span(last="90s") == between("2026-11-26T17:50:15Z", "2026-11-26T17:51:45Z")
    assert span(last="all") == between("2026-11-25T09:00:00Z", "2026-11-26T17:51:45Z")
    assert span(from_="2026-11-26T17:50:00Z") == between("2026-11-26T17:50:00Z", "2026-11-26T17:51:45Z")
    assert span(from_="17:50", to="now") == between("2026-11-26T17:50:00Z", "2026-11-26T17:51:45Z")


def test_a_time_of_day_is_the_last_one_that_was_recorded_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert span(from_="17:46", to="17:47:30") == between("2026-11-26T17:46:00Z", "2026-11-26T17:47:30Z")
    assert span(from_="18:00", to="17:00") == between("2026-11-25T18:00:00Z", "2026-11-26T17:00:00Z")


def test_a_length_before_an_end() -> None:
    assert span(to="17:00", last="1h") == between("2026-11-26T16:00:00Z", "2026-11-26T17:00:00Z")


@pytest.mark.parametrize(
    "sent", [{"from_": "17:50", "to": "17:50"}, {"last": "3w"}, {"last": "0m"}, {"last": "1m", "from_": "17:50"}]
)
def test_what_is_no_range_is_an_error(sent: dict[str, str]) -> None:
    with pytest.raises(ArgumentError):
        span(**sent)


def test_what_is_no_time_is_an_error() -> None:
    with pytest.raises(AskError, match="is not a time"):
        span(from_="25:61")
