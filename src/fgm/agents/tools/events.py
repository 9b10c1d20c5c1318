"""`events`: what the collector noticed, such as OOM kills, exits and starts."""

from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import day_and_clock, from_to
from fgm.agents.series_lookup import CONTAINER, NODE_ID, find_series, named
from fgm.agents.spans import FROM, LAST, TO, span_of
from fgm.agents.tools.tool import (
    NAMESPACE,
    NODE,
    POD,
    Tool,
    filters_of,
    limit,
    link_to,
    of_nodes,
    prefix_of,
    range_notes,
)
from fgm.asking.ranking import MINOR_EVENTS
from fgm.asking.words import counted, counted_events
from fgm.store.events.event import KINDS

MAX_READ = 5000
"""Maximum number of events that are read from a node."""
MAX_SERIES = 500

ARGUMENTS = (
    FROM,
    TO,
    LAST,
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
    span = span_of(values, have, "1h")
    words, filters, kinds = values.text("container"), filters_of(values), values.texts("kind")
    of_kinds = {"kind": ",".join(kinds)} if kinds else {}

    async def listed(node: AskedNode) -> Any:
        ids = None
        if (words and words != NODE_ID) or filters:
            ids = {each.id for each in await find_series(node, span, words, filters, MAX_SERIES)}
        elif words:
            ids = {NODE_ID}
        body = await node.client.get("/api/events", {**span.parameters, **of_kinds, "limit": MAX_READ})
        return {**body, "events": [each for each in body["events"] if ids is None or each["series"] in ids]}

    answers = await nodes.ask(surveyed, listed)
    rows = [(node, each) for node, body in answers.nodes for each in body["events"]]
    rows.sort(key=lambda row: (-row[1]["time_ms"], row[0].name))
    counts: dict[str, int] = {}
    for _, each in rows:
        counts[each["kind"]] = counts.get(each["kind"], 0) + 1
    # Starts and exits are most of the events of an ordinary node, and would hide the others.
    major = [row for row in rows if row[1]["kind"] not in MINOR_EVENTS]
    minor = [row for row in rows if row[1]["kind"] in MINOR_EVENTS]
    shown = [*major, *minor][: values.whole("limit")]
    lines = [
        f"{day_and_clock(each['time_ms'])}  {prefix_of(node.name, answers)}"
        f"{named(each['name'], None, None, each['series'])}: "
        f"{each['kind']}: {each['what']}"
        for node, each in shown
    ]
    by_kind = ", ".join(
        counted_events(kind, count) for kind, count in sorted(counts.items(), key=lambda item: -item[1])
    )
    bodies = [body for _, body in answers.nodes]
    notes = range_notes(span, have, [{**body, "partial": False} for body in bodies])
    if any(body["partial"] for body in bodies):
        notes.append(f"only the newest {MAX_READ} events of each node were read")
    if any(body["derived"] for body in bodies):
        notes.append("the events were derived from the samples, because none were recorded")
    return Answer(
        f"{counted(len(rows), 'event')}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}"
        + (f": {by_kind}" if by_kind else ""),
        [
            Section("Newest first:", lines[: len(major)], max(0, len(major) - len(shown))),
            Section("Starts and exits, newest first:", lines[len(major) :], min(len(minor), len(rows) - len(shown))),
        ],
        [*answers.notes, *notes],
        [
            link_to(
                node,
                span,
                at_ms=next((e["time_ms"] for of, e in shown if of is node), None),
            )
            for node, body in answers.nodes
            if body["events"] or len(answers.nodes) == 1
        ][:1],
    )


TOOL = Tool(
    "events",
    "List events: OOM kills, exits and starts of containers, throttling, changes of limits, gaps in the data and "
    "others, the newest first, with numbers.",
    ARGUMENTS,
    respond,
)
