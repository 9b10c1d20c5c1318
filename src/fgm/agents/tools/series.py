"""`series`: the values of metrics of containers over a range, summed up; or who used most of a metric."""

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, ArgumentError, Values
from fgm.agents.nodes import Answers, AskedNode, Nodes, recorded
from fgm.agents.quantities import clock, day_and_clock, from_to, in_one_unit, length, moment, number, quantity
from fgm.agents.series_lookup import CONTAINER, find_one, named
from fgm.agents.spans import FROM, LAST, TO, Recorded, Span, span_of
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
from fgm.asking.minute import Health

MAX_SERIES = 8
"""Maximum number of series that words may mean."""
MAX_METRICS = 12
"""Maximum number of metrics of a request."""
PARTS = 10
"""Number of parts of the range whose means an answer lists."""
STUDIES = ("trend", "changepoint", "periodicity")
MAX_LEVELS = 6

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
    LAST,
    Argument("study", "Also look for this, in a range of at most an hour.", choices=STUDIES),
    NAMESPACE,
    POD,
    NODE,
    limit(50, 8),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the values of series, or the series that used most."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, "15m")
    metrics = await _metrics(surveyed.nodes[0][0], values.texts("metric"))
    if not values.text("container"):
        if values.text("study"):
            raise ArgumentError("study needs a container")
        return await _ranked(nodes, surveyed, values, (span, have), metrics[0])

    async def ask(node: AskedNode) -> Any:
        found = await find_one(node, span, values.text("container"), filters_of(values), MAX_SERIES)
        return await _read(node, span, metrics, found, values.text("study"))

    answers = await nodes.ask(surveyed, ask)
    bodies = [(node, each) for node, body in answers.nodes for each in body]
    rows = [(node, row) for node, each in bodies for row in each["rows"]]
    empty = [
        f"{label}: no values of {', '.join(names)}" for _, each in bodies for label, names in each["empty"].items()
    ]
    shown = rows[: max(values.whole("limit"), len(metrics))]
    lines = [f"{prefix_of(node.name, answers)}{row}" for node, row in shown]
    links = [link_to(node, span, ids=each["ids"], metrics=metrics[:4], at_ms=each["at_ms"]) for node, each in bodies]
    return Answer(
        f"{len(rows)} series{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [
            Section("Values:", lines, len(rows) - len(shown)),
            *([Section("Missing:", empty)] if empty else []),
        ],
        [*answers.notes, *range_notes(span, have, [body for _, each in bodies for body in each["bodies"]])],
        links[:1],
    )


async def _metrics(node: AskedNode, patterns: Sequence[str]) -> list[str]:
    """Return the names of metrics for names and patterns.

    Raises: ArgumentError if one matches nothing, or if there are too many.
    """
    if not any(pattern.endswith("*") for pattern in patterns):
        return list(dict.fromkeys(patterns))
    listed = [each["name"] for each in (await node.client.get("/api/metrics"))["metrics"]]
    metrics: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in listed if fnmatchcase(name, pattern)] if pattern.endswith("*") else [pattern]
        if not matches:
            raise ArgumentError(f"no metric with values matches {pattern!r}: the tool metrics lists them")
        metrics |= dict.fromkeys(matches)
    if len(metrics) > MAX_METRICS:
        raise ArgumentError(f"{len(metrics)} metrics match, at most {MAX_METRICS} are allowed: {', '.join(metrics)}")
    return list(metrics)


async def _ranked(
    nodes: Nodes, surveyed: Answers[Health], values: Values, times: tuple[Span, Recorded], metric: str
) -> Answer:
    """Return the series that used most of a metric."""
    span, have = times
    most = values.whole("limit")
    parameters = {**span.parameters, **filters_of(values), "metric": metric, "limit": most}
    answers = await nodes.ask(surveyed, lambda node: node.client.get("/api/top", parameters))
    rows = [(node, body["unit"], each) for node, body in answers.nodes for each in body["series"]]
    rows.sort(key=lambda row: -row[2]["mean"])
    lines = []
    for node, unit, each in rows[:most]:
        share = f", {number(100 * each['share_of_node'])} % of the node" if each["share_of_node"] is not None else ""
        lines.append(
            f"{prefix_of(node.name, answers)}{named(each['name'], each['namespace'], each['pod_name'], each['id'])}: "
            f"mean {quantity(each['mean'], unit)}{share}, highest {quantity(each['max'], unit)} at "
            f"{day_and_clock(each['max_ms'])}, last {quantity(each['last'], unit)}, {each['samples']} samples"
        )
    total = sum(body["total"] for _, body in answers.nodes)
    return Answer(
        f"{total} series have {metric}{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}",
        [Section("Highest mean first:", lines, total - len(lines))],
        [*answers.notes, *range_notes(span, have, [body for _, body in answers.nodes])],
        [link_to(node, span, metrics=[metric], at_ms=each["max_ms"]) for node, _, each in rows[:1]]
        or [link_to(answers.nodes[0][0])],
    )


async def _read(node: AskedNode, span: Span, metrics: Sequence[str], found: Sequence[Any], study: str) -> list[Any]:
    """Return the values of some series of a node, as lines."""
    ids = ",".join(each.id.replace(",", "%2C") for each in found)
    parameters = {**span.parameters, "metric": ",".join(metrics), "containers": ids}
    whole = await node.client.get("/api/timeseries", parameters)
    means = await node.client.get("/api/timeseries", {**parameters, "points": PARTS, "reduce": "mean"})
    studies: dict[tuple[str, str], str] = {}
    if study:
        for metric in metrics:
            body = await node.client.get("/api/studies", {**parameters, "metric": metric, "study": study})
            studies |= {(each["id"], metric): _study(study, each, body["unit"]) for each in body["series"]}
    of_parts = {(each["id"], each["metric"]): each for each in means["series"]}
    rows, seen = [], set()
    labels = {each.id: each.label for each in found}
    for each in whole["series"]:
        key = (each["id"], each["metric"])
        if all(value is None for value in each["value"]):
            continue
        seen.add(key)
        extra = [studies.get(key, f"{study}: too few values")] if study else []
        course = of_parts.get(key, {"t_ms": [], "value": []})
        facts = [*extra, *_facts(each, course, span, is_whole=whole["resolution"] == "raw")]
        rows.append(f"{each['metric']} of {labels[each['id']]}: {'; '.join(filter(None, facts))}")
    empty: dict[str, list[str]] = {}
    for named_series in found:
        names = [metric for metric in metrics if (named_series.id, metric) not in seen]
        if names:
            empty[named_series.label] = names
    highest = max((sample[::-1] for each in whole["series"] for sample in _samples(each)), default=(0.0, None))
    return [{"rows": rows, "empty": empty, "bodies": [whole], "ids": [each.id for each in found], "at_ms": highest[1]}]


def _samples(series: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return the recorded samples of a series."""
    return [sample for sample in zip(series["t_ms"], series["value"], strict=True) if sample[1] is not None]


def _facts(series: Mapping[str, Any], means: Mapping[str, Any], span: Span, *, is_whole: bool) -> list[str]:
    """Return what the samples of a series say. `means`: those of parts. `is_whole`: the samples are all that exist."""
    unit, samples = series["unit"], _samples(series)
    values = [value for _, value in samples]
    (low_ms, low), (high_ms, high) = min(samples, key=lambda s: s[1]), max(samples, key=lambda s: s[1])
    count = f"{len(values)} samples" if is_whole else ""
    if low == high:
        return [f"always {quantity(low, unit)}", count]
    facts = [
        f"{name} {quantity(value, unit)} at {moment(at_ms, span.length_ms)}"
        for name, value, at_ms in (
            ("lowest", low, low_ms),
            ("highest", high, high_ms),
            ("first", values[0], samples[0][0]),
            ("last", values[-1], samples[-1][0]),
        )
    ]
    steps = _steps(means, unit, span)
    if not is_whole:
        of_parts = [value for value in means["value"] if value is not None]
        mean = quantity(math.fsum(of_parts) / len(of_parts), unit) if of_parts else "not known"
        return [f"mean of the parts {mean}", *facts, steps]
    mean_value = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean_value) ** 2 for value in values) / len(values))
    spread = f"standard deviation {quantity(deviation, unit)}"
    return [f"mean {quantity(mean_value, unit)}", *facts, spread, count, steps]


def _steps(means: Mapping[str, Any], unit: str, span: Span) -> str:
    """Return the means of the parts of the range as one text: in one unit, "." if nothing was recorded."""
    if len(means["value"]) < 2:
        return ""
    numbers, scaled_unit = in_one_unit(means["value"], unit)
    step_ms = means["t_ms"][1] - means["t_ms"][0]
    begin = moment(means["t_ms"][0] - step_ms // 2, span.length_ms)
    steps = " ".join("." if value is None else value for value in numbers)
    return f"means of {length(step_ms)} from {begin}: {steps} {scaled_unit}".rstrip()


def _study(study: str, facts: Mapping[str, Any], unit: str) -> str:
    """Return the result of a study in words."""
    if study == "trend":
        slope = 3600 * facts["slope_per_s"]
        if not facts["is_sure"]:
            return "trend: no line over the whole range that is more than chance"
        return (
            f"trend: {'rises' if slope > 0 else 'falls'} by {quantity(abs(slope), unit)} per h (from "
            f"{quantity(facts['from_value'], unit)} to {quantity(facts['to_value'], unit)})"
        )
    if study == "periodicity":
        if facts["period_ms"] is None:
            return "periodicity: none"
        return f"periodicity: a beat each {length(facts['period_ms'])}, the first at {clock(facts['first_ms'])}"
    levels = facts["levels"]
    jumps = [math.inf, *(abs(later["value"] - each["value"]) for each, later in pairwise(levels))]
    largest = sorted(sorted(range(len(levels)), key=lambda number: -jumps[number])[:MAX_LEVELS])
    listed = (levels[number] for number in largest)
    text = ", ".join(f"{quantity(each['value'], unit)} from {clock(each['from_ms'])}" for each in listed)
    more = f", those after the {MAX_LEVELS} largest steps" if len(levels) > MAX_LEVELS else ""
    return f"changepoint: {len(levels)} levels{more}: {text}"


TOOL = Tool(
    "series",
    "Sum up metrics of containers over a range: mean, lowest, highest (and when), first and last value, and the course "
    "in ten steps; with study also a trend, changes of level, or a period. Without container: who used most of a "
    "metric.",
    ARGUMENTS,
    respond,
)
