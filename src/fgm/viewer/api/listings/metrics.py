"""/api/metrics: lists the metrics that have values in the data."""

import json
from typing import Any

from quart import Response, request

from fgm.metrics.derived import ShownMetric
from fgm.metrics.labelled import LABELLED, RECORDED_LABELLED, LabelledMetric
from fgm.metrics.shown import ALIASES, SHOWN
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.web import entity_tags


async def respond(services: Services) -> Response:
    """Return the response to the current request."""
    parsing.no_parameters(request.query_string)
    body = await services.runner.run(lambda: json.dumps(answer(services.scanner.holdings())).encode())
    return await response_from_parts(services.runner, lambda: iter([body]), etag=entity_tags.of_bytes(body))


def answer(holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value: the metrics whose columns all have a value in some file, and all labelled metrics."""
    columns = holdings.metrics
    return {
        "metrics": [_metric(metric) for metric in SHOWN.values() if metric.has_values(columns)],
        "labelled": [described(labelled) for labelled in LABELLED.values()],
    }


def described(labelled: LabelledMetric) -> dict[str, Any]:
    """Return what is known of a labelled metric, for JSON."""
    metric = labelled.metric
    is_recorded_counter = metric.kind == "counter" and metric.name in RECORDED_LABELLED
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": labelled.unit,
        "kind": metric.kind,
        "label": labelled.label,
        "source": metric.source,
        "help": f"{metric.help} Shown as growth per second." if is_recorded_counter else metric.help,
    }


def _metric(metric: ShownMetric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "unit": metric.unit,
        "kind": metric.kind,
        "source": metric.source,
        "help": metric.help,
        "needs": list(metric.needs),
        "floor": floor_of(metric.name),
        "aliases": sorted(alias for alias, name in ALIASES.items() if name == metric.name),
    }
