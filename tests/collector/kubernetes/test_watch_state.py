"""The order and the delays of lists and streams."""

import json
from collections.abc import Callable

import pytest

from fgm.collector.kubernetes.watch_state import WatchEvent, WatchState, parse_event
from tests.support.collector.pods import pod_json, running


def line(kind: str, subject: object) -> bytes:
    return json.dumps({"type": kind, "object": subject}).encode()


def test_lines_of_a_stream_are_parsed_to_events() -> None:
    pod = pod_json("cart", 1, running("app", 7))

    assert [parse_event(line(kind, pod)).kind for kind in ("ADDED", "MODIFIED", "DELETED")] == [
        "changed",
        "changed",
        "deleted",
    ]
    event = parse_event(line("ADDED", pod))
    assert (event.resource_version, event.pod and event.pod.name) == ("7", "cart")
    assert parse_event(line("BOOKMARK", {"metadata": {"resourceVersion": "12"}})) == WatchEvent("bookmark", "12")
    assert parse_event(line("ERROR", {"code": 410, "metadata": {"resourceVersion": "None"}})) == WatchEvent(
        "error", code=410
    )
    assert parse_event(line("NOVELTY", {})) == WatchEvent("unknown")


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"null", b'{"type":"ADDED"}', b'{"object":7}', b"\xff", b"[" * 99_999]
)
def test_a_malformed_line_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_event(text)


def test_a_list_is_followed_by_streams_each_from_the_last_version() -> None:
    state = WatchState(lambda: 0.5, now=0)
    assert (state.resource_version, state.due) == (None, 0)
    state.note_list("100", 1)
    assert (state.resource_version, state.due) == ("100", 1)
    state.note_start(1)
    assert state.note_event(WatchEvent("changed", "103"))
    assert state.note_event(WatchEvent("changed", None))
    assert state.note_event(WatchEvent("bookmark", "140"))
    state.note_end(301)

    assert state.resource_version == "140"
    assert 301 <= state.due <= 302


def test_a_list_follows_a_silent_stream_and_is_compared_with_the_last_version() -> None:
    state = WatchState(lambda: 0.0, now=0)
    assert not state.note_list("99", 1)
    state.note_start(1)
    state.note_event(WatchEvent("bookmark", "100"))
    state.note_silence(181)
    assert (state.resource_version, state.due, state.failures) == (None, 181, 0)
    assert not state.note_list("100", 181)
    assert state.note_list("99", 181)
    assert not state.note_list("99", 181)
    assert not state.note_list("9" * 5000, 181)
    assert not state.note_list("opaque", 181)


def test_an_error_event_resets_the_version() -> None:
    state = WatchState(lambda: 0.5, now=0)
    state.note_list("100", 1)
    state.note_start(1)

    assert not state.note_event(WatchEvent("error", "None", code=410))
    state.note_end(100)
    assert state.resource_version is None


@pytest.mark.parametrize("status", [None, 401, 408, 429, 500, 503])
def test_a_request_that_may_succeed_later_is_repeated(status: int | None) -> None:
    assert after_refusal(status).resource_version == "100"


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_a_refused_stream_is_followed_by_a_list_after_a_delay(status: int) -> None:
    """The delays grow, because without the right to watch there are only lists."""
    state, waits = after_refusal(status), []
    for _ in range(7):
        assert state.resource_version is None
        now = state.due
        state.note_list("101", now)
        state.note_start(now)
        state.note_refusal(now, status)
        waits.append(state.due - now)

    assert waits == pytest.approx([0.75 * wait for wait in (2, 4, 8, 16, 32, 60, 60)])


def after_refusal(status: int | None) -> WatchState:
    state = WatchState(lambda: 0.5, now=0)
    state.note_list("100", 1)
    state.note_start(1)
    state.note_refusal(1, status)
    return state


def test_delays_double_from_one_second_to_a_minute_with_jitter() -> None:
    for number, spread in ((0.0, 0.5), (0.999999, 1.0)):
        state, now, waits = WatchState(lambda n=number: n, 0.0), 0.0, []  # type: ignore[misc]  # a default binds it
        for _ in range(9):
            state.note_refusal(now, None)
            waits.append(state.due - now)
            now = state.due
        assert waits == pytest.approx([wait * spread for wait in (1, 2, 4, 8, 16, 32, 60, 60, 60)], rel=1e-4)


def test_a_stream_that_lasted_resets_the_delays() -> None:
    state = WatchState(lambda: 0.5, now=0)
    for _ in range(5):
        state.note_refusal(0, None)
    state.note_list("1", 100)
    state.note_start(100)
    state.note_end(131)
    assert (state.failures, state.due) == (0, 131.5)


def expired(state: WatchState, now: float) -> None:
    state.note_refusal(now, 410)


def empty(state: WatchState, now: float) -> None:
    state.note_end(now)


def broken(state: WatchState, now: float) -> None:
    state.note_malformed(now)


def short(state: WatchState, now: float) -> None:
    state.note_event(WatchEvent("changed", "8"))
    state.note_end(now + 29)


def just_long_enough(state: WatchState, now: float) -> None:
    state.note_end(now + 30)


@pytest.mark.parametrize("end", [expired, empty, broken, short, just_long_enough])
def test_there_are_few_requests_an_hour_however_streams_end(end: Callable[[WatchState, float], None]) -> None:
    """A minute has at most 14 requests, including lists, and at most four after the first minutes."""
    state, requested_at = WatchState(lambda: 0.0, 0.0), []
    while state.due < 3600:
        now = state.due
        requested_at.append(now)
        if state.resource_version is None:
            state.note_list("5", now)
        else:
            state.note_start(now)
            end(state, now)
    minutes = [sum(start <= at < start + 60 for at in requested_at) for start in range(0, 3600, 10)]

    assert max(minutes) <= 14
    assert max(minutes[30:]) <= 4
