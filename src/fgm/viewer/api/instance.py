"""/api/instance: which node is shown, and by which viewer."""

from typing import Any

from quart import Response, request

from fgm import __version__
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.responses import json_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.health import Address


async def respond(services: Services) -> Response:
    """Return the response to the current request."""
    parsing.no_parameters(request.query_string)
    return json_response(answer(services.scanner.holdings(), services.address, services.now_ms()))


def answer(holdings: Holdings, address: Address, now_ms: int) -> dict[str, Any]:
    """Return the identity of the node, null until a file header is read, and that of the viewer."""
    header = holdings.header
    return {
        "node_name": None if header is None else header.node_name,
        "identifier": None if header is None else header.identifier,
        "cluster_name": None if header is None else header.cluster_name,
        "pod_name": address.pod_name,
        "port": address.port,
        "now_ms": now_ms,
        "interval_ms": holdings.tick_ms,
        "version": __version__,
    }
