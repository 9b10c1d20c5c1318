"""`find`: which containers, services and pods there were, the newest first."""

from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.links import PageLink
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import DAY_MS, clock, day_and_clock, from_to, quantity
from fgm.agents.series_lookup import NamedSeries, series_in
from fgm.agents.spans import FROM, TO, Span, last, span_of
from fgm.agents.tools.tool import NAMESPACE, NODE, Tool, limit, link_to, notes_of, of_nodes, prefix_of
from fgm.asking.answer_fields import field, flag, instant, items, number_or_none, text_or_none
from fgm.asking.ranking import in_turn

SCOPES = ("container", "pod", "service", "cgroup", "node", "outside", "sandbox")

DEFAULT_LENGTH = "all"

ARGUMENTS = (
    Argument("words", "Words that must all occur in its names or id."),
    NAMESPACE,
    Argument("qos_class", "Kubernetes QoS class.", choices=("Guaranteed", "Burstable", "BestEffort")),
    Argument("label", "A label as name:value."),
    Argument("scope", "Kind. Default: all but the node.", choices=SCOPES),
    Argument("metric", "Only what has values of this metric."),
    FROM,
    TO,
    last(DEFAULT_LENGTH),
    NODE,
    limit(100, 12),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the series that match, the one that was seen last first."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, DEFAULT_LENGTH)
    named = {
        "search": values.text("words"),
        "namespace": values.text("namespace").replace(",", "%2C"),
        "qos_class": values.text("qos_class"),
        "labels": values.text("label").replace(",", "%2C"),
        "scope": values.text("scope"),
        "metric": values.text("metric"),
    }
    parameters = {**span.parameters, **{name: value for name, value in named.items() if value}}

    async def listed(node: AskedNode) -> list[_Found]:
        found = [_found(each) for each in items(await node.client.get("/api/containers", parameters), "containers")]
        wanted = [each for each in found if values.text("scope") or each.series.scope != "node"]
        return sorted(wanted, key=lambda each: (-each.last_seen_ms, each.series.name, each.series.id))

    answers = await nodes.ask(surveyed, listed)
    of_nodes_found = [[(node, each) for each in found] for node, found in answers.nodes if found]
    of_nodes_found.sort(key=lambda rows: -rows[0][1].last_seen_ms)
    rows = in_turn(of_nodes_found)
    shown = rows[: values.whole("limit")]
    lines = [f"{prefix_of(node.name, answers)}{_line(each, have.newest_ms)}" for node, each in shown]
    return Answer(
        f"{len(rows)} series{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [
            Section(
                "Seen last first, of each node in turn:" if len(answers.nodes) > 1 else "Seen last first:",
                lines,
                len(rows) - len(shown),
            )
        ],
        notes_of(answers, span, have),
        [_link(node, span, shown) for node in [*(node for node, _ in shown), answers.nodes[0][0]][:1]],
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A series, when it was there, and what is known of it, in words."""

    series: NamedSeries
    first_seen_ms: int
    last_seen_ms: int
    alive: bool
    facts: tuple[str, ...]


def _found(facts: Any) -> _Found:
    parts = []
    if qos_class := text_or_none(facts, "qos_class"):
        parts.append(qos_class)
    for name, of in (("limits", "limit"), ("requests", "request")):
        given = field(facts, name) or {}
        for key, what, unit in (("cpu_millicores", "CPU", "millicores"), ("memory_bytes", "memory", "bytes")):
            if key in given and (value := number_or_none(given, key)):
                parts.append(f"{what} {of} {quantity(value, unit)}")
    if image := text_or_none(facts, "image"):
        parts.append(f"image {image}")
    if restarts := number_or_none(facts, "restart_count"):
        parts.append(f"restarts {restarts:g}")
    if ended := field(facts, "ended"):
        parts.append(f"ended: {text_or_none(ended, 'reason')}, exit code {_code(ended)}")
    seen = (instant(facts, "first_seen_ms"), instant(facts, "last_seen_ms"), flag(facts, "alive"))
    return _Found(series_in(facts), *seen, tuple(parts))


def _code(ended: Any) -> str:
    code = number_or_none(ended, "exit_code")
    return "not known" if code is None else f"{code:g}"


def _line(found: _Found, newest_ms: int) -> str:
    first, last = found.first_seen_ms, found.last_seen_ms
    same_day = last // DAY_MS == first // DAY_MS
    end = "now" if found.alive else clock(last) if same_day else day_and_clock(last)
    seen = f"seen {day_and_clock(first)} to {end}" + (" (newest data)" if last >= newest_ms else "")
    return ", ".join([found.series.label, found.series.scope, seen, *found.facts])


def _link(node: AskedNode, span: Span, shown: list[tuple[AskedNode, _Found]]) -> PageLink:
    return link_to(node, span, ids=[each.series.id for of, each in shown if of is node])


TOOL = Tool(
    "find",
    "Find containers, services and pods, also those that are gone: by words of their names, namespace, label, QoS "
    "class, metric and time. Their ids are for other tools. Sorted by when they were seen last.",
    ARGUMENTS,
    respond,
)
