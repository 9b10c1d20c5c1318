"""Parses and checks the query strings of all paths.

The functions are pure: they read neither the clock nor the data. `Span.resolve` applies the current time later.
"""

from typing import TYPE_CHECKING, cast

from fgm.metrics.labelled import LABELLED
from fgm.store.events.event import KINDS
from fgm.viewer.api.request import parameters, times, values
from fgm.viewer.api.request.parameters import MAX_STUDIED, MAX_TEXT, TAKES
from fgm.viewer.api.request.query_string import split, value_of, values_of
from fgm.viewer.api.request.requests import (
    ChangesRequest,
    ContainersRequest,
    EventsRequest,
    ExportRequest,
    FindingsRequest,
    LabelledRequest,
    ProcessesRequest,
    StudiesRequest,
    TimeseriesRequest,
    TopRequest,
    WallRequest,
)
from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.web.problems import bad_parameter, unknown

if TYPE_CHECKING:
    from fgm.viewer.query.processes.usage import By
    from fgm.viewer.query.wall.grouping import Rows


def timeseries(query: bytes) -> TimeseriesRequest:
    """Parse the query string of /api/timeseries.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/timeseries"])
    metrics = values.named_metrics(fields)
    ids, chosen = values.ids_or_filter(fields)
    points = values.whole_number(fields, parameters.POINTS)
    is_raw = values.choice(fields, parameters.RAW) == "1"
    is_binary = values.choice(fields, parameters.FORMAT) == "binary"
    within_ms = values.whole_number(fields, parameters.WITHIN)
    is_mean = values.choice(fields, parameters.REDUCE) == "mean"
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
        return ContainersRequest(since=values.short_text(fields, "since"))
    metrics = values.metrics(fields)
    has_span = bool(metrics) or not fields.keys().isdisjoint(("range", "from", "to"))
    return ContainersRequest(values.series_filter(fields), times.span(fields) if has_span else None, metrics)


def top(query: bytes) -> TopRequest:
    """Parse the query string of /api/top.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/top"])
    metrics = values.named_metrics(fields)
    limit = values.whole_number(fields, parameters.MAX_RANKED)
    parts = values.whole_number(fields, parameters.PARTS)
    if len(metrics) > 1 and parts:  # peaks take most of the memory
        raise bad_parameter("parts", f"the request has peaks, and names {len(metrics)} metrics", "parts of one metric")
    span = times.span(fields)
    return TopRequest(metrics, values.series_filter(fields), span, values.choice(fields, parameters.BY), limit, parts)


def wall(query: bytes) -> WallRequest:
    """Parse the query string of /api/wall.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/wall"])
    ids, chosen = values.ids_or_filter(fields)
    return WallRequest(
        values.named_metrics(fields),
        ids,
        chosen,
        times.span(fields),
        values.whole_number(fields, parameters.COLUMNS),
        cast("Rows", values.choice(fields, parameters.ROWS)),
        values.whole_number(fields, parameters.MAX_WALL_ROWS),
        times.instant_ms("until", value_of(fields, "until")) if "until" in fields else None,
        values.whole_number(fields, parameters.WITHIN),
        values.choice(fields, parameters.FORMAT) == "binary",
    )


def changes(query: bytes) -> ChangesRequest:
    """Parse the query string of /api/changes.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/changes"])
    against_ms = times.instant_ms("against", value_of(fields, "against")) if "against" in fields else None
    pairs = tuple(map(values.pair, values_of(fields, "pairs")))
    if pairs and against_ms is None:
        raise bad_parameter("pairs", "pairs are of two ranges", "pairs together with against")
    return ChangesRequest(times.span(fields), values.whole_number(fields, parameters.MAX_RANKED), against_ms, pairs)


def findings(query: bytes) -> FindingsRequest:
    """Parse the query string of /api/findings.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/findings"])
    return FindingsRequest(times.span(fields), values.whole_number(fields, parameters.MAX_FINDINGS))


def studies(query: bytes) -> StudiesRequest:
    """Parse the query string of /api/studies.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/studies"])
    name = value_of(fields, "study")
    if name not in STUDIES:
        raise bad_parameter("study", f"there is no study {name[:MAX_TEXT]!r}", " or ".join(STUDIES))
    metric, ids = values.one_metric(fields), values_of(fields, "containers")
    if not 1 <= len(ids) <= MAX_STUDIED:
        allowed = f"1 to {MAX_STUDIED} ids from /api/containers, separated by commas"
        raise bad_parameter("containers", f"the request names {len(ids)} series", allowed)
    return StudiesRequest(name, metric, ids, times.span(fields))


def processes(query: bytes) -> ProcessesRequest:
    """Parse the query string of /api/processes.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/processes"])
    series_id = value_of(fields, "id", "node")
    if not series_id:
        raise bad_parameter("id", "the id is empty", "an id from /api/containers")
    at_ms, span = values.instant_or_span(fields)
    return ProcessesRequest(
        series_id,
        at_ms,
        span,
        cast("By", values.choice(fields, parameters.BY_USE)),
        values.whole_number(fields, parameters.MAX_LISTED),
        values.whole_number(fields, parameters.LINE_POINTS),
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
    at_ms, span = values.instant_or_span(fields)
    ids = values.ids(fields)
    return LabelledRequest(
        LABELLED[name],
        ("node",) if ids is None else ids,
        at_ms,
        span,
        values.whole_number(fields, parameters.LINE_POINTS),
    )


def events(query: bytes) -> EventsRequest:
    """Parse the query string of /api/events.

    Raises: Problem (400 or 404) if it is not allowed.
    """
    fields = split(query, TAKES["/api/events"])
    ids = values.ids(fields)
    kinds = values_of(fields, "kind")
    for kind in kinds:
        if kind not in KINDS:
            raise bad_parameter("kind", f"there is no kind {kind[:MAX_TEXT]!r}", ", ".join(sorted(KINDS)))
    limit = values.whole_number(fields, parameters.MAX_EVENTS)
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
        values.choice(fields, parameters.EXPORT_FORMAT),
        values.metrics(fields, parameters.MAX_EXPORTED),
        *values.ids_or_filter(fields),
        view,
        values.redaction(fields),
        values.choice(fields, parameters.PREVIEW) == "1",
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
