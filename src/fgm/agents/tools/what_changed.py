"""`what_changed`: which containers differ from the time before, and in what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fgm.agents.answer import Answer, Section
from fgm.agents.arguments import Values
from fgm.agents.nodes import Answers, AskedNode, Nodes, recorded
from fgm.agents.quantities import from_to
from fgm.agents.series_lookup import CONTAINER, NODE_ID, find_one, named
from fgm.agents.spans import FROM, TO, Recorded, Span, last, span_of
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
from fgm.asking.answer_fields import field, flag, instant, items, number, text, text_or_none, texts, whole
from fgm.asking.words import listed

LONGEST, DEFAULT_LENGTH = "1h", "5m"
MAX_READ = 100
"""Number of series that a viewer is asked for: enough to choose from them by name."""
MAX_SERIES = 500
TIMEOUT_S = 55.0
MIN_SHARE = 0.5
"""Minimum difference of the shares of two ranges in which a series was there, as in the viewer."""
MAX_CHANGES = 3
"""Maximum number of changes of a series in its line."""

ARGUMENTS = (
    FROM,
    TO,
    last(DEFAULT_LENGTH, LONGEST),
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
    span = span_of(values, have, DEFAULT_LENGTH, most=LONGEST)
    answers = await nodes.ask(surveyed, lambda node: changes(node, span, values, {}))
    begins = [of_node.before_ms for _, of_node in answers.nodes if of_node.before_ms is not None]
    before = from_to(min(begins), span.from_ms) if begins else "the time before"
    return changed_answer(f"compared with {before}", answers, values, (span, have))


@dataclass(frozen=True, slots=True)
class Changed:
    """A series that changed. `rank`: its place among those of several nodes; `text`: its name, and what changed."""

    id: str
    rank: tuple[bool, float, float]
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a node. `has_before`: something was recorded in the other range.

    `before_ms`: begin of that range if the viewer has chosen it. `series`, `metrics`: numbers of those that were
    compared.
    """

    changed: tuple[Changed, ...]
    has_before: bool
    before_ms: int | None
    series: int
    metrics: int
    reading: Reading


async def changes(node: AskedNode, span: Span, values: Values, parameters: Mapping[str, str | int]) -> Changes:
    """Return what a node says about changes, only of the series that the arguments mean."""
    words, filters = values.text("container"), filters_of(values)
    ids = {NODE_ID} if words == NODE_ID else None
    if ids is None and (words or filters):
        ids = {each.id for each in await find_one(node, span, words, filters, MAX_SERIES)}
    body = await node.client.get(
        "/api/changes", {**span.parameters, **parameters, "limit": MAX_READ}, timeout_s=TIMEOUT_S
    )
    changed = [_changed(each) for each in items(body, "series")]
    compared = field(body, "compared")
    return Changes(
        tuple(each for each in changed if ids is None or each.id in ids),
        flag(body, "has_before"),
        instant(body, "before_ms") if "before_ms" in body else None,
        whole(compared, "series"),
        whole(compared, "metrics"),
        reading_of(body),
    )


def changed_answer(
    against: str,
    answers: Answers[Changes],
    values: Values,
    times: tuple[Span, Recorded],
    *,
    against_ms: int | None = None,
    lacks: Sequence[str] = (),
) -> Answer:
    """Return the answer about changes.

    `against`: what the range was compared with, in words. `lacks`: notes on that.
    """
    span, have = times
    rows = [(node, each) for node, of_node in answers.nodes for each in of_node.changed]
    if len(answers.nodes) > 1:  # one viewer ranks its own series
        rows.sort(key=lambda row: row[1].rank)
    shown = rows[: values.whole("limit")]
    lines = [f"{rank}. {prefix_of(node.name, answers)}{each.text}" for rank, (node, each) in enumerate(shown, 1)]
    of_nodes_changes = [of_node for _, of_node in answers.nodes]
    notes = [*notes_of(answers, span, have, [each.reading for each in of_nodes_changes]), *lacks]
    without = [node.name for node, of_node in answers.nodes if not of_node.has_before]
    if without:
        whose = f" on {listed(without)}" if len(without) < len(answers.nodes) else ""
        notes.append(f"there is nothing to compare with{whose}: nothing was recorded in the other range")
    notes.append(
        f"compared: {sum(each.series for each in of_nodes_changes)} series, "
        f"{max(each.metrics for each in of_nodes_changes)} metrics; values are means, then the highest"
    )
    first = shown[0][0] if shown else answers.nodes[0][0]
    ids = [each.id for node, each in shown if node is first][:4]
    return Answer(
        f"{len(rows)} series changed{of_nodes(answers)}, {from_to(span.from_ms, span.to_ms)}, {against}",
        [Section("Changed most first:", lines or ["nothing"], len(rows) - len(shown))],
        notes,
        [link_to(first, span, ids=ids, against_ms=against_ms)],
    )


def _changed(facts: Any) -> Changed:
    series_id, name, findings = text(facts, "id"), text(facts, "name"), texts(facts, "findings")
    said = [each.removeprefix(f"{name}: ").removesuffix(".") for each in findings]
    said += [f"only in the other range: {each.removeprefix(f'{name}: ').removesuffix('.')}" for each in _before(facts)]
    if presence := _presence(facts):
        said.append(presence)
    changes = [text(each, "text") for each in items(facts, "changes")]
    said += changes[:MAX_CHANGES]
    more = len(changes) - MAX_CHANGES
    end = f" (and {more} more metric{'' if more == 1 else 's'})" if more > 0 else ""
    label = named(name, text_or_none(facts, "namespace"), text_or_none(facts, "pod_name"), series_id)
    rank = (not findings, -number(facts, "strength"), -number(facts, "score"))
    return Changed(series_id, rank, f"{label}: {'; '.join(said)}{end}")


def _before(facts: Any) -> Sequence[str]:
    return texts(facts, "findings_before") if "findings_before" in facts else ()


def _presence(facts: Any) -> str:
    """Return in which range, or in how much of both, a series was there; "" if that hardly differs, or is not said."""
    if "series_before" not in facts:
        return ""
    before, during = whole(facts, "series_before"), whole(facts, "series_during")
    if before == 0 < during:
        return "new: it was not there in the other range"
    if during == 0 < before:
        return "gone: it was only there in the other range"
    share_before, share_during = number(facts, "share_before"), number(facts, "share_during")
    if abs(share_during - share_before) < MIN_SHARE:
        return ""
    return f"there in {100 * share_during:.0f} % of the range, and in {100 * share_before:.0f} % of the other range"


TOOL = Tool(
    "what_changed",
    "Say which containers changed in a range, compared with the time before it (15 minutes at most), and in which "
    "metrics: what stood out first, then what differs most, with values before and after.",
    ARGUMENTS,
    respond,
)
