"""`metrics` agrees with /api/metrics: names, units, titles and labels, and what words find."""

import pytest
from mcp import Client
from tests.support.agents import answer
from tests.support.http_api import asked

pytestmark = [pytest.mark.slow]


async def test_all_metrics_of_the_viewer_are_counted_and_the_first_are_listed(
    agent: Client, incidents_url: str
) -> None:
    listed = asked(incidents_url, "/api/metrics")
    text = await answer(agent, "metrics", limit=20, max_tokens=2000)

    assert text.startswith(f"{len(listed['metrics']) + len(listed['labelled'])} metrics with values on worker-3")
    lines = text.split("Name, unit, title:\n")[1].splitlines()[:20]
    for each, line in zip(listed["metrics"], lines, strict=False):
        assert line == f"{each['name']}, {each['unit']}, {each['title']}"


async def test_words_find_what_the_viewer_says_about_metrics(agent: Client, incidents_url: str) -> None:
    listed = asked(incidents_url, "/api/metrics")
    text = await answer(agent, "metrics", words="throttled", limit=100, max_tokens=4000)

    found = [each for each in listed["metrics"] if "throttled" in " ".join(map(str, each.values())).lower()]
    assert len(found) > 1
    for each in found:
        if "throttled" in " ".join((each["name"], each["title"], each["help"], *each["aliases"])).lower():
            assert f"{each['name']}, {each['unit']}, {each['title']}: {each['help']}" in text


async def test_each_metric_with_labels_is_listed_with_what_they_are(agent: Client, incidents_url: str) -> None:
    labelled = asked(incidents_url, "/api/metrics")["labelled"]
    for label in {each["label"] for each in labelled}:
        text = await answer(agent, "metrics", words=label, limit=100, max_tokens=4000)
        for each in labelled:
            if each["label"] == label:
                assert f"{each['name']} by {label}, {each['unit']}, {each['title']}" in text
