"""From the parameters of /api/timeseries to a question, and from its answer to JSON. For worker threads."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import numpy as np

from fgm.metrics.derived import Shown
from fgm.metrics.rates import Floats
from fgm.store.series import Scope
from fgm.viewer.library import Holdings
from fgm.viewer.parameters import TimeseriesParameters
from fgm.viewer.problems import Problem, unknown
from fgm.viewer.query import MAX_SERIES, MOST_PER_COLUMN, AnsweredSeries, Query, Question
from fgm.viewer.reduce import KEPT_PER_COLUMN

RAW_TICKS = 3600
"""A range of so many ticks is answered with every sample."""
MAX_SAMPLES = 2_000_000
"""So many samples fit into one answer, and into the memory for it."""
DEFAULT_SCOPES: frozenset[Scope] = frozenset({"container", "node"})
DECIMALS = 6
EXACT = 2.0**53
"""Whole numbers below this are what they say."""


def question(holdings: Holdings, asked: TimeseriesParameters, now_ms: int) -> Question:
    """Return what a query has to look for. Raises Problem on an unknown series, and on too much."""
    tick_ms = holdings.tick_ms
    oldest_ms = now_ms if holdings.oldest_ms is None else holdings.oldest_ms
    from_ms, to_ms = asked.span.resolve(now_ms, oldest_ms, tick_ms)
    ticks = (min(to_ms, now_ms + tick_ms) - max(from_ms, oldest_ms)) // tick_ms
    columns = asked.points if ticks > RAW_TICKS else None
    prefixes: tuple[str, ...] = ()
    if asked.ids is None:
        keys = _overlapping(holdings, from_ms, to_ms)
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
        scopes=DEFAULT_SCOPES if asked.ids is None else frozenset(),
        prefixes=prefixes,
        node_name=holdings.node_name,
        line_samples=max(0, held),
        most_series=min(MAX_SERIES, MAX_SAMPLES // max(1, each * len(asked.metrics))),
    )


def answer(query: Query, holdings: Holdings, asked: TimeseriesParameters) -> Iterator[bytes]:
    """Return the answer of /api/timeseries, made as it is read. Raises Problem where no asked series is known."""
    answered = query.answer()
    missing = _missing(query, holdings, answered, asked.ids)
    facts = {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "interval_ms": query.question.tick_ms,
        "resolution": "raw" if query.question.columns is None else "m4",
        "partial": query.is_cut,
        "skipped_files": query.skipped_files,
        "unknown": missing,
    }
    return _encoded(facts, answered, query.question.metrics, holdings)


def take(parts: Iterator[bytes], size: int) -> bytes:
    """Return the next parts, joined: at least `size` bytes where there are so many, none at the end."""
    taken: list[bytes] = []
    while size > 0 and (part := next(parts, None)) is not None:
        taken.append(part)
        size -= len(part)
    return b"".join(taken)


def _encoded(
    facts: dict[str, Any], answered: list[AnsweredSeries], metrics: tuple[Shown, ...], holdings: Holdings
) -> Iterator[bytes]:
    yield json.dumps(facts)[:-1].encode() + b', "series": ['
    separator = b""
    for one in answered:
        for part in _lines(one, metrics, holdings):
            yield separator + part
            separator = b", "
    yield b"]}"


def _overlapping(holdings: Holdings, from_ms: int, to_ms: int) -> frozenset[str]:
    """Return the keys of the newest containers, and of the node, that were seen in a range."""
    registered = holdings.registered
    keys = [
        known.series.key
        for known in registered.by_id.values()
        if known.series.scope in DEFAULT_SCOPES and registered.is_within(known, from_ms, to_ms)
    ]
    return frozenset(["node", *keys][:MAX_SERIES])


def _resolved(holdings: Holdings, ids: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the keys that ids stand for, and ids that only the files may know. Raises Problem where there are none."""
    keys, prefixes = set(), []
    for name in ids:
        known = holdings.registered.find(name)
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
    query: Query, holdings: Holdings, answered: list[AnsweredSeries], ids: tuple[str, ...] | None
) -> list[str]:
    """Return the asked ids that nothing is known of. Raises Problem where these are all."""
    found = query.found_prefixes.keys() | {one.series.key for one in answered}
    missing = [name for name in ids or () if name not in found and holdings.registered.find(name) is None]
    if ids and len(missing) == len(ids):
        raise _no_series(missing[0])
    return missing


def _no_series(name: str) -> Problem:
    return unknown("containers", "series", name[:256], "an id from /api/containers, for a range in which it lived")


def _lines(one: AnsweredSeries, metrics: tuple[Shown, ...], holdings: Holdings) -> Iterator[bytes]:
    known = holdings.registered.find(one.series.key)
    name, life = (known.id, known.life) if known is not None else (_unlisted_id(one), 1)
    last_time_ms, times = None, ""
    for metric, line in zip(metrics, one.lines, strict=True):
        time_ms, values = line.joined()
        line.clear()
        if last_time_ms is None or not np.array_equal(last_time_ms, time_ms):
            last_time_ms, times = time_ms, json.dumps(time_ms.tolist(), separators=(",", ":"))
        facts = json.dumps({"id": name, "metric": metric.name, "unit": metric.unit, "life": life})
        yield f'{facts[:-1]}, "t_ms": {times}, "value": {_numbers(values)}}}'.encode()


def _unlisted_id(one: AnsweredSeries) -> str:
    key = one.series.key
    return key[:12] if key == one.series.container_id else key


def _numbers(values: Floats) -> str:
    """Return a JSON array: null for NaN, whole numbers without a point, others with six decimals at most."""
    values = np.round(values, DECIMALS)
    is_whole = (values == np.floor(values)) & (np.abs(values) < EXACT)
    plain: list[Any] = values.tolist()
    if is_whole.all():
        plain = values.astype(np.int64).tolist()
    else:
        for place in np.flatnonzero(is_whole).tolist():
            plain[place] = int(plain[place])
        for place in np.flatnonzero(~np.isfinite(values)).tolist():
            plain[place] = None
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)
