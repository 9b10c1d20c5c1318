"""`events`: what the collector noticed, such as OOM kills, exits and starts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.nodes import Answers, AskedNode, Nodes, recorded
from fgm.agents.quantities import day_and_clock, from_to
from fgm.agents.series_lookup import CONTAINER, NODE_ID, find_series, named
from fgm.agents.spans import FROM, TO, last, span_of
from fgm.agents.tools.tool import (
    NAMESPACE,
    NODE,
    POD,
    Reading,
    Tool,
    filters_of,
    limit,
    link_to,
    notes_of,
    of_nodes,
    prefix_of,
    reading_of,
)
from fgm.asking.answer_fields import flag, instant, items, text
from fgm.asking.ranking import MINOR_EVENTS, in_turn
from fgm.asking.words import counted, counted_events
from fgm.store.events.event import KINDS

MAX_READ = 5000
"""Maximum number of events that are read from a node."""
MAX_SERIES = 500

DEFAULT_LENGTH = "1h"

ARGUMENTS = (
    FROM,
    TO,
    last(DEFAULT_LENGTH),
    CONTAINER,
    NAMESPACE,
    POD,
    Argument("kind", "Kinds of events.", kind="texts", choices=tuple(sorted(KINDS)), most=len(KINDS)),
    NODE,
    limit(200, 25),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the events of a range, the newest first, and how many there are of each kind."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, DEFAULT_LENGTH)
    words, filters, kinds = values.text("container"), filters_of(values), values.texts("kind")
    of_kinds = {"kind": ",".join(kinds)} if kinds else {}

    async def listed(node: AskedNode) -> _Listed:
        ids = {NODE_ID} if words == NODE_ID else None
        if ids is None and (words or filters):
            ids = {each.id for each in await find_series(node, span, words, filters, MAX_SERIES)}
        body = await node.client.get("/api/events", {**span.parameters, **of_kinds, "limit": MAX_READ})
        events = [_event(each) for each in items(body, "events")]
        return _Listed(
            tuple(each for each in events if ids is None or each.id in ids), reading_of(body), flag(body, "derived")
        )

    answers = await nodes.ask(surveyed, listed)
    counts = Counter(event.kind for _, of_node in answers.nodes for event in of_node.events)
    most = values.whole("limit")
    # Starts and exits are most of the events of an ordinary node, and would hide the others.
    major, further_major = _newest(answers, most, are_minor=False)
    minor, further_minor = _newest(answers, most - len(major), are_minor=True)
    by_kind = ", ".join(
        counted_events(kind, count) for kind, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    of_nodes_listed = [of_node for _, of_node in answers.nodes]
    notes = notes_of(answers, span, have, [replace(each.reading, partial=False) for each in of_nodes_listed])
    if any(each.reading.partial for each in of_nodes_listed):
        notes.append(f"only the newest {MAX_READ} events of each node were read")
    if any(each.derived for each in of_nodes_listed):
        notes.append("the events were derived from the samples, because none were recorded")
    node, at_ms = next(((node, event.time_ms) for node, event in [*major, *minor]), (answers.nodes[0][0], None))
    return Answer(
        f"{counted(counts.total(), 'event')}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}"
        + (f": {by_kind}" if by_kind else ""),
        [
            Section("Newest first:", _lines(major, answers), further_major),
            Section("Starts and exits, newest first:", _lines(minor, answers), further_minor),
        ],
        notes,
        [link_to(node, span, at_ms=at_ms)],
    )


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of a series. `text`: whose it is, its kind, and what happened."""

    time_ms: int
    kind: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class _Listed:
    """The events of a node. `derived`: they were not recorded."""

    events: tuple[_Event, ...]
    reading: Reading
    derived: bool


def _newest(answers: Answers[_Listed], most: int, *, are_minor: bool) -> tuple[list[tuple[AskedNode, _Event]], int]:
    """Return the newest events, of each node in turn, the newest first; and how many further ones there are."""
    of_each = [
        sorted(
            ((node, event) for event in of_node.events if (event.kind in MINOR_EVENTS) == are_minor), key=_newest_first
        )
        for node, of_node in answers.nodes
    ]
    rows = in_turn(of_each)
    return sorted(rows[:most], key=_newest_first), max(0, len(rows) - most)


def _newest_first(row: tuple[AskedNode, _Event]) -> tuple[int, str]:
    return (-row[1].time_ms, row[0].name)


def _lines(rows: Sequence[tuple[AskedNode, _Event]], answers: Answers[_Listed]) -> list[str]:
    return [f"{day_and_clock(event.time_ms)}  {prefix_of(node.name, answers)}{event.text}" for node, event in rows]


def _event(facts: Any) -> _Event:
    kind, series_id = text(facts, "kind"), text(facts, "series")
    whose = named(text(facts, "name"), None, None, series_id)
    return _Event(instant(facts, "time_ms"), kind, series_id, f"{whose}: {kind}: {text(facts, 'what')}")


TOOL = Tool(
    "events",
    "List events: OOM kills, exits and starts of containers, throttling, changes of limits, gaps in the data and "
    "others, the newest first, with numbers.",
    ARGUMENTS,
    respond,
)
