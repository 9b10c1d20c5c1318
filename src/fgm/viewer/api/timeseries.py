"""/api/timeseries: the samples of the requested metrics and series in a time range."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from quart import Response, request

from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import SHORT_ID_LENGTH, Scope
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import TimeseriesRequest
from fgm.viewer.api.response import encoding
from fgm.viewer.api.response.media_types import BINARY, JSON
from fgm.viewer.api.response.memory_budget import MAX_SAMPLES, Lease
from fgm.viewer.api.response.response_tag import tag_of_response
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import SeriesFilter, labels_of, passes
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.lines import MAX_PER_COLUMN, SeriesLines
from fgm.viewer.query.long_ranges.names import ListedDay, days_between
from fgm.viewer.query.m4 import KEPT_PER_COLUMN
from fgm.viewer.query.means_query import MeansQuery
from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.question import MAX_SERIES, MIN_COLUMN_MS, Question
from fgm.viewer.query.samples_query import SamplesQuery
from fgm.viewer.web import entity_tags
from fgm.viewer.web.problems import Problem, unknown

RAW_TICKS = 3600
"""Maximum number of ticks in a range for which every sample is returned. The page uses the same number."""
Query = SamplesQuery | PartialQuery | MeansQuery
ADOPTED_SCOPES: frozenset[Scope] = frozenset({"container", "outside", "node"})
"""Scopes of new series that are returned if the request has neither ids nor a filter: they are surely leaves."""


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    query_string, runner = request.query_string, services.runner
    timeseries_request = parsing.timeseries(query_string)
    if timeseries_request.ids is None:
        holdings = await services.holdings_within(timeseries_request.span)
    else:
        holdings = await runner.run(services.fresh_holdings)
    now_ms = services.now_ms()
    question = await runner.run(lambda: make_question(holdings, timeseries_request, now_ms))
    sources = services.sources

    def listed_and_tag() -> tuple[Sequence[ListedDay] | None, str | None]:
        if question.to_ms > now_ms:
            return None, None
        days = days_between(sources, question.from_ms, question.to_ms)
        return days, tag_of_response(query_string, question, sources, holdings, now_ms, days=days)

    days, tag = await runner.run(listed_and_tag)
    if tag is not None and entity_tags.matches(request.headers.get("If-None-Match"), tag):
        return await response_from_parts(runner, lambda: iter(()), etag=tag)
    if timeseries_request.is_mean:
        query: Query = MeansQuery(question, sources)
    else:
        query = await runner.run(lambda: services.samples_query(question, timeseries_request.within_ms, days))
    await runner.finish(query, lease)
    if query.complete_from_ms > question.from_ms:
        tag = None
    media_type = BINARY if timeseries_request.is_binary else JSON
    return await response_from_parts(runner, lambda: answer(query, holdings, timeseries_request), media_type, tag)


def make_question(holdings: Holdings, timeseries_request: TimeseriesRequest, now_ms: int) -> Question:
    """Return the question for the samples of a request.

    Raises: Problem (404) if none of the requested series exists; Problem (400) if the answer would have too many
    samples.
    """
    tick_ms, metrics = holdings.tick_ms, timeseries_request.metrics
    oldest_ms = now_ms if holdings.oldest_ms is None else holdings.oldest_ms
    from_ms, to_ms = timeseries_request.span.resolve(now_ms, oldest_ms, tick_ms)
    ticks = (min(to_ms, now_ms + tick_ms) - max(from_ms, oldest_ms)) // tick_ms
    is_reduced = (ticks > RAW_TICKS and not timeseries_request.is_raw) or timeseries_request.is_mean
    columns = timeseries_request.points if is_reduced else None
    prefixes: tuple[str, ...] = ()
    if timeseries_request.ids is None:
        keys = _chosen(holdings, timeseries_request.filter, from_ms, to_ms)
    else:
        keys, prefixes = resolved(holdings, timeseries_request.ids)
    per_line = max(0, ticks) if columns is None else min(ticks, KEPT_PER_COLUMN * columns)
    if per_line * len(metrics) * len(keys) > MAX_SAMPLES:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{len(metrics)} metrics of {len(keys)} series have more samples than fit into one answer",
            parameter="containers",
            allowed=f"{MAX_SAMPLES} samples: ask for fewer series or metrics, or a shorter range",
        )
    in_memory = per_line if columns is None else min(ticks, MAX_PER_COLUMN * columns)
    names_none = timeseries_request.ids is None and timeseries_request.filter is None
    return Question(
        metrics=metrics,
        keys=keys,
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=tick_ms,
        columns=columns,
        scopes=ADOPTED_SCOPES if names_none else frozenset(),
        prefixes=prefixes,
        node_name=holdings.node_name,
        line_samples=max(0, in_memory),
        prefers_minutes=columns is not None and to_ms - from_ms >= columns * MIN_COLUMN_MS,
        rotation_ms=holdings.rotation_ms,
        max_series=min(MAX_SERIES, MAX_SAMPLES // max(1, per_line * len(metrics))),
    )


def answer(query: Query, holdings: Holdings, timeseries_request: TimeseriesRequest) -> Iterator[bytes]:
    """Return an iterator over the parts of the JSON or binary answer. The steps of the query must be done.

    Raises: Problem (404) if none of the requested series exists.
    """
    lines = query.result()
    described = facts(query, holdings, lines, timeseries_request)
    labelled = encoding.labelled(lines, query.question.metrics, holdings)
    encode = encoding.to_binary if timeseries_request.is_binary else encoding.to_json
    return encode(described, labelled)


def facts(
    query: Query, holdings: Holdings, lines: list[SeriesLines], timeseries_request: TimeseriesRequest
) -> dict[str, Any]:
    """Return what an answer has besides its samples.

    Raises: Problem (404) if none of the requested series exists.
    """
    return {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "interval_ms": query.question.tick_ms,
        "resolution": _resolution(query),
        "partial": query.is_cut or query.complete_from_ms > query.question.from_ms,
        "complete_from_ms": query.complete_from_ms,
        "skipped_files": query.skipped_files,
        "unknown": _unknown_ids(query, holdings, lines, timeseries_request.ids),
    }


def _resolution(query: Query) -> str:
    if isinstance(query, MeansQuery):
        return "mean"
    if query.has_minutes:
        return "minutes"
    return "raw" if query.question.columns is None else "m4"


def _chosen(holdings: Holdings, series_filter: SeriesFilter | None, from_ms: int, to_ms: int) -> frozenset[str]:
    """Return the keys of the series to read: the newest in the range that pass the filter.

    Without a filter, these are the newest leaves, and the node.
    """
    snapshot = holdings.series
    entries = [entry for entry in snapshot.by_id.values() if snapshot.is_within(entry, from_ms, to_ms)]
    leaves = leaf_keys(entry.series for entry in entries) if series_filter is None else set[str]()

    def is_chosen(registered: RegisteredSeries) -> bool:
        if series_filter is None:
            return registered.series.key in leaves
        return passes(registered, series_filter, labels_of(registered, holdings))

    keys = [entry.series.key for entry in entries if is_chosen(entry)]
    return frozenset((keys if series_filter is not None else ["node", *keys])[:MAX_SERIES])


def resolved(holdings: Holdings, ids: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the keys for ids, and those ids that are not registered but may belong to containers in the files.

    Raises: Problem (404) if there are neither.
    """
    keys, prefixes = set(), []
    for name in ids:
        registered = holdings.series.find(name)
        if registered is not None:
            keys.add(registered.series.key)
        elif name in {"node", "outside"} or name.startswith(("pod:", "cgroup:")):
            keys.add(name)
        elif len(name) >= SHORT_ID_LENGTH and set(name) <= set("0123456789abcdef"):
            prefixes.append(name)
    if not keys and not prefixes:
        raise _no_series(ids[0])
    return frozenset(keys), tuple(prefixes)


def _unknown_ids(query: Query, holdings: Holdings, lines: list[SeriesLines], ids: tuple[str, ...] | None) -> list[str]:
    """Return the ids of the request that are neither registered nor in a file.

    Raises: Problem (404) if all ids of the request are unknown.
    """
    in_files = query.adopted_prefixes.keys() | {of_series.series.key for of_series in lines}
    unknown_ids = [name for name in ids or () if name not in in_files and holdings.series.find(name) is None]
    if ids and len(unknown_ids) == len(ids):
        raise _no_series(unknown_ids[0])
    return unknown_ids


def _no_series(name: str) -> Problem:
    return unknown("containers", "series", name[:256], "an id from /api/containers, for a range in which it lived")
