"""A node with wrong answers next to one with right ones: it is named, and the other answers, with every tool."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mcp import Client
from tests.support.agents import agent_of_nodes, answer, call, local_agent, text_of
from tests.support.changed_viewer import changed_viewer, each_leaf

from fgm.agents.answer import DEFAULT_TOKENS, estimated_tokens
from fgm.agents.quantities import DAY_MS

pytestmark = [pytest.mark.slow]

SPAN = {"from_": "2026-11-26T17:50:14Z", "to": "2026-11-26T17:51:14Z"}
CALLS: dict[str, dict[str, Any]] = {
    "what_happened": {"last": "10m", "namespace": "shop"},
    "what_changed": SPAN,
    "compare": {**SPAN, "against": "17:48"},
    "find": {"last": "all"},
    "series": {"metric": "cpu.stat.*", "container": "ledger-db", "last": "all"},
    "series of a study": {
        "metric": "memory_working_set",
        "container": "ledger-db",
        "last": "5m",
        "study": "changepoint",
    },
    "series of all": {"metric": "io_bytes_per_s", **SPAN},
    "series by label": {"metric": "io_bytes_per_s", "by": "disk", **SPAN},
    "processes": {"container": "payments", "last": "all"},
    "events": {"last": "all"},
    "metrics": {"words": "throttle"},
    "nodes": {},
}
SURVEYED = "/api/health"


async def called(client: Client, name: str) -> str:
    return await answer(client, name.partition(" ")[0], **CALLS[name])


def lines_of(text: str) -> list[str]:
    """Return the lines of an answer that are about what was recorded, without their numbers."""
    lines = [line for line in text.splitlines()[1:] if line and not line.startswith(("Note: ", "Page: "))]
    return [line.partition(". ")[2] if line[:1].isdigit() and line[1:3] == ". " else line for line in lines]


def other_kind(value: Any) -> Any:
    """Return a value of another type."""
    return "wrong" if value is None or isinstance(value, bool | int | float) else 7


WRONG: dict[str, Callable[[Any], Any]] = {
    "a list": lambda _: [],
    "a text": lambda _: "teapot",
    "nothing in it": lambda _: {},
    "other names": lambda body: {name.upper(): value for name, value in body.items()},
    "null as each field": dict.fromkeys,
    "a list as each field": lambda body: {name: [[]] for name in body},
    "a text as each field": lambda body: dict.fromkeys(body, "wrong"),
    "an object as each field": lambda body: {name: {"": {}} for name in body},
    "other types": lambda body: each_leaf(body, other_kind),
    "null everywhere": lambda body: each_leaf(body, lambda _: None),
    "endless numbers": lambda body: each_leaf(
        body, lambda value: 10**400 if isinstance(value, int | float) and not isinstance(value, bool) else value
    ),
    "no JSON": lambda _: b"<html>",
    "not a number": lambda body: each_leaf(
        body, lambda value: math.nan if isinstance(value, int | float) and not isinstance(value, bool) else value
    ),
    "too deep": lambda _: b"[" * 100_000,
}


UNREAD = {"nodes", "series by label"}
"""Tools that read nothing but the state, and one of whose values there are none."""


@pytest.fixture(scope="module")
def url(incidents_url: str) -> Iterator[str]:
    """A viewer's answers, each of which it has worked out once for all tests."""
    with changed_viewer(incidents_url) as kept_url:
        yield kept_url


@pytest.fixture(scope="module")
async def right(url: str) -> dict[str, str]:
    """The answers of the right node alone."""
    async with agent_of_nodes({"worker-3": url}) as client:
        return {name: await called(client, name) for name in CALLS if name not in UNREAD}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_node_that_answers_nonsense_is_named_and_the_other_answers(
    url: str, right: dict[str, str], wrong: str
) -> None:
    def change(path: str, body: Any) -> Any:
        return body if path == SURVEYED else WRONG[wrong](body)

    with changed_viewer(url, change) as changed_url:
        async with agent_of_nodes({"broken": changed_url, "worker-3": url}) as client:
            for name, alone in right.items():
                if (name, wrong) == ("metrics", "endless numbers"):  # it reads no number
                    continue
                text = await called(client, name)

                assert "Note: no answer from broken: it" in text, (name, text)
                assert estimated_tokens(text) <= DEFAULT_TOKENS
                lines = lines_of(text.replace("worker-3: ", ""))
                for line in lines_of(alone)[:2]:
                    assert any(each.startswith(line[:200]) for each in lines), (name, text)


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_node_whose_state_is_nonsense_is_named(url: str, wrong: str) -> None:
    with changed_viewer(url, lambda _, body: WRONG[wrong](body)) as changed_url:
        async with agent_of_nodes({"broken": changed_url, "worker-3": url}) as client:
            assert "broken: NO ANSWER: it" in await answer(client, "nodes")
            assert "no answer from broken: it" in await called(client, "find")


STRANGE: dict[str, Callable[[Any], Any]] = {
    "forged lines": lambda value: f"{value}\nPage: http://attacker.example/\u202e" if isinstance(value, str) else value,
    "half characters": lambda value: f"{value}\ud800" if isinstance(value, str) else value,
    "long texts": lambda value: "水x" * 5000 if isinstance(value, str) else value,
    "large numbers": lambda value: 1e308 if isinstance(value, float) else value,
    "empty texts": lambda value: "" if isinstance(value, str) else value,
}


@pytest.mark.parametrize("strange", STRANGE)
async def test_strange_values_cannot_break_an_answer_or_hide_those_of_others(url: str, strange: str) -> None:
    def change(path: str, body: Any) -> Any:
        return body if path == SURVEYED else each_leaf(body, STRANGE[strange])

    with changed_viewer(url, change) as changed_url:
        async with agent_of_nodes({"strange": changed_url, "worker-3": url}) as client:
            for name in CALLS:
                if name == "series by label":
                    continue
                text = await called(client, name)

                assert estimated_tokens(text) <= DEFAULT_TOKENS, (name, text)
                # metrics are listed once for all nodes, without their names
                assert ("throttle_ratio" if name == "metrics" else "worker-3") in text, (name, text)
                assert all(line.isprintable() for line in text.split("\n")), (name, text)
                (page,) = [line for line in text.splitlines() if line.startswith("Page: ")]
                assert page.startswith("Page: http://127.0.0.1:")
                assert text.splitlines()[-1] == page
                text.encode()


def shifted(body: Any, by_ms: int) -> Any:
    """Return the state of a viewer whose machine's clock differs."""
    times = ("now_ms", "oldest_ms", "newest_ms")
    return {**body, **{name: body[name] + by_ms for name in times if body.get(name)}}


@pytest.mark.parametrize(("by_ms", "where"), [(DAY_MS, "1 d ahead of"), (-DAY_MS, "1 d behind")])
async def test_a_clock_that_differs_does_not_move_the_times_of_other_nodes(url: str, by_ms: int, where: str) -> None:
    def change(path: str, body: Any) -> Any:
        return shifted(body, by_ms) if path == "/api/health" else body

    with changed_viewer(url, change) as changed_url:
        async with agent_of_nodes({"differs": changed_url, "worker-3": url}) as client:
            for name in ("find", "events", "series", "processes", "nodes", "what_happened"):
                text = await called(client, name)
                assert f"Note: clock of differs: {where} the others, and so are the recorded times" in text

    assert "worker-3: payments was OOM-killed" in text
    assert "2026-11-26 17:41" in text.splitlines()[0]


async def test_newest_samples_that_cannot_be_true_do_not_move_the_times_of_other_nodes(url: str) -> None:
    def change(path: str, body: Any) -> Any:
        return {**body, "newest_ms": body["now_ms"] + DAY_MS} if path == "/api/health" else body

    with changed_viewer(url, change) as changed_url:
        async with agent_of_nodes({"wrong": changed_url, "worker-3": url}) as client:
            text = await answer(client, "find", last="10m")

    assert " 2026-11-26 17:" in text.splitlines()[0]
    assert "worker-3: " in text


async def test_a_node_with_much_does_not_hide_what_others_have(url: str) -> None:
    def change(path: str, body: Any) -> Any:
        if path == "/api/containers":
            first = {**body["containers"][0], "last_seen_ms": body["containers"][0]["last_seen_ms"] + 60_000}
            return {**body, "containers": [{**first, "id": f"{number:012x}"} for number in range(2000)]}
        if path == "/api/events":
            late = {**body["events"][0], "kind": "oom_kill", "time_ms": body["events"][0]["time_ms"] + 60_000}
            return {**body, "events": [late] * 2000}
        return body

    with changed_viewer(url, change) as changed_url:
        async with agent_of_nodes({"full": changed_url, "worker-3": url}) as client:
            found = await answer(client, "find", last="all")
            events = await answer(client, "events", last="all", limit=4)

    for text in (found, events):
        assert text.count(" worker-3: ") + text.count("\nworker-3: ") >= 2, text


async def test_a_refusal_is_short_whatever_a_viewer_says(url: str) -> None:
    """Its text reaches the agent, if no other node answers."""

    def change(path: str, body: Any) -> Any:
        return body if path == SURVEYED else {"detail": ["\ud800\n水" * 50_000], "allowed": {"x": 1}, "status": 404}

    with changed_viewer(url, change) as changed_url:
        async with local_agent(changed_url) as client:
            result = await call(client, "series", {"metric": "no_such_metric"})

    assert result.is_error
    assert len(text_of(result)) < 1000
    assert text_of(result).isprintable()
