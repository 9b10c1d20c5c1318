"""/api/filters: the values by which series can be filtered: scopes, namespaces, QoS classes and label names."""

from typing import Any

from quart import Response, request

from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import HIDDEN_SCOPES, labels_in


async def respond(services: Services) -> Response:
    """Return the response to the current request."""
    parsing.no_parameters(request.query_string)
    return await response_from_parts(services.runner, lambda: json_parts(answer(services.fresh_holdings())))


def answer(holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value. Each list is sorted. Scopes that are hidden by default are left out."""
    registered = holdings.series.by_id.values()
    series = [entry.series for entry in registered if entry.series.scope not in HIDDEN_SCOPES]
    labels = {name for facts in holdings.facts.values() for name in labels_in(facts)}
    return {
        "scopes": sorted({s.scope for s in series}),
        "namespaces": sorted({s.namespace for s in series if s.namespace}),
        "qos_classes": sorted({s.qos_class for s in series if s.qos_class}),
        "label_keys": sorted(labels),
    }
