"""/api/instance: identifies the node that is shown, and the viewer."""

from collections.abc import Mapping, Sequence
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
    packs = () if services.packs is None else services.packs.facts
    return json_response(answer(services.scanner.holdings(), services.address, services.now_ms(), packs))


def answer(
    holdings: Holdings, address: Address, now_ms: int, packs: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return the JSON value. Facts about the node are null until the header of a file has been read."""
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
        "packs": list(packs),
    }
