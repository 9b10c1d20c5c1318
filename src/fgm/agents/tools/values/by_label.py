"""Values by label: those of each disk, mount point, resource or region of device memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import ArgumentError, NothingMatchesError, Values
from fgm.agents.nodes import Answers, AskedNode, Nodes
from fgm.agents.quantities import from_to
from fgm.agents.series_lookup import NODE_ID, find_one
from fgm.agents.spans import Recorded, Span
from fgm.agents.tools.tool import Reading, filters_of, link_to, notes_of, of_nodes, prefix_of, reading_of
from fgm.agents.tools.values import course
from fgm.asking.answer_fields import items, number_or_none, samples, text
from fgm.asking.health import Health
from fgm.metrics.labelled import INTERVAL_MS, LABELLED

LABELS = tuple(dict.fromkeys(metric.label for metric in LABELLED.values()))
POINTS = 360
"""Number of pixel columns of a request: an hour of values is whole, and a longer range is reduced."""
MAX_SERIES = 8
MAX_METRICS = 4


@dataclass(frozen=True, slots=True)
class _Line:
    """The values of a label in words, what they are ranked by, and when they were highest."""

    highest: float
    highest_ms: int
    text: str


async def by_label(
    nodes: Nodes, surveyed: Answers[Health], values: Values, times: tuple[Span, Recorded], metrics: Sequence[str]
) -> Answer:
    """Return the answer with the values of metrics by label, of each metric those of the highest values first.

    Raises: ArgumentError if a metric has no such labels.
    """
    span, have = times
    label, words = values.text("by"), values.text("container") or NODE_ID
    having = [name for name, metric in LABELLED.items() if metric.label == label]
    wrong = next((metric for metric in metrics if metric not in having), None)
    if wrong is not None:
        raise ArgumentError(f"{wrong} is not recorded by {label}: these are {', '.join(having)}")
    if len(metrics) > MAX_METRICS:
        raise ArgumentError(f"by allows at most {MAX_METRICS} metrics")

    async def ask(node: AskedNode) -> tuple[list[_Line], list[Reading]]:
        found = await find_one(node, span, words, filters_of(values), MAX_SERIES)
        labels = {each.id: each.label for each in found}
        ids = ",".join(each.replace(",", "%2C") for each in labels)
        lines, readings = [], []
        for metric in metrics:
            parameters = {**span.parameters, "metric": metric, "containers": ids, "points": POINTS}
            body = await node.client.get("/api/labelled", parameters)
            readings.append(reading_of(body))
            unit = text(body, "unit")
            of_metric = [
                _line(each, f"{metric} of {label} {text(each, 'label')}, {labels[text(each, 'id')]}", unit, span)
                for each in items(body, "series")
            ]
            lines += sorted((line for line in of_metric if line is not None), key=lambda line: -line.highest)
        if not lines:
            raise NothingMatchesError(f"no values by {label} were recorded of {words!r} in this range")
        return lines, readings

    answers = await nodes.ask(surveyed, ask)
    rows = [(node, line) for node, (lines, _) in answers.nodes for line in lines]
    shown = rows[: values.whole("limit")]
    lines = [f"{prefix_of(node.name, answers)}{line.text}" for node, line in shown]
    readings = [reading for _, (_, of_node) in answers.nodes for reading in of_node]
    reduced = "; the lowest and highest of each part of the range were read" if not _is_whole(span) else ""
    return Answer(
        f"{len(rows)} series by {label}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [Section("Values, the highest first:", lines, len(rows) - len(shown))],
        notes_of(answers, span, have, readings, resolution=f"a value each {INTERVAL_MS // 1000} s{reduced}"),
        [link_to(node, span, at_ms=line.highest_ms) for node, line in rows[:1]],
    )


def _line(facts: Any, whose: str, unit: str, span: Span) -> _Line | None:
    """Return the values of a label; None if there are none in the range."""
    number_or_none(facts, "last")
    recorded = course.recorded(samples(facts))
    if not recorded:
        return None
    at_ms, value = course.highest(recorded)
    said = course.facts_of(recorded, unit, span.length_ms, is_whole=_is_whole(span))
    return _Line(value, at_ms, f"{whose}: {'; '.join(filter(None, said))}")


def _is_whole(span: Span) -> bool:
    """Return whether the answers of viewers have all values of a range."""
    return span.length_ms <= POINTS * INTERVAL_MS
