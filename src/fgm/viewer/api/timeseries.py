"""From the parameters of /api/timeseries to a question, and to its answer. For worker threads."""

from collections.abc import Iterator
from http import HTTPStatus

from fgm.store.samples.series import Scope
from fgm.viewer.api.request.parsing import TimeseriesParameters
from fgm.viewer.api.response import encoding
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import SeriesFilter, labels_of, passes
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.m4 import KEPT_PER_COLUMN
from fgm.viewer.query.partial_query import PartedQuery
from fgm.viewer.query.query import MAX_SERIES, MOST_PER_COLUMN, AnsweredSeries, Line, Query, Question
from fgm.viewer.web.problems import Problem, unknown

RAW_TICKS = 3600
"""A range of so many ticks is answered with every sample."""
MAX_SAMPLES = 2_000_000
"""So many samples fit into one answer, and into the memory for it."""
DEFAULT_SCOPES: frozenset[Scope] = frozenset({"container", "node"})


def question(holdings: Holdings, asked: TimeseriesParameters, now_ms: int) -> Question:
    """Return what a query has to look for. Raises Problem on an unknown series, and on too much."""
    tick_ms = holdings.tick_ms
    oldest_ms = now_ms if holdings.oldest_ms is None else holdings.oldest_ms
    from_ms, to_ms = asked.span.resolve(now_ms, oldest_ms, tick_ms)
    ticks = (min(to_ms, now_ms + tick_ms) - max(from_ms, oldest_ms)) // tick_ms
    columns = asked.points if ticks > RAW_TICKS and not asked.is_raw else None
    prefixes: tuple[str, ...] = ()
    if asked.ids is None:
        keys = _chosen(holdings, asked.filter, from_ms, to_ms)
    else:
        keys, prefixes = _resolved(holdings, asked.ids)
    each = max(0, ticks) if columns is None else min(ticks, KEPT_PER_COLUMN * columns)
    if each * len(asked.metrics) * len(keys) > MAX_SAMPLES:
        detail = f"{len(keys)} series of {len(asked.metrics)} metrics are more samples than fit into one answer"
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            detail,
            parameter="containers",
            allowed=f"{MAX_SAMPLES} samples: ask for less",
        )
    held = each if columns is None else min(ticks, MOST_PER_COLUMN * columns)
    return Question(
        metrics=asked.metrics,
        keys=keys,
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=tick_ms,
        columns=columns,
        scopes=DEFAULT_SCOPES if asked.ids is None and asked.filter is None else frozenset(),
        prefixes=prefixes,
        node_name=holdings.node_name,
        line_samples=max(0, held),
        most_series=min(MAX_SERIES, MAX_SAMPLES // max(1, each * len(asked.metrics))),
    )


def answer(query: Query[Line] | PartedQuery, holdings: Holdings, asked: TimeseriesParameters) -> Iterator[bytes]:
    """Return the answer of /api/timeseries, made as it is read. Raises Problem where no asked series is known."""
    answered = query.answer()
    missing = _missing(query, holdings, answered, asked.ids)
    facts = {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "interval_ms": query.question.tick_ms,
        "resolution": "raw" if query.question.columns is None else "m4",
        "partial": query.is_cut or query.complete_from_ms > query.question.from_ms,
        "complete_from_ms": query.complete_from_ms,
        "skipped_files": query.skipped_files,
        "unknown": missing,
    }
    lines = encoding.named(answered, query.question.metrics, holdings)
    return encoding.to_binary(facts, lines) if asked.is_binary else encoding.to_json(facts, lines)


def _chosen(holdings: Holdings, wanted: SeriesFilter | None, from_ms: int, to_ms: int) -> frozenset[str]:
    """Return the keys of the newest series that were seen in a range and pass; without a filter of what is shown first.

    That is the containers, and the node.
    """
    registered = holdings.series

    def is_chosen(known: RegisteredSeries) -> bool:
        if wanted is None:
            return known.series.scope in DEFAULT_SCOPES
        return passes(known, wanted, labels_of(known, holdings))

    keys = [k.series.key for k in registered.by_id.values() if registered.is_within(k, from_ms, to_ms) and is_chosen(k)]
    return frozenset((keys if wanted is not None else ["node", *keys])[:MAX_SERIES])


def _resolved(holdings: Holdings, ids: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the keys that ids stand for, and ids that only the files may know. Raises Problem where there are none."""
    keys, prefixes = set(), []
    for name in ids:
        known = holdings.series.find(name)
        if known is not None:
            keys.add(known.series.key)
        elif name == "node" or name.startswith(("pod:", "cgroup:")):
            keys.add(name)
        elif len(name) >= 12 and set(name) <= set("0123456789abcdef"):
            prefixes.append(name)
    if not keys and not prefixes:
        raise _no_series(ids[0])
    return frozenset(keys), tuple(prefixes)


def _missing(
    query: Query[Line] | PartedQuery,
    holdings: Holdings,
    answered: list[AnsweredSeries[Line]],
    ids: tuple[str, ...] | None,
) -> list[str]:
    """Return the asked ids that nothing is known of. Raises Problem where these are all."""
    found = query.found_prefixes.keys() | {one.series.key for one in answered}
    missing = [name for name in ids or () if name not in found and holdings.series.find(name) is None]
    if ids and len(missing) == len(ids):
        raise _no_series(missing[0])
    return missing


def _no_series(name: str) -> Problem:
    return unknown("containers", "series", name[:256], "an id from /api/containers, for a range in which it lived")
