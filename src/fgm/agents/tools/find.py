"""`find`: which containers, services and pods there were, the newest first."""

from collections.abc import Mapping
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.links import PageLink
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import clock, day_and_clock, from_to, quantity
from fgm.agents.series_lookup import series_in
from fgm.agents.spans import FROM, LAST, TO, Span, span_of
from fgm.agents.tools.tool import NAMESPACE, NODE, Tool, limit, link_to, of_nodes, prefix_of, range_notes

SCOPES = ("container", "pod", "service", "cgroup", "node", "outside", "sandbox")

ARGUMENTS = (
    Argument("words", "Words that must all occur in its names or id."),
    NAMESPACE,
    Argument("qos_class", "Kubernetes QoS class.", choices=("Guaranteed", "Burstable", "BestEffort")),
    Argument("label", "A label as name:value."),
    Argument("scope", "Kind. Default: all but the node.", choices=SCOPES),
    Argument("metric", "Only what has values of this metric."),
    FROM,
    TO,
    LAST,
    NODE,
    limit(100, 12),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the series that match, the one that was seen last first."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, "all")
    named = {
        "search": values.text("words"),
        "namespace": values.text("namespace").replace(",", "%2C"),
        "qos_class": values.text("qos_class"),
        "labels": values.text("label").replace(",", "%2C"),
        "scope": values.text("scope"),
        "metric": values.text("metric"),
    }
    parameters = {**span.parameters, **{name: value for name, value in named.items() if value}}

    async def listed(node: AskedNode) -> Any:
        return await node.client.get("/api/containers", parameters)

    answers = await nodes.ask(surveyed, listed)
    rows = [
        (node, each)
        for node, body in answers.nodes
        for each in body["containers"]
        if values.text("scope") or each["scope"] != "node"
    ]
    rows.sort(key=lambda row: (-row[1]["last_seen_ms"], row[1]["name"], row[1]["id"]))
    shown = rows[: values.whole("limit")]
    lines = [f"{prefix_of(node.name, answers)}{_line(each, have.newest_ms)}" for node, each in shown]
    return Answer(
        f"{len(rows)} series{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [Section("Seen last first:", lines, len(rows) - len(shown))],
        [*answers.notes, *range_notes(span, have, [])],
        [_link(node, span, shown) for node, _ in answers.nodes[:1]],
    )


def _line(facts: Mapping[str, Any], newest_ms: int) -> str:
    parts = [series_in(facts).label, facts["scope"]]
    first, last = facts["first_seen_ms"], facts["last_seen_ms"]
    end = "now" if facts["alive"] else day_and_clock(last) if last // 86_400_000 != first // 86_400_000 else clock(last)
    parts.append(f"seen {day_and_clock(first)} to {end}" + (" (newest data)" if last >= newest_ms else ""))
    if facts["qos_class"]:
        parts.append(facts["qos_class"])
    for name, of in (("limits", "limit"), ("requests", "request")):
        given = facts[name] or {}
        if given.get("cpu_millicores"):
            parts.append(f"CPU {of} {quantity(given['cpu_millicores'], 'millicores')}")
        if given.get("memory_bytes"):
            parts.append(f"memory {of} {quantity(given['memory_bytes'], 'bytes')}")
    if facts["image"]:
        parts.append(f"image {facts['image']}")
    if facts["restart_count"]:
        parts.append(f"restarts {facts['restart_count']}")
    ended = facts["ended"] or {}
    if ended:
        parts.append(f"ended: {ended.get('reason')}, exit code {ended.get('exit_code')}")
    return ", ".join(parts)


def _link(node: AskedNode, span: Span, shown: list[tuple[AskedNode, Any]]) -> PageLink:
    ids = [each["id"] for of, each in shown if of is node]
    return link_to(node, span, ids=ids)


TOOL = Tool(
    "find",
    "Find containers, services and pods, also those that are gone: by words of their names, namespace, label, QoS "
    "class, metric and time. Their ids are for other tools. Sorted by when they were seen last.",
    ARGUMENTS,
    respond,
)
