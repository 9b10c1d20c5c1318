"""Links that the page reads back: tests/browser tests the page's side of the same parameters."""

from urllib.parse import unquote

from fgm.agents.links import MAX_SHOWN, fragment_of
from fgm.iso_time import parse_ms

BEGIN, END = parse_ms("2026-11-26T17:40:00Z"), parse_ms("2026-11-26T17:50:00Z")


def parts_of(fragment: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in fragment.split("&"))


def test_a_link_has_the_range_the_cursor_the_series_and_the_lanes() -> None:
    ids = ["9f762c370b87", "cgroup:/system.slice/a,b.service"]
    parts = parts_of(fragment_of(BEGIN, END, at_ms=BEGIN + 1000, ids=ids, metrics=["cpu", "memory.current"]))

    assert (parts["from"], parts["to"], parts["at"]) == tuple(
        f"2026-11-26T17:{time}Z" for time in ("40:00", "50:00", "40:01")
    )
    assert [unquote(each) for each in parts["show"].split(",")] == ids
    assert parts["lanes"] == "cpu,memory.current"


def test_a_second_is_shown_with_the_time_around_it() -> None:
    parts = parts_of(fragment_of(BEGIN, BEGIN + 1000))

    assert parse_ms(parts["to"]) - parse_ms(parts["from"]) >= 119_000
    assert parse_ms(parts["from"]) < BEGIN < parse_ms(parts["to"])


def test_too_many_series_are_left_to_the_page() -> None:
    assert "show" not in parts_of(fragment_of(BEGIN, END, ids=["a"] * (MAX_SHOWN + 1)))
