"""`metrics`: the names of metrics, with their units and what they mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.nodes import AskedNode, Nodes
from fgm.agents.tools.tool import NODE, Tool, limit, link_to, of_nodes

STUDIES = "trend (rises or falls?), changepoint (levels between changes), periodicity (time between beats)"

ARGUMENTS = (
    Argument("words", "Words that must all occur in the name, title or description, such as memory limit."),
    NODE,
    limit(100, 25),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the metrics that match. Without words, the most used ones are first."""
    surveyed = await nodes.survey(values.text("node"))

    async def listed(node: AskedNode) -> Any:
        return await node.client.get("/api/metrics")

    answers = await nodes.ask(surveyed, listed)
    metrics: dict[str, Mapping[str, Any]] = {}
    for _, body in answers.nodes:
        for each in (*body["metrics"], *({**each, "by_label": True} for each in body["labelled"])):
            metrics.setdefault(f"{each['name']} {each.get('by_label', '')}", each)
    words = values.text("words").lower().split()
    matches = [each for each in metrics.values() if _has(each, words)]
    shown = matches[: values.whole("limit")]
    lines = [_line(each, with_help=bool(words) and len(matches) <= 12) for each in shown]
    rest = [each["name"] for each in matches[len(shown) :]]
    return Answer(
        f"{len(matches)} metrics with values{of_nodes(answers)}"
        + (f" match {values.text('words')!r}" if words else ""),
        [
            Section("Name, unit, title:", lines),
            *([Section("More names:", _in_lines(rest))] if rest else []),
        ],
        [*answers.notes, f"studies of the tool series: {STUDIES}"],
        [link_to(answers.nodes[0][0])],
    )


def _has(facts: Mapping[str, Any], words: Sequence[str]) -> bool:
    text = " ".join([facts["name"], facts["title"], facts["help"], *facts.get("aliases", ())]).lower()
    return all(word in text for word in words)


def _line(facts: Mapping[str, Any], *, with_help: bool) -> str:
    by_label = f", for each {facts['label']} of the node (on the page only)" if facts.get("by_label") else ""
    text = f"{facts['name']}, {facts['unit']}, {facts['title']}{by_label}"
    return f"{text}: {facts['help']}" if with_help and facts["help"] else text


def _in_lines(names: Sequence[str]) -> list[str]:
    return [", ".join(names[start : start + 6]) for start in range(0, len(names), 6)]


TOOL = Tool(
    "metrics",
    "List the metrics that have values, with units; with words, those that match and what they mean. "
    "Also names the studies that the tool series can run.",
    ARGUMENTS,
    respond,
)
