"""The table of all query parameters. Both the parser and the OpenAPI document are made from it."""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from fgm.metrics.labelled import LABELLED
from fgm.store.events.event import KINDS
from fgm.store.samples.series import Scope
from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.query.question import MAX_SERIES
from fgm.viewer.query.wall.grouping import Rows

MAX_METRICS = 12
"""Maximum number of metrics in a request."""
MAX_EXPORTED = 200
"""Maximum number of metrics in an export: there are fewer recorded ones."""
MAX_VIEW = 30_000
"""Maximum number of characters of the view that an export keeps."""
MAX_STUDIED = 100
"""Maximum number of series in a study."""
MAX_TEXT = 256
"""Maximum number of characters of a search, and of a wrong value that an error message quotes."""
DEFAULT_RANGE = "1h"
"""Length of the range if the request has none."""
RANGE_PATTERN = r"^([1-9]\d{0,8}[smhdw]|all)$"
RANGE_FORM = "a whole number and s, m, h, d or w, such as 15m, or all"
TIME_FORM = "ISO 8601, such as 2025-12-30T16:00:00Z, or seconds or milliseconds since 1970"

Schema = Mapping[str, Any]
METRIC_NAME: Schema = {"$ref": "#/components/schemas/MetricName"}


class Parameter(NamedTuple):
    """A query parameter: its name, its description, and the values that are allowed."""

    name: str
    description: str
    schema: Schema
    """JSON Schema of the value. For a list, whose values are separated by commas, the schema of each value."""
    is_list: bool = False
    is_required: bool = False
    max_items: int | None = None
    """Maximum number of values in a list; None: no limit."""


def _whole(name: str, description: str, default: int, least: int, most: int) -> Parameter:
    return Parameter(name, description, {"type": "integer", "default": default, "minimum": least, "maximum": most})


def _choice(name: str, description: str, *words: str) -> Parameter:
    """Return a parameter whose value is one of these words. The first is the default."""
    return Parameter(name, description, {"type": "string", "default": words[0], "enum": list(words)})


_TEXT: Schema = {"type": "string", "minLength": 1}
_INSTANT: Schema = {"type": "string", "examples": ["2025-12-30T16:00:00Z", "1767110400", "1767110400000"]}

METRICS = Parameter(
    "metric", "Names from /api/metrics.", METRIC_NAME, is_list=True, is_required=True, max_items=MAX_METRICS
)
OF_METRICS = Parameter(
    "metric",
    "List only series that have a value of one of these metrics in the range.",
    METRIC_NAME,
    is_list=True,
    max_items=MAX_METRICS,
)
ONE_METRIC = Parameter("metric", "A name from /api/metrics.", METRIC_NAME, is_required=True)
WALL_METRICS = Parameter(
    "metric",
    "Names from /api/metrics. The answer to several of them is `walls`, with one answer for each.",
    METRIC_NAME,
    is_list=True,
    is_required=True,
    max_items=MAX_METRICS,
)
TOP_METRICS = WALL_METRICS._replace(
    description="Names from /api/metrics. The answer to several of them is `tops`, with one answer for each."
)
CONTAINERS = Parameter(
    "containers",
    "Ids of series, from /api/containers. Default: every leaf and the node.",
    {"type": "string", "minLength": 1},
    is_list=True,
    max_items=MAX_SERIES,
)
RANGE = Parameter(
    "range",
    f"Length of the range, which ends now: {RANGE_FORM}. Not allowed together with `from` or `to`.",
    {"type": "string", "default": DEFAULT_RANGE, "pattern": RANGE_PATTERN},
)
FROM = Parameter("from", f"Begin of the range: {TIME_FORM}.", _INSTANT)
TO = Parameter("to", "End of the range (exclusive), in the same forms as `from`. Default: now.", _INSTANT)
POINTS = _whole("points", "Number of pixel columns of a reduced answer.", 1200, 10, 10_000)
RAW = _choice("raw", "1: return every sample that is still there, however long the range is.", "0", "1")
REDUCE = _choice(
    "reduce",
    "What a pixel column keeps: its extremes, if the range has over 3600 ticks, or the mean of all of its samples.",
    "extremes",
    "mean",
)
WITHIN = _whole(
    "within_ms",
    "Time limit for a long range: only the newest part that can be read in time is returned. `complete_from_ms` is the "
    "time from which on it is complete. 0: no limit.",
    0,
    0,
    60_000,
)
FORMAT = _choice("format", "JSON, or the compact binary form.", "json", "binary")
SEARCH = Parameter(
    "search",
    "Words that must all occur in the names of a series, in upper or lower case.",
    {"type": "string", "maxLength": MAX_TEXT},
)
SCOPES = Parameter("scope", "Kinds of series.", {"type": "string", "enum": list(get_args(Scope))}, is_list=True)
NAMESPACES = Parameter("namespace", "Kubernetes namespaces.", _TEXT, is_list=True)
QOS_CLASSES = Parameter("qos_class", "Kubernetes QoS classes.", _TEXT, is_list=True)
LABELS = Parameter(
    "labels",
    "Labels as name:value. A series must have all of them.",
    {"type": "string", "pattern": "^[^:]+:"},
    is_list=True,
)
SINCE = Parameter(
    "since",
    "The `token` of an earlier answer: list only the series that have changed since, and name those that were removed. "
    "If the token is not known, the list is whole. Not allowed together with other parameters.",
    {"type": "string", "maxLength": MAX_TEXT},
)
KIND = Parameter("kind", "Kinds of events.", {"type": "string", "enum": sorted(KINDS)}, is_list=True)
MAX_EVENTS = _whole("limit", "Maximum number of events; the newest are returned.", 500, 1, 5_000)
MAX_RANKED = _whole("limit", "Maximum number of series; the first are returned.", 20, 1, 500)
MAX_FINDINGS = _whole("limit", "Maximum number of findings; the first are returned.", 20, 1, 200)
EXPORTED = Parameter(
    "metric",
    "Names from /api/metrics. In Parquet, the values of recorded metrics are as recorded: counters are not rates. "
    "Default: what the page draws.",
    METRIC_NAME,
    is_list=True,
    max_items=MAX_EXPORTED,
)
EXPORT_FORMAT = _choice(
    "format",
    "`html`: an incident pack, which a browser opens; `parquet`: a file for other programs, with a column for each "
    "metric; `parquet-long`: the same of containers only, with a row for each value.",
    "html",
    "parquet",
    "parquet-long",
)
STUDY = Parameter(
    "study",
    "`trend`: a line, and whether it is more than chance. `changepoint`: the levels between changes. "
    "`periodicity`: the time between beats.",
    {"type": "string", "enum": list(STUDIES)},
    is_required=True,
)
STUDIED_SERIES = Parameter(
    "containers",
    "Ids of series, from /api/containers.",
    {"type": "string", "minLength": 1},
    is_list=True,
    is_required=True,
    max_items=MAX_STUDIED,
)
PARTS = _whole(
    "parts",
    "Number of equal parts of the range; `peaks` has the highest value in each. 0: no peaks. Only of one metric.",
    0,
    0,
    200,
)
COLUMNS = _whole("columns", "Number of equal parts of the range; each cell has the highest value in one.", 600, 1, 4000)
ROWS = _choice(
    "by",
    "What a row is: a container with all its lives, a pod, or a workload with all its replicas. What is in none has a "
    "row of its own.",
    *get_args(Rows),
)
MAX_WALL_ROWS = _whole("limit", "Maximum number of rows; the most used are returned.", 500, 1, 2_000)
UNTIL = Parameter(
    "until",
    "End of what is read, in the same forms as `from`: the `complete_from_ms` of an answer that has the newer part of "
    "the same range. Default: the end of the range.",
    _INSTANT,
)
AGAINST = Parameter(
    "against",
    "Begin of another range of the same length to compare with, in the same forms as `from`. Default: the time before.",
    _INSTANT,
)
PAIRS = Parameter(
    "pairs",
    "Series to compare with each other although their names differ, such as a canary, as ID~ID: the id in the other "
    "range first. Only together with `against`.",
    {"type": "string", "pattern": "^[^~]+~."},
    is_list=True,
)
BY = _choice("by", "The value to rank by.", "mean", "max", "last")

PROCESS_SERIES = Parameter(
    "id",
    "Id of the series whose processes are wanted, from /api/containers. `node`: those of all series.",
    {"type": "string", "minLength": 1, "default": "node"},
)
AT = Parameter(
    "at",
    f"The instant: {TIME_FORM}. Default: now. Not allowed together with a range, which asks for lines over time.",
    _INSTANT,
)
BY_USE = _choice("by", "What processes are ranked by, and what their lines show.", "cpu", "memory")
MAX_LISTED = _whole("limit", "Maximum number of processes; the first are returned.", 20, 1, 200)
LINE_POINTS = _whole("points", "Number of pixel columns of the lines.", 600, 10, 2_000)

ONE_LABELLED_METRIC = Parameter(
    "metric",
    "A name from `labelled` of /api/metrics.",
    {"type": "string", "enum": sorted(LABELLED)},
    is_required=True,
)
LABELLED_SERIES = Parameter(
    "containers",
    "Ids of series, from /api/containers. Default: the node.",
    {"type": "string", "minLength": 1},
    is_list=True,
    max_items=MAX_SERIES,
)

VIEW = Parameter(
    "view",
    "The fragment of the page's URL, without `#`. The pack opens with this view, and with its notes.",
    {"type": "string", "maxLength": MAX_VIEW},
)
REDACT = Parameter(
    "redact",
    "Rules that replace names in a pack with others, and ids with other ids: `namespaces`, `pods`, `containers`, "
    "`images`, `labels`, `node`, `paths`, `processes`, `devices`, `all`, `namespace=NAME`, `pod=NAME`, "
    "`container=NAME` or `label:NAME`.",
    {"type": "string", "minLength": 1},
    is_list=True,
)
PREVIEW = _choice("preview", "1: return what the export would contain, and about how large it would be.", "0", "1")

_SPAN = (RANGE, FROM, TO)
_FILTER = (SEARCH, SCOPES, NAMESPACES, QOS_CLASSES, LABELS)

TAKES: Mapping[str, tuple[Parameter, ...]] = {
    "/api/health": (),
    "/api/instance": (),
    "/api/metrics": (),
    "/api/filters": (),
    "/api/containers": (*_FILTER, OF_METRICS, *_SPAN, SINCE),
    "/api/timeseries": (METRICS, CONTAINERS, *_FILTER, *_SPAN, POINTS, RAW, REDUCE, WITHIN, FORMAT),
    "/api/top": (TOP_METRICS, *_SPAN, BY, MAX_RANKED, PARTS, *_FILTER),
    "/api/wall": (WALL_METRICS, CONTAINERS, *_FILTER, *_SPAN, COLUMNS, ROWS, MAX_WALL_ROWS, UNTIL, WITHIN, FORMAT),
    "/api/changes": (*_SPAN, AGAINST, PAIRS, MAX_RANKED),
    "/api/findings": (*_SPAN, MAX_FINDINGS),
    "/api/studies": (STUDY, ONE_METRIC, STUDIED_SERIES, *_SPAN),
    "/api/events": (*_SPAN, CONTAINERS, KIND, MAX_EVENTS),
    "/api/export": (*_SPAN, EXPORT_FORMAT, EXPORTED, CONTAINERS, *_FILTER, VIEW, REDACT, PREVIEW),
    "/api/processes": (PROCESS_SERIES, AT, *_SPAN, BY_USE, MAX_LISTED, LINE_POINTS),
    "/api/labelled": (ONE_LABELLED_METRIC, LABELLED_SERIES, AT, *_SPAN, LINE_POINTS),
    "/api/openapi.json": (),
    "/at/{time}": (),
}
"""The parameters that each path accepts."""
LISTS = frozenset(parameter.name for taken in TAKES.values() for parameter in taken if parameter.is_list)
"""Names of the parameters that are lists. A name that is a list on one path is a list on all."""
