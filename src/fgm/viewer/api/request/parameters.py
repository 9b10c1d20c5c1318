"""Every parameter of every path, once: the parsing reads names and bounds here, and so does the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from fgm.store.events.event import KINDS
from fgm.store.samples.series import Scope
from fgm.viewer.query.query import MAX_SERIES

MAX_METRICS = 8
MAX_TEXT = 256
DEFAULT_RANGE = "1h"
RANGE_PATTERN = r"^([1-9]\d{0,8}[smhdw]|all)$"
RANGE_FORM = "a whole number and s, m, h, d or w, such as 15m, or all"
TIME_FORM = "ISO 8601, such as 2025-12-30T16:00:00Z, or seconds or milliseconds since 1970"

Schema = Mapping[str, Any]
METRIC_NAME: Schema = {"$ref": "#/components/schemas/MetricName"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. `schema`: JSON Schema of its value; of one of its values where it is a list by comma."""

    name: str
    text: str
    schema: Schema
    is_list: bool = False
    is_required: bool = False
    most: int | None = None
    """A list has at most so many values."""


def _whole(name: str, text: str, default: int, least: int, most: int) -> Parameter:
    return Parameter(name, text, {"type": "integer", "default": default, "minimum": least, "maximum": most})


def _choice(name: str, text: str, *words: str) -> Parameter:
    """Return a parameter that is one of some words, the first by default."""
    return Parameter(name, text, {"type": "string", "default": words[0], "enum": list(words)})


_TEXT: Schema = {"type": "string", "minLength": 1}
_INSTANT: Schema = {"type": "string", "examples": ["2025-12-30T16:00:00Z", "1767110400", "1767110400000"]}

METRICS = Parameter("metric", "Names from /api/metrics.", METRIC_NAME, is_list=True, is_required=True, most=MAX_METRICS)
OF_METRICS = Parameter(
    "metric", "Only series with a value of one of these in the range.", METRIC_NAME, is_list=True, most=MAX_METRICS
)
ONE_METRIC = Parameter("metric", "A name from /api/metrics.", METRIC_NAME, is_required=True)
CONTAINERS = Parameter(
    "containers",
    "Ids of series, from /api/containers; without it every container and the node.",
    {"type": "string", "minLength": 1},
    is_list=True,
    most=MAX_SERIES,
)
RANGE = Parameter(
    "range",
    f"How long a time up to now: {RANGE_FORM}. Not together with `from` and `to`.",
    {"type": "string", "default": DEFAULT_RANGE, "pattern": RANGE_PATTERN},
)
FROM = Parameter("from", f"The first instant: {TIME_FORM}.", _INSTANT)
TO = Parameter("to", "The instant after the last, as `from`; without it, now.", _INSTANT)
POINTS = _whole("points", "Pixel columns of a reduced answer, aligned to the range.", 1200, 10, 10_000)
RAW = _choice("raw", "1: every sample, however long the range is.", "0", "1")
WITHIN = _whole(
    "within_ms",
    "Of a long range, answer what is read by then, the newest first; `complete_from_ms` says how far. 0: all of it.",
    0,
    0,
    60_000,
)
FORMAT = _choice("format", "JSON, or the compact binary form.", "json", "binary")
SEARCH = Parameter(
    "search",
    "Words that all stand somewhere in the names, in any case.",
    {"type": "string", "maxLength": MAX_TEXT},
)
SCOPES = Parameter("scope", "Kinds of series.", {"type": "string", "enum": list(get_args(Scope))}, is_list=True)
NAMESPACES = Parameter("namespace", "Kubernetes namespaces.", _TEXT, is_list=True)
QOS_CLASSES = Parameter("qos_class", "Kubernetes QoS classes.", _TEXT, is_list=True)
LABELS = Parameter(
    "labels", "Labels as name:value; all have to be there.", {"type": "string", "pattern": "^[^:]+:"}, is_list=True
)
KIND = Parameter("kind", "Kinds of events.", {"type": "string", "enum": sorted(KINDS)}, is_list=True)
MOST_EVENTS = _whole("limit", "So many events at most, the newest.", 500, 1, 5_000)
MOST_RANKED = _whole("limit", "So many series at most, the first.", 20, 1, 500)
PARTS = _whole(
    "parts", "Equal parts of the range, of each of which `peaks` has the highest value. 0: no peaks.", 0, 0, 200
)
BY = _choice("by", "What is ranked by.", "mean", "max", "last")

_SPAN = (RANGE, FROM, TO)
_FILTER = (SEARCH, SCOPES, NAMESPACES, QOS_CLASSES, LABELS)

TAKES: Mapping[str, tuple[Parameter, ...]] = {
    "/api/health": (),
    "/api/instance": (),
    "/api/metrics": (),
    "/api/filters": (),
    "/api/containers": (*_FILTER, OF_METRICS, *_SPAN),
    "/api/timeseries": (METRICS, CONTAINERS, *_FILTER, *_SPAN, POINTS, RAW, WITHIN, FORMAT),
    "/api/top": (ONE_METRIC, *_SPAN, BY, MOST_RANKED, PARTS, *_FILTER),
    "/api/changes": (*_SPAN, MOST_RANKED),
    "/api/events": (*_SPAN, CONTAINERS, KIND, MOST_EVENTS),
    "/api/openapi.json": (),
    "/at/{time}": (),
}
"""What each path may be asked with."""
LISTS = frozenset(parameter.name for takes in TAKES.values() for parameter in takes if parameter.is_list)
"""What is split at commas; one word means the same on every path."""
