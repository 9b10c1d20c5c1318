"""`metrics`: the names of metrics, with their units and what they mean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.nodes import AskedNode, Nodes
from fgm.agents.tools.tool import NODE, Tool, limit, link_to, of_nodes
from fgm.asking.answer_fields import items, text, texts

MAX_WITH_HELP = 12
"""Maximum number of metrics that are listed with what they mean."""
STUDIES = "trend (rises or falls?), changepoint (levels between changes), periodicity (time between beats)"

ARGUMENTS = (
    Argument("words", "Words that must all occur in the name, title or description, such as memory limit."),
    NODE,
    limit(100, 25),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the metrics that match. Without words, the most used ones are first."""
    surveyed = await nodes.survey(values.text("node"))

    answers = await nodes.ask(surveyed, _listed)
    metrics: dict[tuple[str, str], _Metric] = {}
    for _, listed in answers.nodes:
        for each in listed:
            metrics.setdefault((each.name, each.label), each)
    words = values.text("words").lower().split()
    matches = [each for each in metrics.values() if all(word in each.searched for word in words)]
    shown = matches[: values.whole("limit")]
    lines = [_line(each, with_help=bool(words) and len(matches) <= MAX_WITH_HELP) for each in shown]
    rest = [f"{each.name}{each.by_label}" for each in matches[len(shown) :]]
    return Answer(
        f"{len(matches)} metrics with values{of_nodes(answers)}"
        + (f" match {values.text('words')!r}" if words else ""),
        [
            Section("Name, unit, title:", lines),
            *([Section("More names:", _in_lines(rest))] if rest else []),
        ],
        [*answers.notes, f"studies of the tool series: {STUDIES}"],
        [link_to(answers.nodes[0][0])],
    )


@dataclass(frozen=True, slots=True)
class _Metric:
    """A metric. `label`: what has a value of its own, such as `disk`; "" if the metric has one value."""

    name: str
    unit: str
    title: str
    help: str
    label: str
    searched: str

    @property
    def by_label(self) -> str:
        """What its values are split by, such as ` by disk`; "" if they are not."""
        return f" by {self.label}" if self.label else ""


async def _listed(node: AskedNode) -> list[_Metric]:
    body = await node.client.get("/api/metrics")
    return [
        *(_metric(each, "", texts(each, "aliases")) for each in items(body, "metrics")),
        *(_metric(each, text(each, "label"), ()) for each in items(body, "labelled")),
    ]


def _metric(facts: Any, label: str, aliases: Iterable[str]) -> _Metric:
    name, unit, title, meaning = (text(facts, key) for key in ("name", "unit", "title", "help"))
    return _Metric(name, unit, title, meaning, label, " ".join([name, title, meaning, label, *aliases]).lower())


def _line(metric: _Metric, *, with_help: bool) -> str:
    line = f"{metric.name}{metric.by_label}, {metric.unit}, {metric.title}"
    return f"{line}: {metric.help}" if with_help and metric.help else line


def _in_lines(names: Sequence[str]) -> list[str]:
    return [", ".join(names[start : start + 6]) for start in range(0, len(names), 6)]


TOOL = Tool(
    "metrics",
    "List the metrics that have values, with units; with words, those that match and what they mean. "
    "Also names the studies that the tool series can run.",
    ARGUMENTS,
    respond,
)
