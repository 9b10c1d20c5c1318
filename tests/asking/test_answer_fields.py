"""Answers that are no viewer's: each is an error of its source, and never one of the whole question."""

import copy
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from fgm.asking.answer_fields import FormError, instant, number, text
from fgm.asking.many import ask_each
from fgm.asking.minute import USED_METRICS, MinuteQuestion, ask_minute
from fgm.asking.ranking import rank
from fgm.asking.sources import Source
from fgm.asking.viewer_client import ViewerClient
from fgm.asking.words import report

QUESTION = MinuteQuestion(600_000, 660_000, 600_000)
FINDING = {"kind": "burst", "id": "x", "name": "web", "pod_name": None, "namespace": None, "metric": "cpu"}
TOP = {
    "unit": "millicores",
    "total": 1,
    "resolution": "raw",
    "skipped_files": 0,
    "series": [
        {"id": "x", "name": "web", "pod_name": None, "namespace": None, "mean": 1, "max": 2, "share_of_node": None}
    ],
}
ANSWERS: dict[str, Any] = {
    "/api/health": {
        "state": "ready",
        "index_note": None,
        "skipped_files_total": 0,
        "version": "1",
        "oldest_ms": 0,
        "newest_ms": 700_000,
        "now_ms": 700_000,
        "interval_ms": 1000,
    },
    "/api/instance": {"node_name": "a"},
    "/api/top": {"tops": [copy.deepcopy(TOP) for _ in USED_METRICS]},
    "/api/events": {
        "partial": False,
        "skipped_files": 0,
        "events": [{"time_ms": 610_000, "kind": "gap", "series": "x", "name": "web", "what": "was away"}],
    },
    "/api/findings": {
        "partial": False,
        "skipped_files": 0,
        "from_ms": 420_000,
        "before_ms": 0,
        "findings": [{**FINDING, "from_ms": 610_000, "to_ms": 620_000, "strength": 9.0, "text": "web did it"}],
    },
}
STRANGE: tuple[Any, ...] = (None, True, -1, 10**400, "\x1b[2J" * 1000, [], [[1]], {}, {"id": {}})


class Strange(ViewerClient):
    """A viewer with chosen answers, as they are after the JSON was read."""

    __slots__ = ("answers",)
    answers: dict[str, Any]

    async def get(self, path: str, *_: object, **__: object) -> Any:
        return self.answers[path]


def ask(answers: dict[str, Any]) -> list[str]:
    """Return the lines of the report."""
    client = Strange(1)
    object.__setattr__(client, "answers", answers)

    @asynccontextmanager
    async def opened() -> AsyncIterator[ViewerClient]:
        yield client

    async def asked() -> list[str]:
        answered, failures = await ask_each(
            [Source("node/a", opened)], lambda of, name: ask_minute(of, name, QUESTION, timeout_s=0.1)
        )
        return list(report(rank(QUESTION, answered, failures), lambda answer: answer.source))

    return anyio.run(asked)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in an answer."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def test_the_answer_itself_is_read() -> None:
    assert " 1. a: web did it (strength 9)" in ask(ANSWERS)


@pytest.mark.parametrize("path", list(ANSWERS))
def test_whatever_a_node_answers_is_read_or_named_as_its_failure(path: str) -> None:
    for place in places(ANSWERS[path]):
        for strange in STRANGE:
            answers = copy.deepcopy(ANSWERS)
            parent: Any = answers
            keys = (path, *place)
            for key in keys[:-1]:
                parent = parent[key]
            parent[keys[-1]] = strange
            lines = ask(answers)
            assert all(line.isprintable() and len(line) < 5000 for line in lines), (keys, strange)


def test_the_error_names_the_field() -> None:
    for read, value in ((text, 1), (number, "1"), (number, float("nan")), (instant, 1.5), (instant, 10**20)):
        with pytest.raises(FormError, match=r"its answer has no (text|number|time) as 'a': it may be a viewer of an"):
            read({"a": value}, "a")
    with pytest.raises(FormError, match="its answer has no 'a'"):
        text([], "a")
