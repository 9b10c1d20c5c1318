"""All tools over recorded incidents: they agree with the HTTP API, stay short, and answer the stories of the tour."""

from typing import Any

import pytest
from mcp import Client
from tests.support.agents import answer, call, text_of
from tests.support.http_api import asked
from tests.support.incidents import PLANTED

from fgm.agents.answer import DEFAULT_TOKENS, estimated_tokens
from fgm.agents.quantities import clock, quantity
from fgm.agents.tools.toolbox import TOOLS

pytestmark = [pytest.mark.slow]

FROM, TO = "2026-11-26T17:50:14Z", "2026-11-26T17:51:14Z"
KILLED, PAYMENTS = "9f762c370b87", "195d03033754"
CALLS: dict[str, dict[str, Any]] = {
    "what_happened": {"last": "10m"},
    "what_changed": {"from": FROM, "to": TO},
    "compare": {"from": FROM, "to": TO, "against": "17:48"},
    "find": {"last": "all"},
    "series": {"metric": ["cpu.stat.*", "memory_working_set"], "container": "payments", "study": "changepoint"},
    "processes": {"container": "node"},
    "events": {"last": "all"},
    "metrics": {},
    "nodes": {},
}


@pytest.mark.parametrize("tool", [tool.name for tool in TOOLS])
async def test_an_answer_is_short_says_its_resolution_and_ends_with_a_link(agent: Client, tool: str) -> None:
    text = await answer(agent, tool, **CALLS[tool])

    assert estimated_tokens(text) <= DEFAULT_TOKENS
    assert "Note: " in text
    assert text.splitlines()[-1].startswith("Page: http://127.0.0.1:")


async def test_all_tools_only_read_and_take_no_other_arguments(agent: Client) -> None:
    for tool in (await agent.list_tools()).tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.input_schema["additionalProperties"] is False
        words = set(" ".join(tool.input_schema["properties"]).split("_"))
        assert not words & {"path", "file", "url", "directory", "command"}


async def test_what_happened_has_the_findings_of_the_viewer_in_its_order(agent: Client, incidents_url: str) -> None:
    findings = asked(incidents_url, "/api/findings", from_="2026-11-26T17:41:45Z", to="2026-11-26T17:51:45Z")[
        "findings"
    ]
    lines = (await answer(agent, "what_happened", last="10m")).splitlines()

    assert len(findings) == 3
    numbered = [line for line in lines if line[:2] in {"1.", "2.", "3."}]
    for number, (finding, line) in enumerate(zip(findings, numbered, strict=True), 1):
        assert line.startswith(f"{number}. {finding['text']}")
        assert f"strength {finding['strength']:g}" in line
        assert finding["id"] in line


async def test_series_have_the_numbers_of_the_viewer(agent: Client, incidents_url: str) -> None:
    span = {"from_": "2026-11-26T17:45:31Z", "to": "2026-11-26T17:46:41Z"}
    (series,) = asked(incidents_url, "/api/timeseries", metric="memory_working_set", containers=KILLED, **span)[
        "series"
    ]
    samples = list(zip(series["value"], series["t_ms"], strict=True))
    text = await answer(agent, "series", metric="memory_working_set", container=KILLED, **span)

    low, high = min(samples, key=lambda sample: sample[0]), max(samples)
    assert f"lowest {quantity(low[0], 'bytes')} at {clock(low[1])}" in text
    assert f"highest {quantity(high[0], 'bytes')} at {clock(high[1])}" in text
    assert f"mean {quantity(sum(series['value']) / len(samples), 'bytes')}" in text
    assert f"{len(samples)} samples" in text


async def test_without_a_container_series_ranks_as_the_viewer_does(agent: Client, incidents_url: str) -> None:
    span = {"from_": FROM, "to": TO}
    top = asked(incidents_url, "/api/top", metric="io_bytes_per_s", limit=5, **span)["series"]
    text = await answer(agent, "series", metric="io_bytes_per_s", limit=5, **span)

    lines = text.split("Highest mean first:\n")[1].splitlines()[:5]
    for each, line in zip(top, lines, strict=True):
        assert line.startswith(each["name"])
        assert f"mean {quantity(each['mean'], 'bytes/s')}" in line


async def test_find_lists_what_the_viewer_lists_the_one_seen_last_first(agent: Client, incidents_url: str) -> None:
    listed = asked(incidents_url, "/api/containers", search="payments")["containers"]
    text = await answer(agent, "find", words="payments")

    lines = text.split("Seen last first:\n")[1].splitlines()[: len(listed)]
    assert len(listed) == 3
    assert {each["id"] for each in listed} == {line.split("id ")[1].split(")")[0] for line in lines}
    assert KILLED in lines[-1]
    assert "ended: OOMKilled, exit code 137" in lines[-1]


async def test_find_filters_by_metric_class_label_and_namespace(agent: Client) -> None:
    for filters in ({"namespace": "shop"}, {"label": "app:payments"}, {"metric": "throttle_ratio"}):
        text = await answer(agent, "find", qos_class="Burstable", **filters)
        assert KILLED in text
        assert "batch-import" not in text or "metric" in filters
    assert (await answer(agent, "find", namespace="nowhere")).startswith("0 series")


async def test_processes_and_events_agree_with_the_viewer(agent: Client, incidents_url: str) -> None:
    span = {"from_": "2026-11-26T17:45:31Z", "to": "2026-11-26T17:46:41Z"}
    (process,) = asked(incidents_url, "/api/processes", id=KILLED, **span)["processes"]
    text = await answer(agent, "processes", container=KILLED, **span)
    assert f"{process['comm']} pid {process['pid']}" in text
    assert (
        f"memory {quantity(process['rss_bytes_first'], 'bytes')} then {quantity(process['rss_bytes'], 'bytes')}" in text
    )

    events = asked(incidents_url, "/api/events", range="all")["events"]
    text = await answer(agent, "events", last="all")
    assert text.startswith(f"{len(events)} events on worker-3")
    for event in events:
        assert f"{event['kind']}: {event['what']}" in text


async def test_changes_and_comparisons_agree_with_the_viewer(agent: Client, incidents_url: str) -> None:
    span = {"from_": FROM, "to": TO}
    changed = asked(incidents_url, "/api/changes", **span)["series"]
    text = await answer(agent, "what_changed", **span)
    for number, each in enumerate(changed, 1):
        line = next(line for line in text.splitlines() if line.startswith(f"{number}. "))
        assert each["name"] in line
        assert each["changes"][0]["text"] in line

    compared = asked(incidents_url, "/api/changes", **span, against="2026-11-26T17:48:00Z")["series"]
    text = await answer(agent, "compare", **span, against="17:48", max_tokens=2000)
    assert [each["name"] for each in compared] == [
        line.split(". ")[1].split(" ")[0] for line in text.splitlines() if line[:1].isdigit() and line[1:3] == ". "
    ]


async def test_a_container_that_is_new_or_gone_is_said_to_be(agent: Client) -> None:
    text = await answer(agent, "compare", from_="17:47:17", to="17:47:24", against="17:46:20", max_tokens=2000)
    assert next(line for line in text.splitlines() if "db-migrate" in line).count("new: it was not there")

    text = await answer(agent, "compare", from_="17:46:20", to="17:46:27", against="17:47:17", max_tokens=2000)
    assert next(line for line in text.splitlines() if "db-migrate" in line).count("gone: it was only there")


async def test_what_only_the_other_range_has_is_said_and_how_the_ranges_lie(agent: Client, incidents_url: str) -> None:
    before = {"from": "2026-11-26T17:50:14Z", "to": TO, "against": "2026-11-26T17:48:00Z"}
    compared = asked(incidents_url, "/api/changes", **before)["series"]
    (sentence,) = (each["findings_before"][0] for each in compared if each["findings_before"])
    text = await answer(agent, "compare", from_=FROM, to=TO, against="17:48", max_tokens=2000)
    assert f"only in the other range: {sentence.removesuffix('.')}".replace(": api-gateway: ", ": ") in text
    assert "overlap" not in text

    text = await answer(agent, "compare", from_="17:40", to="17:50", against="17:46", max_tokens=2000)
    lines = [line for line in text.splitlines() if line[:1].isdigit() and line[1:3] == ". "]
    assert "there in 45 % of the range, and in 100 % of the other range" in lines[0]
    assert not any(line.endswith("): ") for line in lines)
    assert "Note: a part of the other range was not recorded" in text
    assert "Note: the ranges overlap" in text


async def test_two_users_of_one_name_have_their_ids(agent: Client) -> None:
    text = await answer(agent, "what_happened", time="17:46:40")
    memory = next(line for line in text.splitlines() if line.startswith("memory, working set, mean: "))

    assert f"payments (id {KILLED}) " in memory
    assert f"payments (id {PAYMENTS}) " in memory
    assert "redis-cache 28.7 MiB" in memory


async def test_two_containers_are_compared_at_the_same_time(agent: Client) -> None:
    text = await answer(agent, "compare", from_=FROM, to=TO, container="batch-import", with_container="ledger-db")

    assert "1. batch-import" in text
    assert "writing" in text


# The three stories of docs/tour.md, by calls alone: each answer has what the next call needs.


async def test_the_stories_take_at_most_five_calls_and_4000_tokens(agent: Client) -> None:
    texts = [await answer(agent, "what_happened", last="10m")]
    killed, neighbour, throttled = (line for line in texts[0].splitlines() if line[:2] in {"1.", "2.", "3."})

    # Something was killed: what, when, why, and which process?
    assert "payments was OOM-killed at 17:46:40: it grew" in killed
    assert "its limit of 64 MiB" in killed
    assert PLANTED["oom_kill"]["id"].startswith(_id_in(killed))
    texts.append(await answer(agent, "processes", container=_id_in(killed), last="all", by="memory"))
    assert "payments pid " in texts[-1]
    assert "then 62.1 MiB" in texts[-1]

    # The average looks fine, but the service is slow.
    assert "api-gateway was throttled in 59 % of its periods" in throttled
    assert "only 35 % of its limit of 300 millicores" in throttled
    assert PLANTED["throttling"]["id"].startswith(_id_in(throttled))
    metrics = ["throttle_ratio", "total_cpu_usage_millicores"]
    texts.append(await answer(agent, "series", metric=metrics, container=_id_in(throttled), study="changepoint"))
    assert "60 % from 17:47:56" in texts[-1]

    # The database is slow, and it is not the database.
    assert "ledger-db waited for I/O" in neighbour
    assert "evidence that it is the cause, not proof" in neighbour
    assert PLANTED["noisy_neighbour"]["id"].startswith(_id_in(neighbour))
    texts.append(await answer(agent, "what_changed", from_="17:50:14", to="17:51:14", limit=3))
    assert "1. batch-import" in texts[-1]
    assert "3. ledger-db" in texts[-1]
    assert "I/O pressure" in texts[-1]

    assert len(texts) <= 5
    assert sum(map(estimated_tokens, texts)) <= 4000


def _id_in(line: str) -> str:
    return line.rpartition("id ")[2].split(")")[0]


# What an agent sends is not trusted -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("find", {"path": "/etc/passwd"}, "there is no argument 'path': this tool has words, namespace"),
        ("find", {"words": "x" * 300}, "words must be a text of 1 to 256 printable characters"),
        ("find", {"words": "a\nb"}, "words must be a text of 1 to 256 printable characters"),
        ("find", {"words": {"a": 1}}, "words is {'a': 1}: it must be a text"),
        ("find", {"limit": 10**12}, "limit is 1000000000000: it must be a whole number from 1 to 100"),
        ("find", {"limit": True}, "limit is True: it must be a whole number from 1 to 100"),
        ("find", {"limit": 0.5}, "limit is 0.5: it must be a whole number"),
        ("find", {"max_tokens": 100_000}, "max_tokens is 100000: it must be a whole number from 300 to 4000"),
        ("find", {"scope": "../../etc"}, "scope is '../../etc': it must be one of container, pod"),
        ("find", {"metric": "no_such"}, "there is no metric 'no_such'; allowed: a name from the tool metrics"),
        ("find", {"node": "worker-9"}, "there is no node 'worker-9': there is worker-3"),
        ("events", {"kind": ["oom_kill", "nuclear"]}, "kind is 'nuclear': it must be one of"),
        ("events", {"kind": []}, "kind must be a list of 1 to"),
        ("events", {"from": "yesterdayish"}, "'yesterdayish' is not a time: give 14:32"),
        ("events", {"from": "17:50", "to": "17:40"}, "the range is empty or runs backwards"),
        ("events", {"last": "5 parsecs"}, "'5 parsecs' is not a length"),
        ("events", {"last": "5m", "from": "17:40"}, "last cannot be combined with from"),
        ("series", {}, "metric is missing: Names from the tool metrics"),
        ("series", {"metric": ["cpu&containers=x"]}, "there is no metric 'cpu&containers=x'"),
        ("series", {"metric": "nothing.*", "container": "node"}, "no metric with values matches 'nothing.*'"),
        ("series", {"metric": "cpu.stat.*"}, "'cpu.stat.*' needs a container: to rank all, give the whole name"),
        (
            "series",
            {"metric": "cpu.stat.*", "by": "disk"},
            "cpu.stat.* is not recorded by disk: these are io_bytes_per",
        ),
        ("series", {"metric": "io.stat.rbytes", "by": "floor"}, "by is 'floor': it must be one of disk, resource"),
        ("series", {"metric": "io.stat.rbytes", "by": "disk"}, "no values by disk were recorded of 'node'"),
        ("series", {"metric": "memory.current", "container": "no such pod"}, "no series matches 'no such pod'"),
        ("series", {"metric": "memory.current", "container": "e", "last": "all"}, "series match 'e', at most 8"),
        ("compare", {"against": "2020-01-01T00:00:00Z"}, "nothing was recorded in the other range, 2020-01-01"),
        ("compare", {}, "against is missing: give the begin of the other range"),
        ("compare", {"with_container": "a"}, "container is missing"),
        ("what_happened", {"from": "2020-01-01T00:00:00Z"}, "the range is longer than 1h"),
        ("what_happened", {"time": "17:46", "last": "5m"}, "time cannot be combined with from, to or last"),
        ("launch", {}, "there is no tool 'launch': there are what_happened, what_changed"),
    ],
)
async def test_a_wrong_call_is_an_error_that_says_what_is_allowed(
    agent: Client, tool: str, arguments: dict[str, Any], message: str
) -> None:
    result = await call(agent, tool, arguments)

    assert result.is_error
    assert message in text_of(result)
    assert len(text_of(result)) < 1000


async def test_a_time_without_data_is_said_and_not_taken_for_calm(agent: Client) -> None:
    text = await answer(agent, "what_happened", time="2026-11-26T12:00:00Z")

    assert "nothing was recorded before 2026-11-26 17:45:31" in text
    assert "its data begins after that minute" in text
    assert "not known: nothing was recorded then" in text


async def test_guide_and_prompts_are_listed_and_read(agent: Client) -> None:
    (resource,) = (await agent.list_resources()).resources
    guide = (await agent.read_resource(resource.uri)).contents[0]
    assert "what_happened" in guide.text  # type: ignore[union-attr]  # it is text
    prompts = {prompt.name: prompt for prompt in (await agent.list_prompts()).prompts}
    prompt = await agent.get_prompt("triage_minute", {"time": "14:32"})
    assert set(prompts) == {"triage_minute", "check_deployment"}
    assert "went wrong at 14:32" in prompt.messages[0].content.text  # type: ignore[union-attr]  # it is text
    with pytest.raises(Exception, match="time is missing"):
        await agent.get_prompt("triage_minute", {})
    with pytest.raises(Exception, match="there is no resource 'file:///etc/passwd'"):
        await agent.read_resource("file:///etc/passwd")
