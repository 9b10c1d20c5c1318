"""The series that used most of a metric."""

from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Values
from fgm.agents.nodes import Answers, AskedNode, Nodes
from fgm.agents.quantities import day_and_clock, from_to, number, quantity
from fgm.agents.series_lookup import named
from fgm.agents.spans import Recorded, Span
from fgm.agents.tools.tool import Reading, filters_of, link_to, notes_of, of_nodes, prefix_of, reading_of
from fgm.asking import answer_fields
from fgm.asking.answer_fields import instant, items, number_or_none, text, text_or_none, whole
from fgm.asking.health import Health


@dataclass(frozen=True, slots=True)
class _User:
    """A series among those that used most: its mean, when it used most, and both in words."""

    mean: float
    max_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class _Top:
    """The series of a node that used most, and how many have values at all."""

    users: tuple[_User, ...]
    total: int
    reading: Reading


async def ranked(
    nodes: Nodes, surveyed: Answers[Health], values: Values, times: tuple[Span, Recorded], metric: str
) -> Answer:
    """Return the answer that lists the series that used most of a metric."""
    span, have = times
    most = values.whole("limit")
    parameters = {**span.parameters, **filters_of(values), "metric": metric, "limit": most}

    async def top(node: AskedNode) -> _Top:
        body = await node.client.get("/api/top", parameters)
        unit = text(body, "unit")
        return _Top(tuple(_user(each, unit) for each in items(body, "series")), whole(body, "total"), reading_of(body))

    answers = await nodes.ask(surveyed, top)
    rows = [(node, user) for node, of_node in answers.nodes for user in of_node.users]
    rows.sort(key=lambda row: -row[1].mean)
    lines = [f"{prefix_of(node.name, answers)}{user.text}" for node, user in rows[:most]]
    total = sum(of_node.total for _, of_node in answers.nodes)
    return Answer(
        f"{total} series have {metric}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [Section("Highest mean first:", lines, max(0, total - len(lines)))],
        notes_of(answers, span, have, [of_node.reading for _, of_node in answers.nodes]),
        [link_to(node, span, metrics=[metric], at_ms=user.max_ms) for node, user in rows[:1]]
        or [link_to(answers.nodes[0][0], span)],
    )


def _user(facts: Any, unit: str) -> _User:
    mean, most = answer_fields.number(facts, "mean"), answer_fields.number(facts, "max")
    share, max_ms = number_or_none(facts, "share_of_node"), instant(facts, "max_ms")
    of_node = "" if share is None else f", {number(100 * share)} % of the node"
    namespace, pod_name = text_or_none(facts, "namespace"), text_or_none(facts, "pod_name")
    line = (
        f"{named(text(facts, 'name'), namespace, pod_name, text(facts, 'id'))}: mean {quantity(mean, unit)}{of_node}, "
        f"highest {quantity(most, unit)} at {day_and_clock(max_ms)}, "
        f"last {quantity(number_or_none(facts, 'last'), unit)}, {whole(facts, 'samples')} samples"
    )
    return _User(mean, max_ms, line)
