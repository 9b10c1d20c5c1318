"""The filter of a request for series: by words in their names, scope, namespace, QoS class and labels."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fgm.store.samples.series import Scope
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import name_of
from fgm.viewer.contents.series_register import RegisteredSeries

HIDDEN_SCOPES = frozenset({"sandbox"})
"""Scopes that are listed only if a filter names them. The sandbox of a pod is hidden, because it does nothing."""


class SeriesFilter(NamedTuple):
    """Conditions that a series must meet. An empty condition is always met."""

    words: tuple[str, ...] = ()
    """Words in lower case. Each must be part of at least one name of the series, in upper or lower case."""
    scopes: frozenset[Scope] = frozenset()
    namespaces: frozenset[str] = frozenset()
    qos_classes: frozenset[str] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()
    """Labels, each a name and a value. The series must have all of them."""


def passes(registered: RegisteredSeries, conditions: SeriesFilter, labels: Mapping[str, str]) -> bool:
    """Return whether a series meets the conditions. `labels`: its labels, by name."""
    series = registered.series
    if conditions.scopes:
        if series.scope not in conditions.scopes:
            return False
    elif series.scope in HIDDEN_SCOPES:
        return False
    if conditions.namespaces and series.namespace not in conditions.namespaces:
        return False
    if conditions.qos_classes and series.qos_class not in conditions.qos_classes:
        return False
    if any(labels.get(name) != value for name, value in conditions.labels):
        return False
    return not conditions.words or _has_words(registered, conditions.words)


def labels_of(registered: RegisteredSeries, holdings: Holdings) -> Mapping[str, str]:
    """Return the labels of a series in index.json, by name."""
    return labels_in(holdings.facts.get(registered.series.container_id or "", {}))


def labels_in(facts: Any) -> dict[str, str]:
    """Return the labels in the facts about a container, by name; none if they are missing or not a JSON object."""
    labels = facts.get("labels")
    return labels if isinstance(labels, dict) else {}


def _has_words(registered: RegisteredSeries, words: Iterable[str]) -> bool:
    series = registered.series
    names = (
        registered.id,
        name_of(registered),
        series.container_id,
        series.container_name,
        series.pod_name,
        series.namespace,
        series.pod_uid,
        series.runtime,
        series.cgroup,
    )
    text = "\n".join(filter(None, names)).lower()
    return all(word in text for word in words)
