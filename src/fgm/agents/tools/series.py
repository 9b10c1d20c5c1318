"""`series`: the values of metrics of containers over a range, summed up; or who used most; or values by label."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, ArgumentError, NothingMatchesError, Values
from fgm.agents.nodes import AskedNode, Nodes, recorded
from fgm.agents.quantities import from_to
from fgm.agents.series_lookup import CONTAINER, NamedSeries, find_one
from fgm.agents.spans import FROM, TO, Span, last, span_of
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
from fgm.agents.tools.values import course
from fgm.agents.tools.values.by_label import LABELS, by_label
from fgm.agents.tools.values.ranking import ranked
from fgm.agents.tools.values.studies import STUDIES, study_in_words
from fgm.asking.answer_fields import items, samples, text

MAX_SERIES = 8
"""Maximum number of series that words may mean."""
MAX_METRICS = 12
"""Maximum number of metrics of a request."""
PARTS = 10
"""Number of parts of the range whose means an answer lists."""

DEFAULT_LENGTH = "15m"

ARGUMENTS = (
    Argument(
        "metric",
        "Names from the tool metrics. One may end with *, such as memory.stat.*",
        kind="texts",
        most=MAX_METRICS,
        is_required=True,
    ),
    Argument(
        "container",
        f"{CONTAINER.description} Default: rank all by the first metric.",
    ),
    FROM,
    TO,
    last(DEFAULT_LENGTH),
    Argument("study", "Also look for this, of container, in a range of at most an hour.", choices=STUDIES),
    Argument("by", "Split the values of container (default: the node) by this.", choices=LABELS),
    NAMESPACE,
    POD,
    NODE,
    limit(50, 8),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the values of series, or the series that used most."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span, metrics = span_of(values, have, DEFAULT_LENGTH), list(dict.fromkeys(values.texts("metric")))
    if values.text("by"):
        if values.text("study"):
            raise ArgumentError("study cannot be combined with by")
        return await by_label(nodes, surveyed, values, (span, have), metrics)
    if not values.text("container"):
        if values.text("study"):
            raise ArgumentError("study needs a container")
        if metrics[0].endswith("*"):
            raise ArgumentError(f"{metrics[0]!r} needs a container: to rank all, give the whole name of a metric")
        return await ranked(nodes, surveyed, values, (span, have), metrics[0])

    async def ask(node: AskedNode) -> _Values:
        found = await find_one(node, span, values.text("container"), filters_of(values), MAX_SERIES)
        return await _read(node, span, await _metrics(node, metrics), found, values.text("study"))

    answers = await nodes.ask(surveyed, ask)
    rows = [(node, row) for node, of_node in answers.nodes for row in of_node.rows]
    empty = [row for _, of_node in answers.nodes for row in of_node.empty]
    first, of_first = next((each for each in answers.nodes if each[1].rows), answers.nodes[0])
    shown = rows[: max(values.whole("limit"), len(of_first.metrics))]
    return Answer(
        f"{len(rows)} series{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [
            Section(
                "Values:", [f"{prefix_of(node.name, answers)}{row}" for node, row in shown], len(rows) - len(shown)
            ),
            *([Section("Missing:", empty)] if empty else []),
        ],
        notes_of(answers, span, have, [of_node.reading for _, of_node in answers.nodes]),
        [link_to(first, span, ids=of_first.ids, metrics=of_first.metrics[:4], at_ms=of_first.highest_ms)],
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of the series of a node. `rows`: in words; `empty`: series without values, in words."""

    metrics: Sequence[str]
    ids: Sequence[str]
    rows: tuple[str, ...]
    empty: tuple[str, ...]
    highest_ms: int | None
    reading: Reading


async def _metrics(node: AskedNode, patterns: Sequence[str]) -> list[str]:
    """Return the names of metrics for names and patterns.

    Raises: NothingMatchesError if one matches nothing, or ArgumentError if there are too many.
    """
    if not any(pattern.endswith("*") for pattern in patterns):
        return list(patterns)
    listed = [text(each, "name") for each in items(await node.client.get("/api/metrics"), "metrics")]
    metrics: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in listed if fnmatchcase(name, pattern)] if pattern.endswith("*") else [pattern]
        if not matches:
            raise NothingMatchesError(f"no metric with values matches {pattern!r}: the tool metrics lists them")
        metrics |= dict.fromkeys(matches)
    if len(metrics) > MAX_METRICS:
        raise ArgumentError(f"{len(metrics)} metrics match, at most {MAX_METRICS} are allowed: {', '.join(metrics)}")
    return list(metrics)


async def _read(
    node: AskedNode, span: Span, metrics: Sequence[str], found: Sequence[NamedSeries], study: str
) -> _Values:
    """Return the values of some series of a node, in words."""
    labels = {each.id: each.label for each in found}
    ids = ",".join(each.replace(",", "%2C") for each in labels)
    parameters = {**span.parameters, "metric": ",".join(metrics), "containers": ids}
    body = await node.client.get("/api/timeseries", parameters)
    means = await node.client.get("/api/timeseries", {**parameters, "points": PARTS, "reduce": "mean"})
    of_parts = {_key(each): samples(each) for each in items(means, "series")}
    studies: dict[tuple[str, str], str] = {}
    for metric in metrics if study else ():
        studied = await node.client.get("/api/studies", {**parameters, "metric": metric, "study": study})
        unit = text(studied, "unit")
        studies |= {(text(each, "id"), metric): study_in_words(study, each, unit) for each in items(studied, "series")}
    reading, rows, seen, highest = reading_of(body), [], set(), []
    for each in items(body, "series"):
        key, recorded_samples = _key(each), course.recorded(samples(each))
        if not recorded_samples:
            continue
        seen.add(key)
        highest.append(course.highest(recorded_samples))
        facts = course.facts_of(
            recorded_samples,
            text(each, "unit"),
            span.length_ms,
            is_whole=reading.resolution == "raw",
            parts=of_parts.get(key, ()),
        )
        extra = [studies.get(key, f"{study}: too few values")] if study else []
        rows.append(f"{key[1]} of {labels[key[0]]}: {'; '.join(filter(None, [*extra, *facts]))}")
    without = {label: [metric for metric in metrics if (id_, metric) not in seen] for id_, label in labels.items()}
    return _Values(
        metrics,
        list(labels),
        tuple(rows),
        tuple(f"{label}: no values of {', '.join(names)}" for label, names in without.items() if names),
        course.highest(highest)[0] if highest else None,
        reading,
    )


def _key(facts: Any) -> tuple[str, str]:
    """Return the id and the metric of a series."""
    return text(facts, "id"), text(facts, "metric")


TOOL = Tool(
    "series",
    "Sum up metrics of containers over a range: mean, lowest, highest (and when), first and last value, and the course "
    "in ten steps; with study also a trend, changes of level, or a period; with by those of each disk or mount point. "
    "Without container: who used most of a metric.",
    ARGUMENTS,
    respond,
)
