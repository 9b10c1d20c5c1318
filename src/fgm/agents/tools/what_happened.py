"""`what_happened`: what stood out at a time over all nodes, the events, and who used most."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, ArgumentError, Values
from fgm.agents.links import PageLink
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import clock, from_to, quantity
from fgm.agents.series_lookup import named
from fgm.agents.spans import FROM, TIME_FORM, TO, Recorded, Span, last, span_of
from fgm.agents.tools.tool import NAMESPACE, NODE, POD, Tool, limit, link_to, notes_of, of_nodes, prefix_of
from fgm.asking.minute import Finding, MinuteQuestion, NodeAnswer, User, ask_minute
from fgm.asking.ranking import OnNode, Ranking, rank
from fgm.asking.typed_times import read_time
from fgm.asking.words import TITLES, counted, counted_events, listed

LONGEST, DEFAULT_LENGTH = "1h", "15m"
"""Maximum length of the range: viewers look for what stood out in at most an hour."""
TIMEOUT_S = 50.0
STRENGTH = (
    "ranked by strength (-log10 of the share of ordinary quarters of an hour with as much of it) and by share of the "
    "node; a neighbour as a cause is evidence, not proof"
)

ARGUMENTS = (
    Argument("time", f"A minute, or a second with half a minute around it, {TIME_FORM}. Instead of a range."),
    FROM,
    TO,
    last(DEFAULT_LENGTH, LONGEST),
    NAMESPACE,
    POD,
    NODE,
    limit(20, 8),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return what stood out, the most important first."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span, at_ms = _range_of(values, have)
    question = MinuteQuestion(span.from_ms, span.to_ms, at_ms, values.text("namespace"), values.text("pod"))

    async def ask(node: AskedNode) -> NodeAnswer:
        return await ask_minute(node.client, node.name, question, timeout_s=TIMEOUT_S)

    answers = await nodes.ask(surveyed, ask)
    most = values.whole("limit")
    ranking = rank(question, [answer for _, answer in answers.nodes], answers.failures, max_findings=most, max_users=3)
    by_source = {answer.source: node for node, answer in answers.nodes}

    def prefix(each: OnNode[Any]) -> str:
        return prefix_of(by_source[each.answer.source].name, answers)

    found = [f"{number}. {prefix(each)}{_finding(each.item)}" for number, each in enumerate(ranking.findings, 1)]
    events = [f"{clock(each.item.time_ms)} {prefix(each)}{each.item.name}: {each.item.what}" for each in ranking.events]
    further = ", ".join(counted_events(kind, count) for kind, count in ranking.counted.items())
    sections = [
        Section(
            "What stood out, the most important first:",
            found or ["nothing" if ranking.users else "not known: nothing was recorded then, see the notes"],
            ranking.found - len(found),
        ),
        Section("Events:", events, 0),
        *([Section("Further events, counted:" if events else "Events, counted:", [further])] if further else []),
        Section("Used most:", _users(ranking, prefix)),
    ]
    missing: dict[str, list[str]] = {}
    for each in ranking.answers:
        for text in each.missing:
            missing.setdefault(text, []).append(by_source[each.source].name)
    lacks = [f"{listed(names, 3)}: {text}" if len(answers.nodes) > 1 else text for text, names in missing.items()]
    return Answer(
        f"{counted(ranking.found, 'finding')}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}"
        f"{_whose(question)}",
        sections,
        [
            *notes_of(answers, span, have),
            *lacks,
            STRENGTH,
        ],
        _links(ranking, by_source, span),
    )


def _range_of(values: Values, have: Recorded) -> tuple[Span, int]:
    """Return the range, and the instant of the cursor."""
    time = values.text("time")
    if not time:
        span = span_of(values, have, DEFAULT_LENGTH, most=LONGEST)
        return span, span.from_ms
    if any(values.text(name) for name in ("from", "to", "last")):
        raise ArgumentError("time cannot be combined with from, to or last")
    typed = read_time(time, have.end_ms, UTC)
    return Span(typed.from_ms, typed.to_ms), typed.at_ms


def _finding(finding: Finding) -> str:
    whose = named(finding.name, finding.namespace, finding.pod_name, finding.id)
    times = f"{clock(finding.from_ms)} to {clock(finding.to_ms)}"
    return f"{finding.text} [{finding.kind}, {times}, strength {finding.strength:g}, {whose}]"


def _users(ranking: Ranking, prefix: Callable[[OnNode[Any]], str]) -> list[str]:
    lines = []
    for metric, users in ranking.users.items():
        names = Counter(each.item.name for each in users)
        of = ", ".join(
            f"{prefix(each)}{_user(each.item, each.answer.units[metric], is_unique=names[each.item.name] == 1)}"
            for each in users
        )
        lines.append(f"{TITLES[metric]}, mean: {of}")
    return lines


def _user(user: User, unit: str, *, is_unique: bool) -> str:
    name = user.name if is_unique else f"{user.name} (id {user.id})"
    return f"{name} {quantity(user.mean, unit)} (highest {quantity(user.max, unit)})"


def _whose(question: MinuteQuestion) -> str:
    named_filters = (("namespace", question.namespace), ("pod", question.pod))
    return "".join(f", {name} {value!r}" for name, value in named_filters if value)


def _links(ranking: Ranking, by_source: dict[str, AskedNode], span: Span) -> list[PageLink]:
    """Return a link to the node of the first finding, with its series."""
    if not ranking.findings:
        return [link_to(node, span) for node in by_source.values()][:1]
    finding, node = ranking.findings[0].item, by_source[ranking.findings[0].answer.source]
    at_ms = min(max(finding.from_ms, span.from_ms), span.to_ms - 1)
    return [link_to(node, span, at_ms, ids=[finding.id])]


TOOL = Tool(
    "what_happened",
    "Say what happened at a time, over all nodes: what stood out (kills with their cause, throttling, leaks, stalls, "
    "noisy neighbours, bursts) as ranked sentences with numbers, the events, and the top users. The first tool for an "
    "incident.",
    ARGUMENTS,
    respond,
)
