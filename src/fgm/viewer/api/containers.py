"""/api/containers: the series, newest first, with their names, the facts in index.json, and first and last tick."""

from collections.abc import Collection, Iterable
from typing import Any, get_args

from quart import Response, request

from fgm.metrics.rates import gap_ms
from fgm.store.samples.series import Scope
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import ContainersRequest
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.contents.series_names import name_of
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.totals import make_question

ALL_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
FACTS: dict[str, type] = {
    "labels": dict,
    "image": str,
    "restart_count": int,
    "limits": dict,
    "requests": dict,
    "pod_limits": dict,
    "pod_requests": dict,
    "ended": dict,
}
"""The facts about a container in index.json other than its names, each with its type."""
MAX_AGE_MS = 10_000
"""Maximum distance of the newest data from now; if it is larger, no series is reported as alive."""


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    containers_request = parsing.containers(request.query_string)
    holdings = await services.runner.run(services.fresh_holdings)
    now_ms, keys = services.now_ms(), None
    if containers_request.metrics and containers_request.span is not None:
        span = containers_request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
        query = services.totals_query(make_question(holdings, containers_request.metrics, ALL_SCOPES, *span))
        await services.runner.finish(query, lease)
        totals = await services.runner.run(query.result)
        keys = frozenset(of_series.series.key for of_series in totals)
    return await response_from_parts(
        services.runner, lambda: json_parts(answer(holdings, containers_request, now_ms, keys))
    )


def answer(
    holdings: Holdings, containers_request: ContainersRequest, now_ms: int, keys: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the JSON value. `keys`: keys of the series that may be listed; None: all series."""
    alive_from_ms = _alive_from_ms(holdings, now_ms)
    snapshot = holdings.series
    registered: Iterable[RegisteredSeries] = snapshot.by_id.values()
    if containers_request.span is not None:
        from_ms, to_ms = containers_request.span.resolve(now_ms, holdings.oldest_ms or 0, holdings.tick_ms)
        registered = [entry for entry in registered if snapshot.is_within(entry, from_ms, to_ms)]
    listed = [
        _container(entry, snapshot.last_seen(entry), alive_from_ms, _facts(entry, holdings))
        for entry in registered
        if (keys is None or entry.series.key in keys)
        and passes(entry, containers_request.filter, labels_of(entry, holdings))
    ]
    return {"total": len(listed), "containers": listed}


def _facts(registered: RegisteredSeries, holdings: Holdings) -> dict[str, Any]:
    """Return the facts about a container in index.json, except those that have a wrong type."""
    facts = dict(holdings.facts.get(registered.series.container_id or "", {}))
    return {name: facts[name] for name, kind in FACTS.items() if isinstance(facts.get(name), kind)}


def _container(
    registered: RegisteredSeries, last_seen_ms: int, alive_from_ms: int, facts: dict[str, Any]
) -> dict[str, Any]:
    series = registered.series
    return {
        "id": registered.id,
        "scope": series.scope,
        "name": name_of(registered),
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
        "first_seen_ms": registered.first_seen_ms,
        "last_seen_ms": last_seen_ms,
        "alive": last_seen_ms >= alive_from_ms,
    }


def _alive_from_ms(holdings: Holdings, now_ms: int) -> int:
    """Return the limit for a series to be alive: its last tick is at that time or later."""
    newest_ms = holdings.newest_ms or 0
    if abs(now_ms - newest_ms) > max(MAX_AGE_MS, 5 * holdings.tick_ms):
        return max(now_ms, newest_ms + 1)
    return newest_ms - round(gap_ms(holdings.tick_ms))
