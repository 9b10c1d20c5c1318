"""/api/export: a time range as a file that is kept or given to others."""

from quart import Response, request

from fgm.viewer.api.export import pack, parquet
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.services import Services


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    export_request = parsing.export(request.query_string)
    holdings = await services.holdings_within(export_request.span)
    respond_with = pack.respond if export_request.format == "html" else parquet.respond
    return await respond_with(services, lease, export_request, holdings)
