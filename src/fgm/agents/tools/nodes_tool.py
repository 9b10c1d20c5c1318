"""`nodes`: which nodes can be asked, and what they have recorded."""

from fgm.agents.answer import Answer, Section, distinct
from fgm.agents.arguments import Values
from fgm.agents.clocks import notes_on_clocks
from fgm.agents.nodes import Nodes, clock_offsets
from fgm.agents.quantities import day_and_clock, length
from fgm.agents.tools.tool import NODE, Tool, link_to
from fgm.asking.health import Health


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return what each node has recorded, and which nodes do not answer."""
    surveyed = await nodes.survey(values.text("node"), again=True)
    lines = [f"{failure.source}: NO ANSWER: {failure.reason}" for failure in surveyed.failures]
    lines += [f"{node.name}: {_line(health)}" for node, health in surveyed.nodes]
    every = " and ".join(distinct(length(health.interval_ms) for _, health in surveyed.nodes))
    return Answer(
        f"{len(surveyed.nodes)} of {len(lines)} nodes answer",
        [Section("Nodes:", lines)],
        [
            f"resolution: a sample each {every}, unless an answer says otherwise; all times are UTC",
            *notes_on_clocks(clock_offsets(surveyed)),
        ],
        [link_to(node) for node, _ in surveyed.nodes[:1]],
    )


def _line(health: Health) -> str:
    if health.oldest_ms is None or health.newest_ms is None:
        return "no data yet"
    age_ms = health.now_ms - health.newest_ms
    age = "recording now" if age_ms < 10 * health.interval_ms + 5000 else f"{length(age_ms)} ago"
    parts = [
        f"data from {day_and_clock(health.oldest_ms)} to {day_and_clock(health.newest_ms)} UTC",
        f"newest sample {age}",
        f"fgm {health.version}",
        *health.problems,
    ]
    return ", ".join(parts)


TOOL = Tool(
    "nodes",
    "List the nodes that can be asked, with the time range that each has recorded, the age of its newest sample and "
    "its problems. Call it first if the time of an incident is not known.",
    (NODE,),
    respond,
)
