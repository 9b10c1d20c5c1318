"""What is known, as the JSON-able answers of the listing paths. Pure; may take long, so for worker threads."""

from collections.abc import Collection, Iterable
from typing import Any

from fgm import __version__
from fgm.metrics.derived import Shown
from fgm.metrics.rates import gap_ms
from fgm.metrics.shown import ALIASES, SHOWN
from fgm.viewer.api.request.parsing import ContainersParameters
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import HIDDEN_SCOPES, labels_in, labels_of, passes
from fgm.viewer.contents.series_names import name_of
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.health import Address

FACTS: dict[str, type] = {
    "labels": dict,
    "image": str,
    "restart_count": int,
    "limits": dict,
    "requests": dict,
    "ended": dict,
}
"""What the index may know of a container besides its names."""
FRESH_MS = 10_000
"""When the newest data is older than this, nothing is known to be alive."""


def instance(holdings: Holdings, address: Address, now_ms: int) -> dict[str, Any]:
    """Return the answer of /api/instance."""
    header = holdings.header
    return {
        "node_name": None if header is None else header.node_name,
        "identifier": None if header is None else header.identifier,
        "cluster_name": None if header is None else header.cluster_name,
        "pod_name": address.pod_name,
        "port": address.port,
        "now_ms": now_ms,
        "interval_ms": holdings.tick_ms,
        "version": __version__,
    }


def metrics(holdings: Holdings) -> dict[str, Any]:
    """Return the answer of /api/metrics: those that have a value anywhere."""
    there = holdings.metrics
    return {"metrics": [_metric(metric) for metric in SHOWN.values() if there.issuperset(metric.needs)]}


def filters(holdings: Holdings) -> dict[str, Any]:
    """Return the answer of /api/filters: what series can be chosen by."""
    series = [known.series for known in holdings.series.by_id.values() if known.series.scope not in HIDDEN_SCOPES]
    labels = {name for facts in holdings.facts.values() for name in labels_in(facts)}
    return {
        "scopes": sorted({s.scope for s in series}),
        "namespaces": sorted({s.namespace for s in series if s.namespace}),
        "qos_classes": sorted({s.qos_class for s in series if s.qos_class}),
        "label_keys": sorted(labels),
    }


def containers(
    holdings: Holdings, asked: ContainersParameters, now_ms: int, having: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the answer of /api/containers; `having`: only series of these keys."""
    alive_from_ms = _alive_from_ms(holdings, now_ms)
    registered = holdings.series
    known: Iterable[RegisteredSeries] = registered.by_id.values()
    if asked.span is not None:
        from_ms, to_ms = asked.span.resolve(now_ms, holdings.oldest_ms or 0, holdings.tick_ms)
        known = [k for k in known if registered.is_within(k, from_ms, to_ms)]
    listed = [
        _container(k, registered.last_seen(k), alive_from_ms, _facts(k, holdings))
        for k in known
        if (having is None or k.series.key in having) and passes(k, asked.filter, labels_of(k, holdings))
    ]
    return {"total": len(listed), "containers": listed}


def _metric(metric: Shown) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "kind": metric.kind,
        "source": metric.source,
        "help": metric.help,
        "aliases": sorted(alias for alias, name in ALIASES.items() if name == metric.name),
    }


def _facts(known: RegisteredSeries, holdings: Holdings) -> dict[str, Any]:
    """Return what the index says of a container; what is not as it should be is not known."""
    facts = dict(holdings.facts.get(known.series.container_id or "", {}))
    return {name: facts[name] for name, kind in FACTS.items() if isinstance(facts.get(name), kind)}


def _container(known: RegisteredSeries, last_seen_ms: int, alive_from_ms: int, facts: dict[str, Any]) -> dict[str, Any]:
    series = known.series
    return {
        "id": known.id,
        "scope": series.scope,
        "name": name_of(known),
        "container_id": series.container_id,
        "container_name": series.container_name,
        "pod_name": series.pod_name,
        "namespace": series.namespace,
        "pod_uid": series.pod_uid,
        "qos_class": series.qos_class,
        "runtime": series.runtime,
        "cgroup": series.cgroup,
        "node_name": series.node_name,
        **{name: facts.get(name) for name in FACTS},
        "first_seen_ms": known.first_seen_ms,
        "last_seen_ms": last_seen_ms,
        "alive": last_seen_ms >= alive_from_ms,
    }


def _alive_from_ms(holdings: Holdings, now_ms: int) -> int:
    newest_ms = holdings.newest_ms or 0
    if now_ms - newest_ms > max(FRESH_MS, 5 * holdings.tick_ms):
        return now_ms
    return newest_ms - round(gap_ms(holdings.tick_ms))
