"""Turns what is known and what was asked into the JSON of each answer. Synchronous; for worker threads."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import numpy as np

from fgm import __version__
from fgm.metrics.derived import SHOWN, Shown
from fgm.metrics.rates import Floats, gap_ms
from fgm.viewer.library import Holdings
from fgm.viewer.parameters import MAX_SERIES, ContainersParameters, TimeseriesParameters
from fgm.viewer.problems import Problem, unknown
from fgm.viewer.query import AnsweredSeries, Query, Question
from fgm.viewer.reduce import KEPT_PER_COLUMN
from fgm.viewer.register import KnownSeries

RAW_TICKS = 3600
"""A range of so many ticks is answered with every sample."""
MAX_SAMPLES = 3_000_000
"""So many samples fit into one answer, and into the memory for it."""
DEFAULT_SCOPES = frozenset({"container", "node"})
HIDDEN_SCOPES = frozenset({"sandbox"})
"""Listed only when asked for: a pod's sandbox does nothing."""
FRESH_MS = 10_000
"""When the newest data is older than this, nothing is known to be alive."""
DECIMALS = 6


def instance(holdings: Holdings, now_ms: int) -> dict[str, Any]:
    """Return the answer of /api/instance."""
    header = holdings.header
    return {
        "node_name": None if header is None else header.node_name,
        "identifier": None if header is None else header.identifier,
        "cluster_name": None if header is None else header.cluster_name,
        "now_ms": now_ms,
        "interval_ms": holdings.tick_ms,
        "version": __version__,
    }


def metrics(holdings: Holdings) -> dict[str, Any]:
    """Return the answer of /api/metrics: those that have a value anywhere."""
    there = holdings.metrics
    return {"metrics": [_metric(metric) for metric in SHOWN.values() if there.issuperset(metric.needs)]}


def containers(holdings: Holdings, asked: ContainersParameters, now_ms: int) -> dict[str, Any]:
    """Return the answer of /api/containers."""
    alive_from_ms = _alive_from_ms(holdings, now_ms)
    known = holdings.registered.by_id.values()
    if asked.span is not None:
        from_ms, to_ms = asked.span.resolve(now_ms, holdings.oldest_ms or 0, holdings.tick_ms)
        known = (k for k in known if k.first_seen_ms < to_ms and k.last_seen_ms >= from_ms)
    listed = [_container(k, alive_from_ms) for k in known if _is_asked(k, asked)]
    return {"total": len(listed), "containers": listed}


def question(holdings: Holdings, asked: TimeseriesParameters, now_ms: int) -> Question:
    """Return what a query has to look for. Raises Problem on an unknown series, or where it would be too much."""
    tick_ms = holdings.tick_ms
    oldest_ms = now_ms if holdings.oldest_ms is None else holdings.oldest_ms
    from_ms, to_ms = asked.span.resolve(now_ms, oldest_ms, tick_ms)
    ticks = (min(to_ms, now_ms + tick_ms) - max(from_ms, oldest_ms)) // tick_ms
    columns = asked.points if ticks > RAW_TICKS else None
    if asked.ids is None:
        keys, prefixes = _overlapping(holdings, from_ms, to_ms), ()
    else:
        keys, prefixes = _resolved(holdings, asked.ids)
    each = max(0, ticks) if columns is None else min(ticks, KEPT_PER_COLUMN * columns)
    if each * len(asked.metrics) * len(keys) > MAX_SAMPLES:
        detail = (
            f"{len(keys)} series of {len(asked.metrics)} metrics are more samples than fit into one answer"
        )
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            detail,
            parameter="containers",
            allowed=f"{MAX_SAMPLES} samples: ask for less",
        )
    return Question(
        metrics=asked.metrics,
        keys=keys,
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=tick_ms,
        columns=columns,
        scopes=DEFAULT_SCOPES if asked.ids is None else frozenset(),
        prefixes=prefixes,
    )


def timeseries(query: Query, holdings: Holdings, asked: TimeseriesParameters) -> list[bytes]:
    """Return the parts of the answer of /api/timeseries. Raises Problem where an asked series is nowhere."""
    answered = query.answer()
    _require_all(query, holdings, answered, asked.ids)
    facts = {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "interval_ms": query.question.tick_ms,
        "resolution": "raw" if query.question.columns is None else "m4",
        "partial": query.is_cut,
        "skipped_files": query.skipped_files,
    }
    series = (part for one in answered for part in _lines(one, query.question.metrics, holdings))
    return [json.dumps(facts)[:-1].encode(), b', "series": [', *_by_comma(series), b"]}"]


def _metric(metric: Shown) -> dict[str, str]:
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "kind": metric.kind,
        "source": metric.source,
        "help": metric.help,
    }


def _container(known: KnownSeries, alive_from_ms: int) -> dict[str, Any]:
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
        "first_seen_ms": known.first_seen_ms,
        "last_seen_ms": known.last_seen_ms,
        "alive": known.last_seen_ms >= alive_from_ms,
    }


def name_of(known: KnownSeries) -> str:
    """Return what a person calls a series."""
    series = known.series
    match series.scope:
        case "node":
            return series.node_name or "node"
        case "cgroup":
            return (series.cgroup or known.id).rstrip("/").rpartition("/")[2] or "/"
        case "pod":
            return series.pod_name or f"pod {(series.pod_uid or known.id)[:8]}"
        case _:
            return series.container_name or series.pod_name or known.id


def _alive_from_ms(holdings: Holdings, now_ms: int) -> int:
    newest_ms = holdings.newest_ms or 0
    if now_ms - newest_ms > max(FRESH_MS, 5 * holdings.tick_ms):
        return now_ms
    return newest_ms - round(gap_ms(holdings.tick_ms))


def _is_asked(known: KnownSeries, asked: ContainersParameters) -> bool:
    series = known.series
    if asked.scopes:
        if series.scope not in asked.scopes:
            return False
    elif series.scope in HIDDEN_SCOPES:
        return False
    if asked.namespaces and series.namespace not in asked.namespaces:
        return False
    if asked.qos_classes and series.qos_class not in asked.qos_classes:
        return False
    if not asked.words:
        return True
    names = (
        known.id,
        name_of(known),
        series.container_id,
        series.container_name,
        series.pod_name,
        series.namespace,
    )
    text = "\n".join(filter(None, (*names, series.pod_uid, series.runtime, series.cgroup))).lower()
    return all(word in text for word in asked.words)


def _overlapping(holdings: Holdings, from_ms: int, to_ms: int) -> frozenset[str]:
    """Return the keys of the newest containers, and of the node, that were seen in a range."""
    keys = [
        known.series.key
        for known in holdings.registered.by_id.values()
        if known.series.scope in DEFAULT_SCOPES
        and known.first_seen_ms < to_ms
        and known.last_seen_ms >= from_ms
    ]
    return frozenset(["node", *keys][:MAX_SERIES])


def _resolved(holdings: Holdings, ids: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the keys that ids stand for, and ids that only the files may know."""
    keys, prefixes = set(), []
    for name in ids:
        known = holdings.registered.by_id.get(name) or holdings.registered.known(name)
        if known is not None:
            keys.add(known.series.key)
        elif name == "node" or name.startswith(("pod:", "cgroup:")):
            keys.add(name)
        elif len(name) >= 12 and set(name) <= set("0123456789abcdef"):
            prefixes.append(name)
        else:
            raise _no_series(name)
    return frozenset(keys), tuple(prefixes)


def _require_all(
    query: Query, holdings: Holdings, answered: list[AnsweredSeries], ids: tuple[str, ...] | None
) -> None:
    found = {one.series.key for one in answered}
    for name in ids or ():
        registered = holdings.registered
        is_known = name in registered.by_id or registered.known(name) is not None
        if not is_known and name not in found and name not in query.found_prefixes:
            raise _no_series(name)


def _no_series(name: str) -> Problem:
    return unknown("containers", name[:256], "an id from /api/containers, for a range in which it lived")


def _lines(one: AnsweredSeries, metrics: tuple[Shown, ...], holdings: Holdings) -> Iterator[bytes]:
    known = holdings.registered.known(one.series.key)
    name, life = (known.id, known.life) if known is not None else (_unlisted_id(one), 1)
    last_time_ms, times = None, ""
    for metric, line in zip(metrics, one.lines, strict=True):
        time_ms, values = line.joined()
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
    is_null = np.isnan(values)
    plain: list[Any]
    if not is_null.any() and (values == np.floor(values)).all() and (np.abs(values) < 2**53).all():
        plain = values.astype(np.int64).tolist()
    else:
        plain = [
            None if value != value else int(value) if value.is_integer() else value  # noqa: PLR0124 - NaN
            for value in values.tolist()
        ]
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def _by_comma(parts: Iterator[bytes]) -> Iterator[bytes]:
    for number, part in enumerate(parts):
        yield b", " + part if number else part
