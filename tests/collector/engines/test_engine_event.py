"""The events of a real Docker, and malformed ones."""

import json

import pytest

from fgm.collector.engines.engine_event import parse_event
from tests.support.collector.engine_server import DOCKER_EVENTS


def test_the_events_of_a_real_docker_are_read() -> None:
    """A container is renamed, one is OOM-killed, and one ends with an error; a command in one makes events, too."""
    events = [event for event in map(parse_event, DOCKER_EVENTS) if event is not None]
    names = [event.container.name for event in events if event.container is not None]

    assert names == [
        *("shop-web-1", "shop-web-1", "shop-db-1", "shop-db-1", "plain", "plain"),
        *("renamed", "hog", "hog", "short", "short"),
    ]
    assert [(event.kind, event.exit_code) for event in events if event.kind in {"oom", "die"}] == [
        ("oom", None),
        ("die", 137),
        ("die", 3),
    ]
    (hog,) = {event.container_id for event in events if event.kind == "oom"}
    assert [event.container_id for event in events if event.exit_code == 137] == [hog]
    assert all(abs(event.time_ns - events[0].time_ns) < 60e9 for event in events)


def test_labels_are_the_attributes_without_the_facts_of_the_event() -> None:
    web = parse_event(DOCKER_EVENTS[0])
    (renamed,) = (
        event
        for event in map(parse_event, DOCKER_EVENTS)
        if event and event.container and event.container.name == "renamed"
    )

    assert web is not None
    assert web.container is not None
    assert web.container.image == "shop/tools:1"
    assert web.container.labels == {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    assert renamed.container is not None
    assert renamed.container.labels == {}


@pytest.mark.parametrize(
    "change",
    [
        {"Type": "image"},
        {"Actor": None},
        {"Actor": {"ID": "short"}},
        {"timeNano": None},
        {"timeNano": "7"},
        {"timeNano": -1},
        {"timeNano": 10**30},
    ],
)
def test_what_is_not_an_event_of_a_container_is_left_out(change: dict[str, object]) -> None:
    assert parse_event(json.dumps(json.loads(DOCKER_EVENTS[0]) | change).encode()) is None


@pytest.mark.parametrize("exit_code", [None, 3, "", "-1", "1.5", "999999", "٣"])
def test_a_malformed_exit_code_is_unknown(exit_code: object) -> None:
    (die, *_) = (json.loads(line) for line in DOCKER_EVENTS if b'"Action":"die"' in line)
    die["Actor"]["Attributes"]["exitCode"] = exit_code
    event = parse_event(json.dumps(die).encode())

    assert event is not None
    assert (event.kind, event.exit_code) == ("die", None)


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_raises_an_error(line: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_event(line)
