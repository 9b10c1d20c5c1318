"""A list of pods is parsed while it arrives."""

import json
import tracemalloc

import pytest

from fgm.collector.kubernetes.pod import parse_pod
from fgm.collector.kubernetes.requests.pod_list_parser import MAX_OBJECT_CHARACTERS, PodListParser
from tests.support.collector.pods import pod_json, running


def listing(*pods: object, **more: object) -> dict[str, object]:
    facts = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "712"}}
    return {**facts, **more, "items": list(pods)}


def parsed(data: bytes, piece: int) -> tuple[list[object], str | None]:
    parser = PodListParser()
    items: list[object] = []
    for start in range(0, len(data), piece):
        items += parser.feed(data[start : start + piece])
    items += parser.end()
    return items, parser.resource_version


@pytest.mark.parametrize("piece", [1, 2, 7, 100, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_pieces_in_which_a_list_arrives_make_no_difference(piece: int, indent: int | None) -> None:
    pods = [pod_json('car"t{[', 1, running("app", 7), labels={"ä": "naïve ☃"}), {}, pod_json("b", 2)]
    text = json.dumps(listing(*pods, remaining=12, nothing=None), ensure_ascii=False, indent=indent)

    assert parsed(text.encode(), piece) == (pods, "712")


def test_fields_after_the_items_are_read() -> None:
    assert parsed(b'{"items":[{"a":1}],"metadata":{"resourceVersion":"9"}}\n', 5) == ([{"a": 1}], "9")


@pytest.mark.parametrize("items", [b"[]", b"null"])
def test_a_list_may_be_empty(items: bytes) -> None:
    assert parsed(b'{"metadata":{"resourceVersion":"9"},"items":' + items + b"}", 3) == ([], "9")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"null",
        b"<html>",
        b'{"items":[{"a":1}',
        b'{"items":[{"a":1}]',
        b'{"items":[}',
        b'{"items":[nonsense]}',
    ],
)
def test_an_incomplete_list_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="is incomplete"):
        parsed(text, 4)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        parsed(b'{"items":[{"a":"\xff\xfe"}]}', 4)


def test_an_endless_object_is_refused() -> None:
    with pytest.raises(ValueError, match="an object has more than"):
        parsed(b'{"items":[{"a":"' + b"x" * 3 * MAX_OBJECT_CHARACTERS, 64 << 10)


def test_endless_nesting_is_refused() -> None:
    with pytest.raises((ValueError, RecursionError)):
        parsed(b'{"items":[' + b"[" * 200_000, 64 << 10)


def test_a_large_list_is_never_in_memory_as_a_whole() -> None:
    pods = [pod_json(f"pod-{n}", n, running("app", n), annotations={"big": "x" * 20_000}) for n in range(250)]
    data = json.dumps(listing(*pods)).encode()
    assert len(data) > 5_000_000
    parser = PodListParser()
    tracemalloc.start()
    kept = [parse_pod(pod) for at in range(0, len(data), 65_536) for pod in parser.feed(data[at : at + 65_536])]
    kept += map(parse_pod, parser.end())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(kept) == 250
    assert peak_bytes < 2_000_000
