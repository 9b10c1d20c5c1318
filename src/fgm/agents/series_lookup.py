"""Finds the series that an agent means by an id, or by words of a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fgm.agents.arguments import Argument, ArgumentError, NothingMatchesError
from fgm.agents.nodes import AskedNode
from fgm.agents.spans import Span
from fgm.asking.answer_fields import items, text, text_or_none

CONTAINER = Argument(
    "container",
    "Container, service or pod: an id from another answer, or words of its names. The word node means the node itself.",
)
MAX_SUGGESTED = 6
"""Maximum number of series that an error message suggests."""
NODE_ID, OUTSIDE_ID = "node", "outside"


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """A series: a container with one of its lives, a service, a pod, or the node."""

    id: str
    name: str
    scope: str
    pod_name: str | None = None
    namespace: str | None = None

    @property
    def label(self) -> str:
        """Its name, pod and id, such as `payments (shop/payments-6d8f, id 9f762c370b87)`."""
        return named(self.name, self.namespace, self.pod_name, self.id)


def named(name: str, namespace: str | None, pod_name: str | None, series_id: str) -> str:
    """Return the name, pod and id of a series; the pod and the id only if they differ from the name."""
    if series_id == OUTSIDE_ID:
        return f"{name} (all that is in no container, service or pod)"
    if name == series_id:
        return name
    pod = "/".join(part for part in (namespace, pod_name if pod_name != name else None) if part)
    return f"{name} ({pod}, id {series_id})" if pod else f"{name} (id {series_id})"


def series_in(facts: Any) -> NamedSeries:
    """Return the series in the facts that a viewer lists about it.

    Raises: FormError if they have another form.
    """
    names = (text_or_none(facts, name) for name in ("pod_name", "namespace"))
    return NamedSeries(text(facts, "id"), text(facts, "name"), text(facts, "scope"), *names)


async def find_series(
    node: AskedNode, span: Span, words: str, filters: Mapping[str, str], most: int
) -> list[NamedSeries]:
    """Return the series that existed in a range and that words mean, the newest first; none if there are none.

    An exact id or name counts before words; containers and services count before their pods.

    Raises: ArgumentError if there are more than `most`.
    """
    if words == NODE_ID:
        return [NamedSeries(NODE_ID, node.name, "node")]
    search = {"search": words} if words else {}
    listed = await node.client.get("/api/containers", {**span.parameters, **search, **filters})
    matches = [series_in(each) for each in items(listed, "containers")]
    exact = [each for each in matches if words == each.id] or [
        each for each in matches if words in (each.name, each.pod_name, f"{each.namespace}/{each.pod_name}")
    ]
    meant = exact or matches
    meant = [each for each in meant if each.scope != "pod"] or meant
    if len(meant) > most:
        raise ArgumentError(f"{len(meant)} series match {words!r}, at most {most} are allowed: {_suggestions(meant)}")
    return meant


async def find_one(node: AskedNode, span: Span, words: str, filters: Mapping[str, str], most: int) -> list[NamedSeries]:
    """Return at least one series that words mean, the newest first.

    Raises: NothingMatchesError if there is none in the range, or ArgumentError if there are more than `most`.
    """
    found = await find_series(node, span, words, filters, most)
    if not found:
        whose = f"{words!r}" if words else "these filters"
        raise NothingMatchesError(f"no series matches {whose} in this range: the tool find lists them")
    return found


def _suggestions(series: Sequence[NamedSeries]) -> str:
    names = dict.fromkeys(each.label for each in series)
    shown = ", ".join(list(names)[:MAX_SUGGESTED])
    return f"{shown}{' ...' if len(names) > MAX_SUGGESTED else ''}; give an id"
