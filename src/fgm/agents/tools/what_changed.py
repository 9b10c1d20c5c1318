"""`what_changed`: which containers differ from the time before, and in what."""

from collections.abc import Mapping
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Argument, Values
from fgm.agents.nodes import Answers, AskedNode, Nodes, recorded
from fgm.agents.quantities import from_to
from fgm.agents.series_lookup import CONTAINER, NODE_ID, find_one, named
from fgm.agents.spans import FROM, TO, Recorded, Span, span_of
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

LONGEST = "1h"
MAX_READ = 100
"""Number of series that a viewer is asked for: enough to choose from them by name."""
MAX_SERIES = 500
TIMEOUT_S = 55.0
MAX_CHANGES = 3
"""Maximum number of changes of a series in its line."""

ARGUMENTS = (
    FROM,
    TO,
    Argument("last", f"Instead of from: length of the range, at most {LONGEST}. Default: 5m."),
    CONTAINER,
    NAMESPACE,
    POD,
    NODE,
    limit(50, 8),
)


async def respond(nodes: Nodes, values: Values) -> Answer:
    """Return the series that changed, what changed most first."""
    surveyed = await nodes.survey(values.text("node"))
    have = recorded(surveyed)
    span = span_of(values, have, "5m", most=LONGEST)
    answers = await nodes.ask(surveyed, lambda node: changes(node, span, values, {}))
    first = answers.nodes[0][1]
    before = from_to(first["before_ms"], span.from_ms) if "before_ms" in first else "the time before"
    return changed_answer(f"compared with {before}", answers, values, (span, have))


async def changes(node: AskedNode, span: Span, values: Values, parameters: Mapping[str, str | int]) -> Any:
    """Return what a node says about changes, only of the series that the arguments mean."""
    words, filters = values.text("container"), filters_of(values)
    ids = {NODE_ID} if words == NODE_ID else None
    if ids is None and (words or filters):
        ids = {each.id for each in await find_one(node, span, words, filters, MAX_SERIES)}
    body = await node.client.get(
        "/api/changes", {**span.parameters, **parameters, "limit": MAX_READ}, timeout_s=TIMEOUT_S
    )
    return {**body, "series": [each for each in body["series"] if ids is None or each["id"] in ids]}


def changed_answer(
    against: str,
    answers: Answers[Any],
    values: Values,
    times: tuple[Span, Recorded],
    *,
    against_ms: int | None = None,
) -> Answer:
    """Return the answer about changes. `against`: what the range was compared with, in words."""
    span, have = times
    rows = [(node, each) for node, body in answers.nodes for each in body["series"]]
    if len(answers.nodes) > 1:  # one viewer ranks its own series
        rows.sort(key=lambda row: (not row[1]["findings"], -row[1]["strength"], -row[1]["score"]))
    shown = rows[: values.whole("limit")]
    lines = [f"{rank}. {prefix_of(node.name, answers)}{_line(each)}" for rank, (node, each) in enumerate(shown, 1)]
    bodies = [body for _, body in answers.nodes]
    notes = range_notes(span, have, bodies)
    if not all(body["has_before"] for body in bodies):
        notes.append("there is nothing to compare with: nothing was recorded in the other range")
    looked = [body["compared"] for body in bodies]
    notes.append(
        f"compared: {sum(each['series'] for each in looked)} series, "
        f"{max(each['metrics'] for each in looked)} metrics; values are means, then the highest"
    )
    links = [
        link_to(
            node,
            span,
            ids=[each["id"] for of, each in shown if of is node][:4],
            against_ms=against_ms,
        )
        for node in dict.fromkeys(node for node, _ in shown or [(answers.nodes[0][0], None)])
    ]
    return Answer(
        f"{len(rows)} series changed{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}, {against}",
        [Section("Changed most first:", lines or ["nothing"], len(rows) - len(shown))],
        [*answers.notes, *notes],
        links[:1],
    )


def _line(facts: Mapping[str, Any]) -> str:
    texts = [text.removeprefix(f"{facts['name']}: ").removesuffix(".") for text in facts["findings"]]
    if facts.get("series_before") == 0:
        texts.append("new: it was not there in the other range")
    if facts.get("series_during") == 0:
        texts.append("gone: it was only there in the other range")
    texts += [each["text"] for each in facts["changes"][:MAX_CHANGES]]
    more = len(facts["changes"]) - MAX_CHANGES
    end = f" (and {more} more metric{'' if more == 1 else 's'})" if more > 0 else ""
    return f"{named(facts['name'], facts['namespace'], facts['pod_name'], facts['id'])}: {'; '.join(texts)}{end}"


TOOL = Tool(
    "what_changed",
    "Say which containers changed in a range, compared with the time before it (15 minutes at most), and in which "
    "metrics: what stood out first, then what differs most, with values before and after.",
    ARGUMENTS,
    respond,
)
