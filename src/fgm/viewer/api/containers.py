"""/api/containers: the series, newest first, with their names, the facts in index.json, and first and last tick."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any, get_args

from quart import Response, request

from fgm.store.samples.series import Scope
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import ContainersRequest
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import SeriesFilter, labels_of, passes
from fgm.viewer.contents.series_names import name_of, with_unlisted
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.contents.series_revisions import SeriesChanges
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


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    containers_request, runner = parsing.containers(request.query_string), services.runner
    if containers_request.since is not None:
        since = containers_request.since
        holdings, changes = await runner.run(lambda: services.scanner.changes_since(since))
        if changes is not None:
            return await response_from_parts(runner, lambda: json_parts(answer_of_changes(holdings, changes)))
    elif containers_request.span is not None:
        holdings = await services.holdings_within(containers_request.span)
    else:
        holdings = await runner.run(services.fresh_holdings)
    now_ms, keys = services.now_ms(), None
    if containers_request.span is not None:
        span = containers_request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
        holdings = await _with_older(services, holdings, span, lease)
    if containers_request.metrics and containers_request.span is not None:
        query = services.totals_query(make_question(holdings, containers_request.metrics, ALL_SCOPES, *span))
        await runner.finish(query, lease)
        totals = await runner.run(query.result)
        keys = frozenset(of_series.series.key for of_series in totals)
    return await response_from_parts(runner, lambda: json_parts(answer(holdings, containers_request, now_ms, keys)))


async def _with_older(services: Services, holdings: Holdings, span: tuple[int, int], lease: Lease) -> Holdings:
    """Return the contents with the series that minutes in the range have, and no index and no samples any more."""
    query = await services.runner.run(lambda: services.series_query(holdings, *span))
    await services.runner.finish(query, lease)
    found = query.result()
    snapshot = await services.runner.run(lambda: with_unlisted(holdings.series, found))
    return replace(holdings, series=snapshot) if found else holdings


def answer(
    holdings: Holdings, containers_request: ContainersRequest, now_ms: int, keys: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the JSON value. `keys`: keys of the series that may be listed; None: all series."""
    snapshot = holdings.series
    registered: Iterable[RegisteredSeries] = snapshot.by_id.values()
    if containers_request.span is not None:
        from_ms, to_ms = containers_request.span.resolve(now_ms, holdings.oldest_ms or 0, holdings.tick_ms)
        registered = [entry for entry in registered if snapshot.is_within(entry, from_ms, to_ms)]
    listed = [
        entry
        for entry in registered
        if (keys is None or entry.series.key in keys)
        and passes(entry, containers_request.filter, labels_of(entry, holdings))
    ]
    is_whole = containers_request.is_whole_list
    return _answer(holdings, listed, token=holdings.revision if is_whole else None, whole=True, removed=[])


def answer_of_changes(holdings: Holdings, changes: SeriesChanges) -> dict[str, Any]:
    """Return the JSON value with only the entries that have changed.

    A series that is hidden counts as removed: it may have been listed before, under another scope.
    """
    changed = [holdings.series.by_id[name] for name in changes.ids]
    listed = [entry for entry in changed if passes(entry, SeriesFilter(), {})]
    hidden = changes.ids - {entry.id for entry in listed}
    return _answer(holdings, listed, token=holdings.revision, whole=False, removed=[*changes.removed, *hidden])


def _answer(holdings: Holdings, listed: list[RegisteredSeries], **facts: Any) -> dict[str, Any]:
    containers = [_container(entry, holdings) for entry in listed]
    return {"total": len(listed), "newest_ms": holdings.series.newest_ms, **facts, "containers": containers}


def _facts(registered: RegisteredSeries, holdings: Holdings) -> dict[str, Any]:
    """Return the facts about a container in index.json, except those that have a wrong type."""
    facts = dict(holdings.facts.get(registered.series.container_id or "", {}))
    return {name: facts[name] for name, kind in FACTS.items() if isinstance(facts.get(name), kind)}


def _container(registered: RegisteredSeries, holdings: Holdings) -> dict[str, Any]:
    series, last_seen_ms = registered.series, holdings.series.last_seen(registered)
    facts = _facts(registered, holdings)
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
        "alive": last_seen_ms >= holdings.alive_from_ms,
    }
