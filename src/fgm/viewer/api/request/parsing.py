"""What may be asked: every query parameter, its form and its bounds; the rest is a problem.

Pure: a query string in, plain values out; the present and the span of the data come as arguments.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import get_args
from urllib.parse import unquote_to_bytes

from fgm import iso_time
from fgm.metrics.derived import Shown
from fgm.metrics.shown import find
from fgm.store.events.event import KINDS
from fgm.store.samples.series import Scope
from fgm.viewer.api.request import parameters
from fgm.viewer.api.request.parameters import MAX_METRICS, MAX_TEXT, Parameter
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.query.query import MAX_SERIES
from fgm.viewer.web.problems import Problem, bad_parameter, unknown

MAX_FIELDS = 64
_RANGE = re.compile(r"([1-9]\d{0,8})([smhdw])", re.ASCII)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_MILLISECONDS_FROM = 100_000_000_000
"""A number from here on is milliseconds: as seconds it would be the year 5138."""
_BASIC_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
"""ISO 8601 without hyphens, such as 20251230; as seconds it would be in 1970."""
_ISO_SIGN = re.compile(rf"-|\A{_BASIC_DATE.pattern}")
_SPACE_OF_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


@dataclass(frozen=True, slots=True)
class Span:
    """A range as it was asked. `length_ms`: None is everything."""

    length_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def resolve(self, now_ms: int, oldest_ms: int, tick_ms: int) -> tuple[int, int]:
        """Return [from_ms, to_ms). The present is the end of the tick that it lies in: its sample counts."""
        present_ms = now_ms // tick_ms * tick_ms + tick_ms
        to_ms = present_ms if self.to_ms is None else self.to_ms
        if self.from_ms is not None:
            from_ms = self.from_ms
        elif self.length_ms is None:
            from_ms = min(oldest_ms, to_ms - tick_ms)
        else:
            from_ms = max(0, to_ms - self.length_ms)
        if from_ms >= to_ms:
            if self.from_ms is None:
                raise bad_parameter("to", "the range is empty", f"an instant after {from_ms}, where the range begins")
            raise bad_parameter("from", "the range is empty", f"an instant before {to_ms}, where the range ends")
        return from_ms, to_ms


@dataclass(frozen=True, slots=True)
class TimeseriesParameters:
    """What /api/timeseries is asked. `ids`: None is all that pass `filter`; None that, every container and the node."""

    metrics: tuple[Shown, ...]
    ids: tuple[str, ...] | None
    span: Span
    points: int
    is_raw: bool = False
    is_binary: bool = False
    within_ms: int = 0
    filter: SeriesFilter | None = None


@dataclass(frozen=True, slots=True)
class ContainersParameters:
    """What /api/containers is asked. `metrics`: only series with a value of one of these in `span`."""

    filter: SeriesFilter = field(default_factory=SeriesFilter)
    span: Span | None = None
    metrics: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangesParameters:
    """What /api/changes is asked: of `span`, beside as much time before it, the first `limit` series."""

    span: Span
    limit: int


@dataclass(frozen=True, slots=True)
class TopParameters:
    """What /api/top is asked. `by`: what is ranked by; `parts`: of how many parts of the range peaks are told."""

    metric: Shown
    filter: SeriesFilter
    span: Span
    by: str
    limit: int
    parts: int = 0


@dataclass(frozen=True, slots=True)
class EventsParameters:
    """What /api/events is asked. `ids`: None is every series; no `kinds` are all."""

    span: Span
    ids: tuple[str, ...] | None
    kinds: frozenset[str]
    limit: int


def timeseries(query: bytes) -> TimeseriesParameters:
    """Read the query of /api/timeseries. Raises Problem."""
    given = _fields(query, "/api/timeseries")
    metrics = _metrics(given)
    if not metrics:
        raise bad_parameter("metric", "no metric is asked for", f"1 to {MAX_METRICS} names from /api/metrics, by comma")
    ids = _list(given, "containers") if "containers" in given else None
    if ids is not None and not 1 <= len(ids) <= MAX_SERIES:
        raise _bad_number_of_series(len(ids))
    points = _whole_number(given, parameters.POINTS)
    is_raw = _one_of(given, parameters.RAW) == "1"
    is_binary = _one_of(given, parameters.FORMAT) == "binary"
    within_ms = _whole_number(given, parameters.WITHIN)
    wanted = _filter(given)
    if ids is not None and wanted != SeriesFilter():
        raise bad_parameter("containers", "series are asked for by id and by filter", "either of both")
    chosen = None if wanted == SeriesFilter() else wanted
    return TimeseriesParameters(metrics, ids, _span(given), points, is_raw, is_binary, within_ms, chosen)


def containers(query: bytes) -> ContainersParameters:
    """Read the query of /api/containers. Raises Problem."""
    given = _fields(query, "/api/containers")
    metrics = _metrics(given)
    has_span = bool(metrics) or not given.keys().isdisjoint(("range", "from", "to"))
    return ContainersParameters(_filter(given), _span(given) if has_span else None, metrics)


def top(query: bytes) -> TopParameters:
    """Read the query of /api/top. Raises Problem."""
    given = _fields(query, "/api/top")
    metrics = _metrics(given)
    if len(metrics) != 1:
        raise bad_parameter("metric", f"{len(metrics)} metrics are asked for", "one name from /api/metrics")
    wanted = _filter(given)
    wanted = wanted if wanted.scopes else replace(wanted, scopes=frozenset({"container"}))
    limit = _whole_number(given, parameters.MOST_RANKED)
    parts = _whole_number(given, parameters.PARTS)
    return TopParameters(metrics[0], wanted, _span(given), _one_of(given, parameters.BY), limit, parts)


def changes(query: bytes) -> ChangesParameters:
    """Read the query of /api/changes. Raises Problem."""
    given = _fields(query, "/api/changes")
    return ChangesParameters(_span(given), _whole_number(given, parameters.MOST_RANKED))


def events(query: bytes) -> EventsParameters:
    """Read the query of /api/events. Raises Problem."""
    given = _fields(query, "/api/events")
    ids = _list(given, "containers") if "containers" in given else None
    if ids is not None and not 1 <= len(ids) <= MAX_SERIES:
        raise _bad_number_of_series(len(ids))
    kinds = _list(given, "kind")
    for kind in kinds:
        if kind not in KINDS:
            raise bad_parameter("kind", f"there is no kind {kind[:MAX_TEXT]!r}", ", ".join(sorted(KINDS)))
    limit = _whole_number(given, parameters.MOST_EVENTS)
    return EventsParameters(_span(given), ids, frozenset(kinds), limit)


def instant_ms(text: str, newest_ms: int) -> int:
    """Read the time in the path /at/<time>; `now` is the newest there is. Raises Problem."""
    return newest_ms if text == "now" else _instant_ms("time", text)


def nothing(query: bytes) -> None:
    """Read the query of a path that takes no parameter. Raises Problem."""
    _fields(query, "/api/instance")


def _fields(query: bytes, path: str) -> dict[str, tuple[str, ...]]:
    """Return the parameters that a path takes, by name, each a list. Raises Problem on unknown or repeated ones.

    Commas separate before anything is decoded: an encoded one is part of a name.
    """
    allowed = tuple(parameter.name for parameter in parameters.TAKES[path])
    names = f"the parameters are {', '.join(allowed)}" if allowed else "this path takes no parameter"
    pairs = [field.partition(b"=") for field in query.split(b"&") if field]
    if len(pairs) > MAX_FIELDS:
        raise bad_parameter("query", f"it has {len(pairs)} fields", f"at most {MAX_FIELDS}")
    given: dict[str, tuple[str, ...]] = {}
    for raw_name, _, raw_value in pairs:
        try:
            name = _decoded(raw_name)
            values = tuple(map(_decoded, raw_value.split(b",") if name in parameters.LISTS else [raw_value]))
        except UnicodeDecodeError as error:
            raise bad_parameter("query", "it cannot be read as URL-encoded UTF-8 fields", names) from error
        if name not in allowed:
            raise bad_parameter(name[:MAX_TEXT], "there is no such parameter", names)
        if any("\0" in value for value in values):
            raise bad_parameter(name, "it has a NUL character", "text without it")
        if name in parameters.LISTS and "" in values:
            raise bad_parameter(name, "it has an empty value", "values separated by single commas; none: leave it out")
        if name in given and name not in parameters.LISTS:
            raise bad_parameter(name, "it is given more than once", "once")
        given[name] = given.get(name, ()) + values
    return given


def _decoded(text: bytes) -> str:
    if not text.isascii():
        raise UnicodeDecodeError("ascii", text, 0, 1, "a byte that should have been encoded")
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _list(given: dict[str, tuple[str, ...]], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given.get(name, ())))


def _text(given: dict[str, tuple[str, ...]], name: str, default: str = "") -> str:
    return given.get(name, (default,))[0]


def _metrics(given: dict[str, tuple[str, ...]]) -> tuple[Shown, ...]:
    names = _list(given, "metric")
    if len(names) > MAX_METRICS:
        raise bad_parameter("metric", f"{len(names)} metrics are asked for", f"at most {MAX_METRICS} in one request")
    return tuple({metric.name: metric for metric in map(_metric, names)}.values())


def _filter(given: dict[str, tuple[str, ...]]) -> SeriesFilter:
    search = _text(given, "search")
    if len(search) > MAX_TEXT:
        raise bad_parameter("search", f"it has {len(search)} characters", f"at most {MAX_TEXT}")
    return SeriesFilter(
        words=tuple(search.lower().split()),
        scopes=frozenset(map(_scope, _list(given, "scope"))),
        namespaces=frozenset(_list(given, "namespace")),
        qos_classes=frozenset(_list(given, "qos_class")),
        labels=frozenset(map(_label, _list(given, "labels"))),
    )


def _metric(name: str) -> Shown:
    metric = find(name)
    if metric is None:
        raise unknown("metric", "metric", name[:MAX_TEXT], "a name from /api/metrics")
    return metric


def _scope(name: str) -> Scope:
    for scope in get_args(Scope):
        if scope == name:
            return scope  # type: ignore[no-any-return]
    raise bad_parameter("scope", f"there is no scope {name[:MAX_TEXT]!r}", ", ".join(get_args(Scope)))


def _label(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise bad_parameter("labels", f"{text[:MAX_TEXT]!r} is not a label", "name:value, several by comma")
    return name, value


def _bad_number_of_series(number: int) -> Problem:
    allowed = f"1 to {MAX_SERIES} ids from /api/containers, by comma"
    return bad_parameter("containers", f"{number} series are asked for", allowed)


def _one_of(given: dict[str, tuple[str, ...]], parameter: Parameter) -> str:
    name, allowed = parameter.name, parameter.schema["enum"]
    text = _text(given, name, parameter.schema["default"])
    if text not in allowed:
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", " or ".join(allowed))
    return text


def _whole_number(given: dict[str, tuple[str, ...]], parameter: Parameter) -> int:
    name, least, most = parameter.name, parameter.schema["minimum"], parameter.schema["maximum"]
    text = _text(given, name, str(parameter.schema["default"]))
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not allowed", f"a whole number from {least} to {most}")
    return int(text)


def _span(given: dict[str, tuple[str, ...]]) -> Span:
    if "range" in given and ("from" in given or "to" in given):
        raise bad_parameter("range", "a range is given together with from or to", "either range, or from and to")
    length_ms = _length_ms(_text(given, "range", parameters.DEFAULT_RANGE))
    if "from" not in given and "to" not in given:
        return Span(length_ms)
    from_ms = _instant_ms("from", _text(given, "from")) if "from" in given else None
    to_ms = _instant_ms("to", _text(given, "to")) if "to" in given else None
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise bad_parameter("from", "the range is empty or runs backwards", "an instant before to")
    return Span(length_ms, from_ms, to_ms)


def _length_ms(text: str) -> int | None:
    if text == "all":
        return None
    match = _RANGE.fullmatch(text)
    if match is None:
        raise bad_parameter("range", f"{text[:MAX_TEXT]!r} is not a range", parameters.RANGE_FORM)
    return int(match[1]) * _UNIT_MS[match[2]]


def _instant_ms(name: str, text: str) -> int:
    instant_ms: float | None = None
    if _NUMBER.fullmatch(text) and not _BASIC_DATE.fullmatch(text):
        number = float(text)
        instant_ms = number if number >= _MILLISECONDS_FROM else number * 1000
    elif len(text) <= MAX_TEXT and _ISO_SIGN.search(text):
        with suppress(ValueError):
            # An unescaped + of a time zone arrives as a space.
            instant_ms = iso_time.parse_ms(_SPACE_OF_PLUS.sub("+", text), assume_utc=True)
    if instant_ms is None or not 0 <= instant_ms < iso_time.END_OF_TIME_MS:
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not an instant", parameters.TIME_FORM)
    return round(instant_ms)
