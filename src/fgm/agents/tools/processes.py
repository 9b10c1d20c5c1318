"""`processes`: which processes of a container used most, at an instant or over a range."""

from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section, distinct
from fgm.agents.arguments import Argument, ArgumentError, Values
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import day_and_clock, from_to, moment, quantity
from fgm.agents.series_lookup import CONTAINER, NODE_ID, NamedSeries, find_one, named
from fgm.agents.spans import FROM, TO, Span, instant_ms, last, span_of
from fgm.agents.tools.tool import (
    NODE,
    Reading,
    Tool,
    limit,
    link_to,
    notes_of,
    of_nodes,
    prefix_of,
    reading_of,
)
from fgm.asking.answer_fields import instant, items, number_or_none, text, whole

RESOLUTION = (
    "processes are read every 10 s, or every 2 s in trouble; of each container the top ten by CPU and by "
    "memory are recorded"
)
MAX_LIVES = 4
"""Maximum number of series that a name may mean, such as the lives of a container that was restarted."""
MAX_STARTED = 5
"""Maximum number of names of which many processes were started."""

DEFAULT_LENGTH = "15m"

ARGUMENTS = (
    Argument("container", f"{CONTAINER.description} Default: the node."),
    Argument("time", "An instant, instead of a range."),
    FROM,
    TO,
    last(DEFAULT_LENGTH),
    Argument("by", "What to rank by.", choices=("cpu", "memory"), default="cpu"),
    NODE,
    limit(50, 10),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the processes that used most, of those that were recorded."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    time = values.text("time")
    if time and any(values.text(name) for name in ("from", "to", "last")):
        raise ArgumentError("time cannot be combined with from, to or last")
    at_ms = instant_ms(time, have) if time else None
    span = Span(max(0, at_ms - 60_000), at_ms + 60_000) if at_ms is not None else span_of(values, have, DEFAULT_LENGTH)
    when = {"at": at_ms} if at_ms is not None else {**span.parameters, "points": 10}
    words, most = values.text("container") or NODE_ID, values.whole("limit")

    async def listed(node: AskedNode) -> list[_Listed]:
        found = await find_one(node, span, words, {}, MAX_LIVES)
        parameters = {**when, "by": values.text("by"), "limit": most}
        return [
            _listed(each, await node.client.get("/api/processes", {**parameters, "id": each.id}), span)
            for each in found
        ]

    answers = await nodes.ask(surveyed, listed)
    listings = [(node, each) for node, of_node in answers.nodes for each in of_node]
    rows = [(node, process) for node, listing in listings for process in listing.processes]
    rows.sort(key=lambda row: -(row[1].memory_bytes if values.text("by") == "memory" else row[1].cpu_millicores))
    total = sum(listing.total for _, listing in listings)
    shown = rows[:most]
    lines = [f"{prefix_of(node.name, answers)}{process.text}" for node, process in shown]
    started = [text for _, listing in listings for text in listing.started][:MAX_STARTED]
    range_text = f"at {day_and_clock(at_ms)} UTC" if at_ms is not None else from_to(span.from_ms, span.to_ms)
    whose = " and ".join(distinct(listing.series.label for _, listing in listings)[:MAX_LIVES])
    return Answer(
        f"{total} recorded processes of {whose}{of_nodes(answers)}, {range_text}",
        [
            Section(f"Most {values.text('by')} first:", lines, max(0, total - len(shown))),
            *([Section("Names with many starts:", started)] if started else []),
        ],
        notes_of(answers, span, have, [listing.reading for _, listing in listings], resolution=RESOLUTION),
        [
            link_to(node, span, at_ms, ids=[listing.series.id], opened_id=listing.series.id)
            for node, listing in listings[:1]
        ],
    )


@dataclass(frozen=True, slots=True)
class _Process:
    """A process in words, and what it is ranked by; 0 if that was not recorded."""

    cpu_millicores: float
    memory_bytes: float
    text: str


@dataclass(frozen=True, slots=True)
class _Listed:
    """The processes of a series. `started`: in words, names of which many were started."""

    series: NamedSeries
    total: int
    processes: tuple[_Process, ...]
    started: tuple[str, ...]
    reading: Reading


def _listed(series: NamedSeries, body: Any, span: Span) -> _Listed:
    starts = [(each, whole(each, "started")) for each in items(body, "names")]
    started = [
        f"{text(each, 'comm')}: {whole(each, 'processes')} processes, {count} of them started in the range"
        for each, count in starts
        if count > 1
    ]
    processes = tuple(_process(each, span) for each in items(body, "processes"))
    return _Listed(series, whole(body, "total"), processes, tuple(started), reading_of(body))


def _process(facts: Any, span: Span) -> _Process:
    cpu_mean, cpu_most = (number_or_none(facts, f"cpu_millicores_{name}") for name in ("mean", "max"))
    memory = [number_or_none(facts, f"rss_bytes{name}") for name in ("_first", "", "_max")]
    parts = []
    if cpu_most is not None:
        parts.append(f"CPU mean {quantity(cpu_mean, 'millicores')}, highest {quantity(cpu_most, 'millicores')}")
    if memory[-1] is not None:
        first, last, most = (quantity(value, "bytes") for value in memory)
        parts.append(f"memory {first} then {last}" + (f", highest {most}" if most != last else ""))
    for name, what in (("threads", "threads"), ("fds", "open files")):
        if (count := number_or_none(facts, name)) is not None:
            parts.append(f"{count:.0f} {what}")
    first, last = (moment(instant(facts, name), span.length_ms) for name in ("first_ms", "last_ms"))
    parts.append(f"started {day_and_clock(instant(facts, 'start_ms'))}")
    parts.append(f"{whole(facts, 'readings')} readings {first} to {last}")
    whose = named(text(facts, "name"), None, None, text(facts, "id"))
    words = f"{text(facts, 'comm')} pid {whole(facts, 'pid')} in {whose}: {', '.join(parts)}"
    return _Process(cpu_most or 0, memory[-1] or 0, words)


TOOL = Tool(
    "processes",
    "List the processes of a container, a service or the node that used most CPU or memory, with growth, threads and "
    "open files: at an instant, or over a range (default: the last 15 minutes of the data).",
    ARGUMENTS,
    respond,
)
