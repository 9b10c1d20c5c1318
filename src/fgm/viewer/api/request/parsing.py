"""Parses and checks the query strings of all paths.

The functions are pure: they read neither the clock nor the data. `Span.resolve` applies the current time later.
"""

from typing import TYPE_CHECKING, cast, get_args

from fgm.metrics.derived import ShownMetric
from fgm.metrics.labelled import LABELLED
from fgm.metrics.shown import find
from fgm.store.events.event import KINDS
from fgm.store.samples.series import Scope
from fgm.viewer.api.request import parameters, times
from fgm.viewer.api.request.parameters import MAX_METRICS, MAX_STUDIED, MAX_TEXT, TAKES, Parameter
from fgm.viewer.api.request.query_string import Fields, split, value_of, values_of
from fgm.viewer.api.request.requests import (
    ChangesRequest,
    ContainersRequest,
    EventsRequest,
    ExportRequest,
    FindingsRequest,
    LabelledRequest,
    ProcessesRequest,
    Span,
    StudiesRequest,
    TimeseriesRequest,
    TopRequest,
    WallRequest,
)
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.packs.redaction import rules
from fgm.viewer.packs.redaction.rules import Rules
from fgm.viewer.query.question import MAX_SERIES
from fgm.viewer.web.problems import bad_parameter, unknown

if TYPE_CHECKING:
    from fgm.viewer.query.processes.usage import By
    from fgm.viewer.query.wall.grouping import Rows


def timeseries(query: bytes) -> TimeseriesRequest:
    """Parse the query string of /api/timeseries.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/timeseries"])
    metrics = _metrics(fields)
    if not metrics:
        raise bad_parameter(
            "metric", "the request names no metric", f"1 to {MAX_METRICS} names from /api/metrics, separated by commas"
        )
    ids, chosen = _ids_or_filter(fields)
    points = _whole_number(fields, parameters.POINTS)
    is_raw = _choice(fields, parameters.RAW) == "1"
    is_binary = _choice(fields, parameters.FORMAT) == "binary"
    within_ms = _whole_number(fields, parameters.WITHIN)
    is_mean = _choice(fields, parameters.REDUCE) == "mean"
    if is_mean and (is_raw or within_ms):
        raise bad_parameter("reduce", "a mean is that of all samples", "extremes with `raw` or `within_ms`")
    return TimeseriesRequest(metrics, ids, times.span(fields), points, is_raw, is_binary, within_ms, chosen, is_mean)


def containers(query: bytes) -> ContainersRequest:
    """Parse the query string of /api/containers.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/containers"])
    if "since" in fields:
        if len(fields) > 1:
            others = ", ".join(name for name in fields if name != "since")
            raise bad_parameter("since", f"the request also has {others}", "a token alone, or no token")
        return ContainersRequest(since=_short_text(fields, "since"))
    metrics = _metrics(fields)
    has_span = bool(metrics) or not fields.keys().isdisjoint(("range", "from", "to"))
    return ContainersRequest(_filter(fields), times.span(fields) if has_span else None, metrics)


def top(query: bytes) -> TopRequest:
    """Parse the query string of /api/top.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/top"])
    metrics = _metrics(fields)
    if len(metrics) != 1:
        raise bad_parameter("metric", f"the request names {len(metrics)} metrics", "one name from /api/metrics")
    limit = _whole_number(fields, parameters.MAX_RANKED)
    parts = _whole_number(fields, parameters.PARTS)
    span = times.span(fields)
    return TopRequest(metrics[0], _filter(fields), span, _choice(fields, parameters.BY), limit, parts)


def wall(query: bytes) -> WallRequest:
    """Parse the query string of /api/wall.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/wall"])
    metrics = _metrics(fields)
    if len(metrics) != 1:
        raise bad_parameter("metric", f"the request names {len(metrics)} metrics", "one name from /api/metrics")
    ids, chosen = _ids_or_filter(fields)
    return WallRequest(
        metrics[0],
        ids,
        chosen,
        times.span(fields),
        _whole_number(fields, parameters.COLUMNS),
        cast("Rows", _choice(fields, parameters.ROWS)),
        _whole_number(fields, parameters.MAX_WALL_ROWS),
        times.instant_ms("until", value_of(fields, "until")) if "until" in fields else None,
        _whole_number(fields, parameters.WITHIN),
        _choice(fields, parameters.FORMAT) == "binary",
    )


def changes(query: bytes) -> ChangesRequest:
    """Parse the query string of /api/changes.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/changes"])
    against_ms = times.instant_ms("against", value_of(fields, "against")) if "against" in fields else None
    pairs = tuple(map(_pair, values_of(fields, "pairs")))
    if pairs and against_ms is None:
        raise bad_parameter("pairs", "pairs are of two ranges", "pairs together with against")
    return ChangesRequest(times.span(fields), _whole_number(fields, parameters.MAX_RANKED), against_ms, pairs)


def findings(query: bytes) -> FindingsRequest:
    """Parse the query string of /api/findings.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/findings"])
    return FindingsRequest(times.span(fields), _whole_number(fields, parameters.MAX_FINDINGS))


def studies(query: bytes) -> StudiesRequest:
    """Parse the query string of /api/studies.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/studies"])
    name = value_of(fields, "study")
    if name not in STUDIES:
        raise bad_parameter("study", f"there is no study {name[:MAX_TEXT]!r}", " or ".join(STUDIES))
    metrics, ids = _metrics(fields), values_of(fields, "containers")
    if len(metrics) != 1:
        raise bad_parameter("metric", f"the request names {len(metrics)} metrics", "one name from /api/metrics")
    if not 1 <= len(ids) <= MAX_STUDIED:
        allowed = f"1 to {MAX_STUDIED} ids from /api/containers, separated by commas"
        raise bad_parameter("containers", f"the request names {len(ids)} series", allowed)
    return StudiesRequest(name, metrics[0], ids, times.span(fields))


def processes(query: bytes) -> ProcessesRequest:
    """Parse the query string of /api/processes.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/processes"])
    series_id = value_of(fields, "id", "node")
    if not series_id:
        raise bad_parameter("id", "the id is empty", "an id from /api/containers")
    at_ms, span = _instant_or_span(fields)
    return ProcessesRequest(
        series_id,
        at_ms,
        span,
        cast("By", _choice(fields, parameters.BY_USE)),
        _whole_number(fields, parameters.MAX_LISTED),
        _whole_number(fields, parameters.LINE_POINTS),
    )


def labelled(query: bytes) -> LabelledRequest:
    """Parse the query string of /api/labelled.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/labelled"])
    name = value_of(fields, "metric")
    if not name:
        raise bad_parameter("metric", "the request names no metric", ", ".join(sorted(LABELLED)))
    if name not in LABELLED:
        raise unknown("metric", "labelled metric", name[:MAX_TEXT], ", ".join(sorted(LABELLED)))
    at_ms, span = _instant_or_span(fields)
    ids = _ids(fields)
    return LabelledRequest(
        LABELLED[name], ("node",) if ids is None else ids, at_ms, span, _whole_number(fields, parameters.LINE_POINTS)
    )


def events(query: bytes) -> EventsRequest:
    """Parse the query string of /api/events.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/events"])
    ids = _ids(fields)
    kinds = values_of(fields, "kind")
    for kind in kinds:
        if kind not in KINDS:
            raise bad_parameter("kind", f"there is no kind {kind[:MAX_TEXT]!r}", ", ".join(sorted(KINDS)))
    limit = _whole_number(fields, parameters.MAX_EVENTS)
    return EventsRequest(times.span(fields), ids, frozenset(kinds), limit)


def export(query: bytes) -> ExportRequest:
    """Parse the query string of /api/export.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/export"])
    view = value_of(fields, "view")
    if len(view) > parameters.MAX_VIEW:
        raise bad_parameter("view", f"the view has {len(view)} characters", f"at most {parameters.MAX_VIEW} characters")
    return ExportRequest(
        times.span(fields),
        _choice(fields, parameters.EXPORT_FORMAT),
        _metrics(fields, parameters.MAX_EXPORTED),
        *_ids_or_filter(fields),
        view,
        _rules(fields),
        _choice(fields, parameters.PREVIEW) == "1",
    )


def instant_ms(text: str, newest_ms: int) -> int:
    """Return the instant in the path /at/<time>, in ms since 1970. `newest_ms`: the newest tick, which `now` means.

    Raises: Problem (400) if the text is not an instant.
    """
    return newest_ms if text == "now" else times.instant_ms("time", text)


def no_parameters(query: bytes) -> None:
    """Check that a query string is empty, for a path that accepts no parameters.

    Raises: Problem (400) if it has a parameter.
    """
    split(query, allowed=())


def _ids(fields: Fields) -> tuple[str, ...] | None:
    if "containers" not in fields:
        return None
    ids = values_of(fields, "containers")
    if not 1 <= len(ids) <= MAX_SERIES:
        allowed = f"1 to {MAX_SERIES} ids from /api/containers, separated by commas"
        raise bad_parameter("containers", f"the request names {len(ids)} series", allowed)
    return ids


def _ids_or_filter(fields: Fields) -> tuple[tuple[str, ...] | None, SeriesFilter | None]:
    """Return the ids of the request, or its filter; None for what it does not have."""
    ids, series_filter = _ids(fields), _filter(fields)
    if series_filter == SeriesFilter():
        return ids, None
    if ids is not None:
        raise bad_parameter("containers", "the request chooses series by id and by a filter", "either ids or a filter")
    return None, series_filter


def _instant_or_span(fields: Fields) -> tuple[int | None, Span | None]:
    """Return the instant, or None for now, and the range, or None for an instant."""
    has_span = not fields.keys().isdisjoint(("range", "from", "to"))
    if has_span and "at" in fields:
        raise bad_parameter("at", "at cannot be combined with a range", "either at, or range, from and to")
    at_ms = times.instant_ms("at", value_of(fields, "at")) if "at" in fields else None
    return at_ms, times.span(fields) if has_span else None


def _metrics(fields: Fields, most: int = MAX_METRICS) -> tuple[ShownMetric, ...]:
    names = values_of(fields, "metric")
    if len(names) > most:
        raise bad_parameter("metric", f"the request names {len(names)} metrics", f"at most {most}")
    return tuple({metric.name: metric for metric in map(_metric, names)}.values())


def _rules(fields: Fields) -> Rules:
    texts = values_of(fields, "redact")
    try:
        return rules.parse(texts)
    except ValueError as error:
        raise bad_parameter("redact", str(error), rules.ALLOWED) from error


def _short_text(fields: Fields, name: str) -> str:
    text = value_of(fields, name)
    if len(text) > MAX_TEXT:
        raise bad_parameter(name, f"the value has {len(text)} characters", f"at most {MAX_TEXT} characters")
    return text


def _filter(fields: Fields) -> SeriesFilter:
    search = _short_text(fields, "search")
    return SeriesFilter(
        words=tuple(search.lower().split()),
        scopes=frozenset(map(_scope, values_of(fields, "scope"))),
        namespaces=frozenset(values_of(fields, "namespace")),
        qos_classes=frozenset(values_of(fields, "qos_class")),
        labels=frozenset(map(_label, values_of(fields, "labels"))),
    )


def _metric(name: str) -> ShownMetric:
    metric = find(name)
    if metric is None:
        raise unknown("metric", "metric", name[:MAX_TEXT], "a name from /api/metrics")
    return metric


def _scope(name: str) -> Scope:
    if name not in get_args(Scope):
        raise bad_parameter("scope", f"there is no scope {name[:MAX_TEXT]!r}", ", ".join(get_args(Scope)))
    return cast("Scope", name)


def _pair(text: str) -> tuple[str, str]:
    first, tilde, second = text.partition("~")
    if not (first and tilde and second):
        raise bad_parameter("pairs", f"{text[:MAX_TEXT]!r} is not a pair", "ID~ID; separate several with commas")
    return first, second


def _label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise bad_parameter("labels", f"{text[:MAX_TEXT]!r} is not a label", "name:value; separate several with commas")
    return name, value


def _choice(fields: Fields, parameter: Parameter) -> str:
    name, allowed = parameter.name, parameter.schema["enum"]
    text = value_of(fields, name, parameter.schema["default"])
    if text not in allowed:
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", " or ".join(allowed))
    return text


def _whole_number(fields: Fields, parameter: Parameter) -> int:
    name, least, most = parameter.name, parameter.schema["minimum"], parameter.schema["maximum"]
    text = value_of(fields, name, str(parameter.schema["default"]))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", f"a whole number from {least} to {most}")
    return int(text)
