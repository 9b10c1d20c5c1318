"""`compare`: how a range differs from another one, such as before a deployment, or a container from another one."""

from fgm.agents.answer import Answer
from fgm.agents.arguments import Argument, ArgumentError, Values
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import from_to
from fgm.agents.series_lookup import CONTAINER, find_one
from fgm.agents.spans import FROM, TO, Recorded, Span, instant_ms, last, span_of
from fgm.agents.tools.tool import NAMESPACE, NODE, POD, Tool, limit
from fgm.agents.tools.what_changed import LONGEST, Changes, changed_answer, changes

DEFAULT_LENGTH = "15m"

ARGUMENTS = (
    Argument("against", "Begin of the other range, which is as long. Needed without with_container."),
    FROM,
    TO,
    last(DEFAULT_LENGTH, LONGEST),
    CONTAINER,
    Argument("with_container", "Compare container with this one (id or words) of the same node, such as a canary."),
    NAMESPACE,
    POD,
    NODE,
    limit(50, 8),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return how the range differs from the other one."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, DEFAULT_LENGTH, most=LONGEST)
    with_words, against = values.text("with_container"), values.text("against")
    if not against and not with_words:
        raise ArgumentError("against is missing: give the begin of the other range, or with_container, or both")
    if with_words and not values.text("container"):
        raise ArgumentError("container is missing: with_container says what it is compared with")
    against_ms = instant_ms(against, have) if against else span.from_ms
    other = Span(against_ms, against_ms + span.length_ms)

    async def ask(node: AskedNode) -> Changes:
        parameters: dict[str, str | int] = {"against": against_ms}
        if with_words:
            (first,) = await find_one(node, other, with_words, {}, 1)
            (second,) = await find_one(node, span, values.text("container"), {}, 1)
            parameters["pairs"] = f"{first.id}~{second.id}".replace(",", "%2C")
        return await changes(node, span, values, parameters)

    answers = await nodes.ask(surveyed, ask)
    if not any(of_node.has_before for _, of_node in answers.nodes):
        raise ArgumentError(f"nothing was recorded in the other range, {from_to(other.from_ms, other.to_ms)}")
    whose = f" ({with_words!r})" if with_words else ""
    text = f"compared with {from_to(other.from_ms, other.to_ms)}{whose}"
    return changed_answer(
        text, answers, values, (span, have), against_ms=against_ms if against else None, lacks=_lacks(span, other, have)
    )


def _lacks(span: Span, other: Span, have: Recorded) -> list[str]:
    """Return notes about the other range."""
    notes = []
    if other.from_ms < have.oldest_ms or other.to_ms > have.end_ms:
        notes.append("a part of the other range was not recorded")
    if other != span and other.from_ms < span.to_ms and span.from_ms < other.to_ms:
        notes.append("the ranges overlap: what is in both does not differ")
    return notes


TOOL = Tool(
    "compare",
    "Compare a range of at most an hour with another one of the same length, such as before and after a deployment "
    "or a fix, or a container with another one: what differs most, with values.",
    ARGUMENTS,
    respond,
)
