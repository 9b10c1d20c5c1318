"""`processes`: which processes of a container used most, at an instant or over a range."""

from collections.abc import Mapping
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, ArgumentError, Values
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import day_and_clock, from_to, moment, quantity
from fgm.agents.series_lookup import CONTAINER, NODE_ID, NamedSeries, find_one, named
from fgm.agents.spans import FROM, LAST, TO, Span, instant_ms, span_of
from fgm.agents.tools.tool import NODE, Tool, limit, link_to, of_nodes, prefix_of, range_notes

RESOLUTION = (
    "resolution: processes are read every 10 s, or every 2 s in trouble; of each container the top ten by CPU and by "
    "memory are recorded"
)
MAX_LIVES = 4
"""Maximum number of series that a name may mean, such as the lives of a container that was restarted."""

ARGUMENTS = (
    CONTAINER,
    Argument("time", "An instant, instead of a range."),
    FROM,
    TO,
    LAST,
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
    span = Span(max(0, at_ms - 60_000), at_ms + 60_000) if at_ms is not None else span_of(values, have, "15m")
    when = {"at": at_ms} if at_ms is not None else {**span.parameters, "points": 10}
    words, most = values.text("container") or NODE_ID, values.whole("limit")

    async def listed(node: AskedNode) -> list[tuple[NamedSeries, Any]]:
        found = await find_one(node, span, words, {}, MAX_LIVES)
        parameters = {**when, "by": values.text("by"), "limit": most}
        return [(each, await node.client.get("/api/processes", {**parameters, "id": each.id})) for each in found]

    answers = await nodes.ask(surveyed, listed)
    bodies = [(node, series, body) for node, of in answers.nodes for series, body in of]
    rows = [(node, each) for node, _, body in bodies for each in body["processes"]]
    key = "rss_bytes_max" if values.text("by") == "memory" else "cpu_millicores_max"
    rows.sort(key=lambda row: -(row[1][key] or 0))
    total = sum(body["total"] for _, _, body in bodies)
    shown = rows[:most]
    lines = [f"{prefix_of(node.name, answers)}{_line(each, span)}" for node, each in shown]
    started = [
        f"{each['comm']}: {each['processes']} processes, {each['started']} of them started in the range"
        for _, _, body in bodies
        for each in body["names"]
        if each["started"] > 1
    ][:5]
    range_text = f"at {day_and_clock(at_ms)} UTC" if at_ms is not None else from_to(span.from_ms, span.to_ms)
    whose = " and ".join(series.label for _, series, _ in bodies[:MAX_LIVES])
    return Answer(
        f"{total} recorded processes of {whose}{of_nodes(answers)}, {range_text}",
        [
            Section(f"Most {values.text('by')} first:", lines, max(0, total - len(shown))),
            *([Section("Names with many starts:", started)] if started else []),
        ],
        [
            *answers.notes,
            *range_notes(span, have, [body for _, _, body in bodies])[1:],
            RESOLUTION,
        ],
        [link_to(node, span, at_ms, ids=[series.id], opened_id=series.id) for node, series, _ in bodies[:1]],
    )


def _line(facts: Mapping[str, Any], span: Span) -> str:
    parts = []
    if facts["cpu_millicores_max"] is not None:
        mean, most = (quantity(facts[f"cpu_millicores_{name}"], "millicores") for name in ("mean", "max"))
        parts.append(f"CPU mean {mean}, highest {most}")
    if facts["rss_bytes_max"] is not None:
        first, last, most = (
            quantity(facts[name], "bytes") for name in ("rss_bytes_first", "rss_bytes", "rss_bytes_max")
        )
        parts.append(f"memory {first} then {last}" + (f", highest {most}" if most != last else ""))
    if facts["threads"] is not None:
        parts.append(f"{facts['threads']:.0f} threads")
    if facts["fds"] is not None:
        parts.append(f"{facts['fds']:.0f} open files")
    first, last = (moment(facts[name], span.length_ms) for name in ("first_ms", "last_ms"))
    readings = f"{facts['readings']} readings {first} to {last}"
    started = f"started {day_and_clock(facts['start_ms'])}"
    whose = f"{facts['comm']} pid {facts['pid']} in {named(facts['name'], None, None, facts['id'])}"
    return f"{whose}: {', '.join([*parts, started, readings])}"


TOOL = Tool(
    "processes",
    "List the processes of a container, a service or the node that used most CPU or memory, with growth, threads and "
    "open files: at an instant, or over a range (default: the last 15 minutes of the data).",
    ARGUMENTS,
    respond,
)
