"""/api/openapi.json: the OpenAPI document, made from the table of parameters and the schemas of the answers."""

import json

from quart import Response, request

from fgm import __version__
from fgm.metrics.shown import SHOWN
from fgm.viewer.api.openapi.answers import ANSWERS
from fgm.viewer.api.openapi.schemas import TEXT, WHOLE, JsonSchema
from fgm.viewer.api.request import parameters, parsing
from fgm.viewer.api.request.parameters import TAKES, Parameter
from fgm.viewer.api.response.media_types import BINARY, HTML, JSON, JSON_LINES, PARQUET
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.web import entity_tags

_BINARY_TEXT = (
    "Length of the header as u32, little-endian; the header, which is the JSON with a number of samples in `count` and "
    "offsets in `t_ms` and `value`, in bytes from the end of the padding; padding to a multiple of 8; columns of "
    "float64, little-endian, NaN for null."
)
_BINARY_WALL_TEXT = (
    "Length of the header as u32, little-endian; the header, which is the JSON without `values`; padding to a multiple "
    "of 8; the values of all rows as float32, little-endian, row by row, NaN for null."
)
_TAGGED = frozenset({"/api/findings", "/api/metrics", "/api/timeseries", "/api/wall", "/api/openapi.json"})
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
