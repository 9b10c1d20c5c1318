"""/api/openapi.json: the OpenAPI document, made from the table of parameters and the schemas in this module.

The schemas make the module long; they are data without logic.
"""

import json
from typing import Any

from quart import Response, request

from fgm import __version__
from fgm.metrics.shown import SHOWN
from fgm.viewer.api.request import parameters, parsing
from fgm.viewer.api.request.parameters import TAKES, Parameter
from fgm.viewer.api.response.media_types import BINARY, HTML, JSON, JSON_LINES, PARQUET
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.findings.finding import KINDS
from fgm.viewer.findings.studies.names import STUDIES
from fgm.viewer.findings.studies.study import MIN_VALUES
from fgm.viewer.web import entity_tags

JsonSchema = dict[str, Any]

TEXT: JsonSchema = {"type": "string"}
WHOLE: JsonSchema = {"type": "integer"}
NUMBER: JsonSchema = {"type": "number"}
FLAG: JsonSchema = {"type": "boolean"}
FREE: JsonSchema = {"type": "object"}


def _or_null(schema: JsonSchema) -> JsonSchema:
    return {**schema, "type": [schema["type"], "null"]}


def _list(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _facts(**properties: JsonSchema) -> JsonSchema:
    """Return the schema of an object that has exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


MAYBE_TEXT, MAYBE_WHOLE = _or_null(TEXT), _or_null(WHOLE)
_COVERED = {"from_ms": WHOLE, "to_ms": WHOLE, "partial": FLAG, "skipped_files": WHOLE}
_NAMES = dict.fromkeys(
    ("container_id", "container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime", "cgroup"), MAYBE_TEXT
)
_CONTAINER = _facts(
    id=TEXT,
    scope=TEXT,
    name=TEXT,
    **_NAMES,
    node_name=MAYBE_TEXT,
    labels=_or_null(FREE),
    image=MAYBE_TEXT,
    restart_count=MAYBE_WHOLE,
    limits=_or_null(FREE),
    requests=_or_null(FREE),
    pod_limits=_or_null(FREE),
    pod_requests=_or_null(FREE),
    ended=_or_null(FREE),
    first_seen_ms=WHOLE,
    last_seen_ms=WHOLE,
    alive=FLAG,
)
_LINE = _facts(id=TEXT, metric=TEXT, unit=TEXT, life=WHOLE, t_ms=_list(WHOLE), value=_list(_or_null(NUMBER)))
_RANKED = _facts(
    id=TEXT,
    scope=TEXT,
    name=TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    qos_class=MAYBE_TEXT,
    life=WHOLE,
    samples=WHOLE,
    mean=NUMBER,
    max=NUMBER,
    max_ms=WHOLE,
    last=NUMBER,
    last_ms=WHOLE,
    share_of_node=_or_null(NUMBER),
    peaks=_list(_or_null(NUMBER)),
)
_WALL_ROW = _facts(
    key=TEXT,
    id=TEXT,
    ids=_list(TEXT),
    scope=TEXT,
    name=TEXT,
    workload=MAYBE_TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    first_seen_ms=WHOLE,
    samples=WHOLE,
    use=NUMBER,
    max=NUMBER,
    max_ms=WHOLE,
    values=_list(_or_null(NUMBER)),
)
_PROCESS = _facts(
    id=TEXT,
    name=TEXT,
    pid=WHOLE,
    start_ms=WHOLE,
    comm=TEXT,
    cpu_millicores=_or_null(NUMBER),
    cpu_millicores_mean=_or_null(NUMBER),
    cpu_millicores_max=_or_null(NUMBER),
    children_millicores=_or_null(NUMBER),
    rss_bytes=_or_null(NUMBER),
    rss_bytes_first=_or_null(NUMBER),
    rss_bytes_max=_or_null(NUMBER),
    threads=_or_null(NUMBER),
    fds=_or_null(NUMBER),
    readings=WHOLE,
    first_ms=WHOLE,
    last_ms=WHOLE,
    t_ms=_list(WHOLE),
    value=_list(_or_null(NUMBER)),
)
_TREND = _facts(
    id=TEXT,
    name=TEXT,
    is_sure=FLAG,
    slope_per_s=NUMBER,
    slope_low_per_s=NUMBER,
    slope_high_per_s=NUMBER,
    from_ms=WHOLE,
    from_value=NUMBER,
    to_ms=WHOLE,
    to_value=NUMBER,
)
_LEVELS = _facts(id=TEXT, name=TEXT, levels=_list(_facts(from_ms=WHOLE, to_ms=WHOLE, value=NUMBER)))
_PERIOD = _facts(id=TEXT, name=TEXT, period_ms=MAYBE_WHOLE, first_ms=MAYBE_WHOLE)
_LABELLED = dict.fromkeys(("name", "title", "unit", "kind", "label", "source", "help"), TEXT)
_EVENT = _facts(time_ms=WHOLE, kind=TEXT, series=TEXT, name=TEXT, what=TEXT, before=FREE, after=FREE)
_FINDING = _facts(
    kind={"type": "string", "enum": list(KINDS)},
    id=TEXT,
    name=TEXT,
    pod_name=MAYBE_TEXT,
    namespace=MAYBE_TEXT,
    metric=TEXT,
    from_ms=WHOLE,
    to_ms=WHOLE,
    strength=NUMBER,
    text=TEXT,
    others=_list(_facts(id=TEXT, name=TEXT)),
    facts=FREE,
)

ANSWERS: dict[str, tuple[str, JsonSchema]] = {
    "/api/health": (
        "The state of the viewer, and the files that it could not read.",
        _facts(
            state={"type": "string", "enum": ["starting", "waiting", "timed_out", "indexing", "ready"]},
            state_since_ms=WHOLE,
            now_ms=WHOLE,
            waited_s=NUMBER,
            timeout_s=NUMBER,
            data_dir=TEXT,
            newest_ms=MAYBE_WHOLE,
            oldest_ms=MAYBE_WHOLE,
            interval_ms=WHOLE,
            rotation_interval_s=WHOLE,
            index=TEXT,
            index_note=MAYBE_TEXT,
            skipped_files=_list(_facts(file=TEXT, reason=TEXT)),
            skipped_files_total=WHOLE,
            containers_token=MAYBE_TEXT,
            events_token=MAYBE_TEXT,
            pod_name=MAYBE_TEXT,
            port=WHOLE,
            version=TEXT,
        ),
    ),
    "/api/instance": (
        "The node that is shown, and the viewer.",
        _facts(
            node_name=MAYBE_TEXT,
            identifier=MAYBE_TEXT,
            cluster_name=MAYBE_TEXT,
            pod_name=MAYBE_TEXT,
            port=WHOLE,
            now_ms=WHOLE,
            interval_ms=WHOLE,
            version=TEXT,
            packs=_list(
                _facts(file=TEXT, made_by=TEXT, made_at_ms=WHOLE, from_ms=WHOLE, to_ms=WHOLE, redacted=_list(TEXT))
            ),
        ),
    ),
    "/api/metrics": (
        "The metrics that have a value in some file; derived and most used ones first.",
        _facts(
            metrics=_list(
                _facts(
                    **dict.fromkeys(("name", "title", "unit", "kind", "source", "help"), TEXT),
                    needs=_list(TEXT),
                    floor=NUMBER,
                    aliases=_list(TEXT),
                )
            ),
            labelled=_list(_facts(**_LABELLED)),
        ),
    ),
    "/api/filters": (
        "Values by which series can be chosen.",
        _facts(scopes=_list(TEXT), namespaces=_list(TEXT), qos_classes=_list(TEXT), label_keys=_list(TEXT)),
    ),
    "/api/containers": (
        (
            "The series, newest first. `token` names this list, for a later request with `since`; null: it is a part. "
            "If the answer is not `whole`, only what has changed since is listed, in any order, and `removed` has the "
            "ids of series to drop first. A running series that is not listed then was last seen at `newest_ms`."
        ),
        _facts(
            total=WHOLE,
            newest_ms=MAYBE_WHOLE,
            token=MAYBE_TEXT,
            whole=FLAG,
            removed=_list(TEXT),
            containers=_list(_CONTAINER),
        ),
    ),
    "/api/timeseries": (
        (
            "Samples; null is missing. More than 3600 ticks: the first, lowest, highest and last of each pixel column "
            "(`m4`). If a pixel column is a minute or longer, these are chosen from the lowest and highest sample of "
            "each minute, wherever minutes are recorded (`minutes`). With `reduce=mean` there is one value in each "
            "pixel column, at its middle (`mean`)."
        ),
        _facts(
            **_COVERED,
            complete_from_ms=WHOLE,
            interval_ms=WHOLE,
            resolution={"type": "string", "enum": ["raw", "m4", "minutes", "mean"]},
            unknown=_list(TEXT),
            series=_list(_LINE),
        ),
    ),
    "/api/top": (
        (
            "The series that used most of a metric in a range. Without `scope`, these are the leaves: containers, "
            "services, other cgroups and pods that contain no other leaf, and what is outside of all of them. "
            "They add up to `leaves_share_of_node`. No shares if the metric does not add up. In ranges of two hours "
            "and more, means are computed from those of minutes."
        ),
        _facts(
            **_COVERED,
            metric=TEXT,
            unit=TEXT,
            by=TEXT,
            resolution={"type": "string", "enum": ["raw", "minutes"]},
            leaves_share_of_node=_or_null(NUMBER),
            total=WHOLE,
            series=_list(_RANKED),
        ),
    ),
    "/api/wall": (
        (
            "Many series at once: the highest value of each row in each of `columns` equal parts of a range, the most "
            "used row first. `use` is the sum of its samples divided by the number of ticks in the range. `values` are "
            "those of the columns from `first_column` to before `end_column`; null where nothing was recorded. From "
            "minutes, if a column is a minute or longer: an empty column has the maximum of the minute in its middle."
        ),
        _facts(
            **_COVERED,
            complete_from_ms=WHOLE,
            metric=TEXT,
            unit=TEXT,
            by={"type": "string", "enum": ["container", "pod", "workload"]},
            interval_ms=WHOLE,
            resolution={"type": "string", "enum": ["raw", "minutes"]},
            columns=WHOLE,
            first_column=WHOLE,
            end_column=WHOLE,
            total=WHOLE,
            rows=_list(_WALL_ROW),
        ),
    ),
    "/api/changes": (
        (
            "The series that changed in a range: first what stood out, with the sentences of /api/findings, then what "
            "differs from the time before, at most 15 minutes; with `against`, from another range. Lines of JSON: the "
            "last is the answer, the others have `progress`."
        ),
        TEXT,
    ),
    "/api/findings": (
        (
            "What stood out in a range of at most an hour, in sentences, the most important first; an empty list means "
            "that nothing did. `strength` is -log10 of the share of ordinary quarters of an hour of a container that "
            "have as much of it, the same for each kind. It runs in the background, one at a time."
        ),
        _facts(
            before_ms=WHOLE,
            **_COVERED,
            looked_at=_facts(series=WHOLE, ticks=WHOLE, metrics=WHOLE),
            findings=_list(_FINDING),
        ),
    ),
    "/api/studies": (
        (
            "A study of one metric of some series in a range of at most an hour. Series with fewer than "
            f"{MIN_VALUES} values are left out. It runs in the background."
        ),
        _facts(
            study={"type": "string", "enum": list(STUDIES)},
            metric=TEXT,
            unit=TEXT,
            **_COVERED,
            series=_list({"oneOf": [_TREND, _LEVELS, _PERIOD]}),
        ),
    ),
    "/api/export": (
        (
            "A time range as a file. `html` is an incident pack: the page with the raw seconds of at most 6 h, which a "
            "browser opens without a network. With `preview`: JSON about what the file would contain, and about how "
            "large it would be. A file that was cut off lacks its end, and its readers say so."
        ),
        _facts(
            from_ms=WHOLE,
            to_ms=WHOLE,
            series=WHOLE,
            ticks=WHOLE,
            metrics=_list(TEXT),
            bytes=WHOLE,
            redacted=_list(_facts(**{"kind": TEXT, "from": TEXT, "to": TEXT})),
            warnings=_list(TEXT),
        ),
    ),
    "/api/events": (
        "What happened, newest first.",
        _facts(**_COVERED, derived=FLAG, skipped_lines=WHOLE, unknown=_list(TEXT), events=_list(_EVENT)),
    ),
    "/api/processes": (
        "The processes that used most, of those that were recorded: the top ten by CPU and by memory of each series.",
        _facts(
            id=TEXT,
            by={"type": "string", "enum": ["cpu", "memory"]},
            at_ms=MAYBE_WHOLE,
            **_COVERED,
            total=WHOLE,
            processes=_list(_PROCESS),
            names=_list(_facts(comm=TEXT, processes=WHOLE, started=WHOLE)),
        ),
    ),
    "/api/labelled": (
        "Values of a metric by label, such as each disk, every 10 s; those with the highest values first.",
        _facts(
            **_LABELLED,
            at_ms=MAYBE_WHOLE,
            interval_ms=WHOLE,
            **_COVERED,
            series=_list(
                _facts(
                    id=TEXT,
                    name=TEXT,
                    label=TEXT,
                    last_ms=WHOLE,
                    last=_or_null(NUMBER),
                    max=_or_null(NUMBER),
                    t_ms=_list(WHOLE),
                    value=_list(_or_null(NUMBER)),
                )
            ),
        ),
    ),
    "/api/openapi.json": ("This document.", FREE),
    "/at/{time}": ("One second as plain text: the series that used most, and the events around it.", TEXT),
}
"""For each path: a summary, and the JSON schema of its answer."""

_BINARY_TEXT = (
    "Length of the header as u32, little-endian; the header, which is the JSON with a number of samples in `count` and "
    "offsets in `t_ms` and `value`, in bytes from the end of the padding; padding to a multiple of 8; columns of "
    "float64, little-endian, NaN for null."
)
_BINARY_WALL_TEXT = (
    "Length of the header as u32, little-endian; the header, which is the JSON without `values`; padding to a multiple "
    "of 8; the values of all rows as float32, little-endian, row by row, NaN for null."
)
_TAGGED = frozenset({"/api/findings", "/api/metrics", "/api/timeseries", "/api/openapi.json"})
_PROBLEMS = {
    "400": "A parameter is wrong. `parameter` is its name, `allowed` describes the allowed values.",
    "403": "The request comes from a page of another origin.",
    "404": "There is nothing with this name, or no such path.",
    "405": "Only GET and HEAD are allowed.",
    "414": "The query is too long.",
    "421": "The Host header of the request is not allowed.",
    "503": "The viewer is not ready, or too busy. Retry-After is the time in seconds after which to try again.",
}


async def respond(services: Services) -> Response:
    """Return the response to the current request: the OpenAPI document."""
    parsing.no_parameters(request.query_string)
    body = await services.runner.run(lambda: json.dumps(document()).encode())
    return await response_from_parts(services.runner, lambda: iter([body]), etag=entity_tags.of_bytes(body))


def document() -> JsonSchema:
    """Return the OpenAPI document, with all paths, parameters and responses."""
    problem = {
        "type": "object",
        "properties": {"title": TEXT, "status": WHOLE, "detail": TEXT, "parameter": TEXT, "allowed": TEXT},
        "required": ["title", "status", "detail"],
        "additionalProperties": False,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fgm viewer",
            "version": __version__,
            "description": "Every container of a node, second by second. Times are milliseconds since 1970 UTC; the "
            "start of a range belongs to it, its end does not. The values of a list are separated by commas; a "
            "comma within a value is percent-encoded.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: {"get": _operation(path)} for path in TAKES},
        "components": {"schemas": {"Problem": problem, "MetricName": {"type": "string", "enum": list(SHOWN)}}},
    }


def _operation(path: str) -> JsonSchema:
    summary, schema = ANSWERS[path]
    content: JsonSchema = {JSON: {"schema": schema}}
    taken = [_parameter(parameter) for parameter in TAKES[path]]
    if path == "/at/{time}":
        content = {"text/plain": {"schema": schema}}
        time = {"type": "string", "minLength": 1, "examples": ["now", "2025-12-30T16:00:00Z"]}
        form = f"{parameters.TIME_FORM}, or now."
        taken = [{"name": "time", "in": "path", "required": True, "description": form, "schema": time}]
    if path == "/api/export":
        text = "The pack: an HTML file that opens in a browser without a network."
        content[HTML] = {"schema": {"type": "string", "description": text}}
        content[PARQUET] = {"schema": {"type": "string", "format": "binary", "description": "A Parquet file."}}
    if path == "/api/changes":
        content = {JSON_LINES: {"schema": schema}}
    if parameters.FORMAT in TAKES[path]:
        text = _BINARY_WALL_TEXT if path == "/api/wall" else _BINARY_TEXT
        content[BINARY] = {"schema": {"type": "string", "format": "binary", "description": text}}
    ref = {"schema": {"$ref": "#/components/schemas/Problem"}}
    answers: JsonSchema = {"200": {"description": summary, "content": content}}
    if path in _TAGGED:
        answers["304"] = {"description": "The client already has this response: If-None-Match contains its ETag."}
    for status, text in _PROBLEMS.items():
        answers[status] = {"description": text, "content": {"application/problem+json": ref}}
    name = path.removeprefix("/api/").strip("/").replace("/", "_").replace("{", "").replace("}", "").replace(".", "_")
    return {"operationId": name, "summary": summary, "parameters": taken, "responses": answers}


def _parameter(parameter: Parameter) -> JsonSchema:
    shown: JsonSchema = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": parameter.is_required,
        "schema": dict(parameter.schema),
    }
    if parameter.is_list:
        least = {"minItems": 1} if parameter.is_required or parameter.max_items else {}
        most = {} if parameter.max_items is None else {"maxItems": parameter.max_items}
        shown |= {"style": "form", "explode": False}
        shown["schema"] = {"type": "array", "items": dict(parameter.schema), **least, **most}
    return shown
