"""Values of parameters that several paths share, checked: metrics, series, choices and numbers."""

from typing import cast, get_args

from fgm.metrics.derived import ShownMetric
from fgm.metrics.shown import find
from fgm.store.samples.series import Scope
from fgm.viewer.api.request import times
from fgm.viewer.api.request.parameters import MAX_METRICS, MAX_TEXT, Parameter
from fgm.viewer.api.request.query_string import Fields, value_of, values_of
from fgm.viewer.api.request.requests import Span
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.packs.redaction import rules
from fgm.viewer.packs.redaction.rules import Rules
from fgm.viewer.query.question import MAX_SERIES
from fgm.viewer.web.problems import bad_parameter, unknown


def metrics(fields: Fields, most: int = MAX_METRICS) -> tuple[ShownMetric, ...]:
    """Return the metrics of a request, each once. `most`: maximum number of names.

    Raises: Problem (400) if there are more; Problem (404) if there is no such metric.
    """
    names = values_of(fields, "metric")
    if len(names) > most:
        raise bad_parameter("metric", f"the request names {len(names)} metrics", f"at most {most}")
    return tuple({metric.name: metric for metric in map(_metric, names)}.values())


def named_metrics(fields: Fields) -> tuple[ShownMetric, ...]:
    """Return the metrics of a request that must name at least one.

    Raises: Problem (400) if it does not; Problem (404) if there is no such metric.
    """
    named = metrics(fields)
    if not named:
        raise bad_parameter(
            "metric", "the request names no metric", f"1 to {MAX_METRICS} names from /api/metrics, separated by commas"
        )
    return named


def one_metric(fields: Fields) -> ShownMetric:
    """Return the metric of a request that must name exactly one.

    Raises: Problem (400) if it does not; Problem (404) if there is no such metric.
    """
    named = metrics(fields)
    if len(named) != 1:
        raise bad_parameter("metric", f"the request names {len(named)} metrics", "one name from /api/metrics")
    return named[0]


def ids(fields: Fields) -> tuple[str, ...] | None:
    """Return the ids of series, or None if the request names none.

    Raises: Problem (400) if there are too many.
    """
    if "containers" not in fields:
        return None
    names = values_of(fields, "containers")
    if not 1 <= len(names) <= MAX_SERIES:
        allowed = f"1 to {MAX_SERIES} ids from /api/containers, separated by commas"
        raise bad_parameter("containers", f"the request names {len(names)} series", allowed)
    return names


def ids_or_filter(fields: Fields) -> tuple[tuple[str, ...] | None, SeriesFilter | None]:
    """Return the ids of the request, or its filter; None for what it does not have.

    Raises: Problem (400) if it has both, or if one of them is not allowed.
    """
    names, chosen = ids(fields), series_filter(fields)
    if chosen == SeriesFilter():
        return names, None
    if names is not None:
        raise bad_parameter("containers", "the request chooses series by id and by a filter", "either ids or a filter")
    return None, chosen


def series_filter(fields: Fields) -> SeriesFilter:
    """Return the filter of a request; it lets everything pass if the request has none.

    Raises: Problem (400) if a value is not allowed.
    """
    search = short_text(fields, "search")
    return SeriesFilter(
        words=tuple(search.lower().split()),
        scopes=frozenset(map(_scope, values_of(fields, "scope"))),
        namespaces=frozenset(values_of(fields, "namespace")),
        qos_classes=frozenset(values_of(fields, "qos_class")),
        labels=frozenset(map(_label, values_of(fields, "labels"))),
    )


def pair(text: str) -> tuple[str, str]:
    """Return the two ids in ID~ID.

    Raises: Problem (400) if the text is not a pair.
    """
    first, tilde, second = text.partition("~")
    if not (first and tilde and second):
        raise bad_parameter("pairs", f"{text[:MAX_TEXT]!r} is not a pair", "ID~ID; separate several with commas")
    return first, second


def instant_or_span(fields: Fields) -> tuple[int | None, Span | None]:
    """Return the instant, or None for now, and the range, or None for an instant.

    Raises: Problem (400) if the request has both, or if one of them is not allowed.
    """
    has_span = not fields.keys().isdisjoint(("range", "from", "to"))
    if has_span and "at" in fields:
        raise bad_parameter("at", "at cannot be combined with a range", "either at, or range, from and to")
    at_ms = times.instant_ms("at", value_of(fields, "at")) if "at" in fields else None
    return at_ms, times.span(fields) if has_span else None


def redaction(fields: Fields) -> Rules:
    """Return the rules by which names are replaced.

    Raises: Problem (400) if one is not a rule.
    """
    try:
        return rules.parse(values_of(fields, "redact"))
    except ValueError as error:
        raise bad_parameter("redact", str(error), rules.ALLOWED) from error


def short_text(fields: Fields, name: str) -> str:
    """Return a text.

    Raises: Problem (400) if it is too long.
    """
    text = value_of(fields, name)
    if len(text) > MAX_TEXT:
        raise bad_parameter(name, f"the value has {len(text)} characters", f"at most {MAX_TEXT} characters")
    return text


def choice(fields: Fields, parameter: Parameter) -> str:
    """Return the chosen word, or the default.

    Raises: Problem (400) if it is not one of those that are allowed.
    """
    name, allowed = parameter.name, parameter.schema["enum"]
    text = value_of(fields, name, parameter.schema["default"])
    if text not in allowed:
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", " or ".join(allowed))
    return text


def whole_number(fields: Fields, parameter: Parameter) -> int:
    """Return the number, or the default.

    Raises: Problem (400) if it is not a whole number, too small or too large.
    """
    name, least, most = parameter.name, parameter.schema["minimum"], parameter.schema["maximum"]
    text = value_of(fields, name, str(parameter.schema["default"]))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", f"a whole number from {least} to {most}")
    return int(text)


def _metric(name: str) -> ShownMetric:
    metric = find(name)
    if metric is None:
        raise unknown("metric", "metric", name[:MAX_TEXT], "a name from /api/metrics")
    return metric


def _scope(name: str) -> Scope:
    if name not in get_args(Scope):
        raise bad_parameter("scope", f"there is no scope {name[:MAX_TEXT]!r}", ", ".join(get_args(Scope)))
    return cast("Scope", name)


def _label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise bad_parameter("labels", f"{text[:MAX_TEXT]!r} is not a label", "name:value; separate several with commas")
    return name, value
