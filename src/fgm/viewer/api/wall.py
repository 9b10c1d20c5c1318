"""/api/wall: of many series at once, the highest value of a metric in each pixel column, in one row for each of them.

Several metrics in a request have an answer each. The binary form:

    u32, little-endian      length of the header
    header                  the JSON answer, without `values`
    zeros                   padding to a multiple of 8 bytes
    cells                   float32, little-endian, metric by metric and row by row, NaN where nothing was recorded
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from quart import Response, request

from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Scope, Series
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import WallRequest
from fgm.viewer.api.response.media_types import BINARY, JSON
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.response_tag import tag_of_response
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import SeriesFilter, labels_of, passes
from fgm.viewer.contents.series_names import find_or_make, name_of
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.question import MIN_COLUMN_MS, Question
from fgm.viewer.query.wall.grouping import Rows, group_of, workload_name
from fgm.viewer.query.wall.wall_query import MAX_CELLS, WallQueries, WallQuery, WallRow
from fgm.viewer.web import entity_tags
from fgm.viewer.web.problems import bad_parameter, unknown

ADOPTED_SCOPES: Mapping[Rows, frozenset[Scope]] = {
    "container": frozenset({"container", "outside"}),
    "workload": frozenset({"container", "outside"}),
    "pod": frozenset({"pod", "outside"}),
}
"""Scopes of new series that are added if the request has neither ids nor a filter: they surely have a row."""
DECIMALS = 6


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    runner, wall_request = services.runner, parsing.wall(request.query_string)
    holdings = await services.holdings_within(wall_request.span)
    now_ms = services.now_ms()
    question = await runner.run(lambda: make_question(holdings, wall_request, now_ms))
    until_ms = min(wall_request.until_ms or question.to_ms, question.to_ms)
    if until_ms <= question.from_ms:
        raise bad_parameter("until", "nothing is left to read", f"an instant after {question.from_ms}")
    named = request.query_string
    tag = await runner.run(lambda: tag_of(named, question, services, holdings, now_ms))
    if tag is not None and entity_tags.matches(request.headers.get("If-None-Match"), tag):
        return await response_from_parts(runner, lambda: iter(()), etag=tag)
    queries = []
    for metric in question.metrics:
        of_metric = replace(question, metrics=(metric,))
        queries.append(await runner.run(partial(services.wall_query, of_metric, until_ms, wall_request.within_ms)))
    await runner.finish(WallQueries(queries), lease)
    if any(query.complete_from_ms > question.from_ms for query in queries):
        tag = None  # the next response may have more
    encode = to_binary if wall_request.is_binary else to_json
    media_type = BINARY if wall_request.is_binary else JSON

    def parts() -> Iterator[bytes]:
        return encode([answer(query, holdings, wall_request) for query in queries])

    return await response_from_parts(runner, parts, media_type, tag)


def tag_of(query: bytes, question: Question, services: Services, holdings: Holdings, now_ms: int) -> str | None:
    """Return the entity tag of the response, which also has names; None if it may still change. May block."""
    registered = filter(None, (holdings.series.find(key) for key in sorted(question.keys)))
    names = [
        (name_of(entry), entry.first_seen_ms, entry.series.pod_name, entry.series.namespace) for entry in registered
    ]
    return tag_of_response(query + repr(names).encode(), question, services.sources, holdings, now_ms)


def make_question(holdings: Holdings, wall_request: WallRequest, now_ms: int) -> Question:
    """Return the question for the cells of all metrics of a request. If there are too many series, it has the newest.

    Raises: Problem (404) if none of the requested series exists; Problem (400) if the range is empty.
    """
    oldest_ms = now_ms if holdings.oldest_ms is None else holdings.oldest_ms
    from_ms, to_ms = wall_request.span.resolve(now_ms, oldest_ms, holdings.tick_ms)
    columns, metrics = wall_request.columns, wall_request.metrics
    max_series = MAX_CELLS // (columns * len(metrics))
    if wall_request.ids is None:
        keys = _chosen(holdings, wall_request.filter, wall_request.rows, from_ms, to_ms)
    else:
        keys = [_key_of(name, holdings) for name in wall_request.ids]
    if wall_request.ids and not any(keys):
        detail = "an id from /api/containers, for a range in which it lived"
        raise unknown("containers", "series", wall_request.ids[0][:256], detail)
    is_open = wall_request.ids is None and wall_request.filter is None
    return Question(
        metrics=metrics,
        keys=frozenset(list(filter(None, keys))[:max_series]),
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=holdings.tick_ms,
        columns=columns,
        scopes=ADOPTED_SCOPES[wall_request.rows] if is_open else frozenset(),
        node_name=holdings.node_name,
        max_series=max_series,
        prefers_minutes=to_ms - from_ms >= columns * MIN_COLUMN_MS,
        rotation_ms=holdings.rotation_ms,
    )


def answer(query: WallQuery, holdings: Holdings, wall_request: WallRequest) -> tuple[dict[str, Any], list[WallRow]]:
    """Return the JSON value without the cells, and the rows with them. The steps of the query must be done."""
    rows = query.rows(lambda series: group_of(series, wall_request.rows))
    columns, kept = query.columns, rows[: wall_request.limit]
    (metric,) = query.question.metrics
    first = int(columns.at(np.array([query.complete_from_ms]))[0])
    end = int(columns.at(np.array([query.until_ms - 1]))[0]) + 1
    is_cut = query.is_cut or len(query.question.keys) == query.question.max_series
    facts = {
        "from_ms": columns.from_ms,
        "to_ms": columns.to_ms,
        "metric": metric.name,
        "unit": metric.unit,
        "by": wall_request.rows,
        "interval_ms": query.question.tick_ms,
        "resolution": "minutes" if query.has_minutes else "raw",
        "partial": is_cut or query.complete_from_ms > columns.from_ms or query.until_ms < columns.to_ms,
        "complete_from_ms": query.complete_from_ms,
        "skipped_files": query.skipped_files,
        "columns": columns.count,
        "first_column": first,
        "end_column": end,
        "total": len(rows),
        "rows": [_row(row, holdings, wall_request.rows) for row in kept],
    }
    return facts, kept


def to_json(answers: Sequence[tuple[dict[str, Any], list[WallRow]]]) -> Iterator[bytes]:
    """Yield the parts of the JSON answer to one metric, or of `walls`."""
    if len(answers) == 1:
        yield from _json_of(*answers[0])
        return
    for number, each in enumerate(answers):
        yield b", " if number else b'{"walls": ['
        yield from _json_of(*each)
    yield b"]}"


def _json_of(facts: dict[str, Any], rows: list[WallRow]) -> Iterator[bytes]:
    yield json.dumps({**facts, "rows": []})[:-2].encode()
    separator = ""
    for row_facts, row in zip(facts["rows"], rows, strict=True):
        cells = row.cells[facts["first_column"] : facts["end_column"]]
        values = [None if math.isnan(value) else round(value, DECIMALS) for value in cells.tolist()]
        yield f"{separator}{json.dumps({**row_facts, 'values': values})}".encode()
        separator = ", "
    yield b"]}"


def to_binary(answers: Sequence[tuple[dict[str, Any], list[WallRow]]]) -> Iterator[bytes]:
    """Yield the parts of the binary answer."""
    of_metrics = [facts for facts, _ in answers]
    header = json.dumps(of_metrics[0] if len(answers) == 1 else {"walls": of_metrics}).encode()
    yield len(header).to_bytes(4, "little") + header + bytes(-(4 + len(header)) % 8)
    for facts, rows in answers:
        for row in rows:
            yield row.cells[facts["first_column"] : facts["end_column"]].astype("<f4").tobytes()


def _row(row: WallRow, holdings: Holdings, rows: Rows) -> dict[str, Any]:
    newest, *others = [find_or_make(series, 0, holdings.series) for series in row.series]
    series = newest.series
    pods = {each.series.pod_name for each in (newest, *others)}
    is_workload = rows == "workload" and bool(series.pod_name and series.namespace)
    group = group_of(series, rows)
    return {
        "key": "/".join(name or "" for name in group) if isinstance(group, tuple) else newest.id,
        "id": newest.id,
        "ids": [newest.id, *(each.id for each in others)],
        "scope": series.scope,
        "name": name_of(newest),
        "workload": workload_name(series.pod_name) if is_workload and series.pod_name else None,
        "pod_name": series.pod_name if len(pods) == 1 else None,
        "namespace": series.namespace,
        "first_seen_ms": min(each.first_seen_ms for each in (newest, *others)),
        "samples": row.count,
        "use": round(row.use, DECIMALS),
        "max": round(row.max, DECIMALS),
        "max_ms": row.max_ms,
    }


def _chosen(
    holdings: Holdings, series_filter: SeriesFilter | None, rows: Rows, from_ms: int, to_ms: int
) -> list[str | None]:
    """Return the keys of the series that have a row: leaves, or pods and the leaves that are in none."""
    snapshot = holdings.series
    entries = [entry for entry in snapshot.by_id.values() if snapshot.is_within(entry, from_ms, to_ms)]
    if series_filter is None or not series_filter.scopes:
        leaves = leaf_keys(entry.series for entry in entries)

        def has_row(entry: RegisteredSeries) -> bool:
            if rows == "pod":
                return entry.series.scope == "pod" or (entry.series.key in leaves and not _is_in_pod(entry.series))
            return entry.series.key in leaves

        entries = list(filter(has_row, entries))
    if series_filter is not None:
        entries = [entry for entry in entries if passes(entry, series_filter, labels_of(entry, holdings))]
    return [entry.series.key for entry in entries]


def _is_in_pod(series: Series) -> bool:
    return series.scope == "container" and series.pod_uid is not None


def _key_of(name: str, holdings: Holdings) -> str | None:
    registered = holdings.series.find(name)
    if registered is not None:
        return registered.series.key
    return name if name in {"node", "outside"} or name.startswith(("pod:", "cgroup:")) else None
