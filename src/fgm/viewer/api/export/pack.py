"""Incident packs, which are streamed while they are made. A failure cuts the connection: the file has no manifest."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from anyio import CancelScope, to_thread
from quart import Response, request

from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.pack_maker import PackMaker
from fgm.viewer.api.export.pack_preview import SAMPLE_MS, PackPreview, too_large
from fgm.viewer.api.export.pack_question import PackQuestion, make_question, names_of
from fgm.viewer.api.export.pieces import Pieces
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.response.media_types import HTML
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.packs.pack_format import BadPackError

SAMPLES_PER_ROW = 3
"""Memory of one row while a metric of all series is encoded, in samples."""


async def respond(services: Services, lease: Lease, export_request: ExportRequest, holdings: Holdings) -> Response:
    """Return the response with a file, or with the preview of one."""
    runner = services.runner
    pack = await runner.run(lambda: make_question(holdings, export_request, services.now_ms()))
    names = await runner.run(lambda: names_of(holdings, pack))
    if export_request.is_preview:
        return json_response(await _previewed(services, lease, PackPreview(services, holdings, pack, names), pack))
    pieces = Pieces(PackMaker(services, holdings, pack, names).pieces())
    try:
        async with runner.long_query:
            await lease.take(SAMPLES_PER_ROW * len(pack.series) * pack.ticks)
            first = await _next_piece(services, pieces)
    except BadPackError as error:
        raise too_large(error) from error
    except BaseException:
        await _close(pieces)
        raise

    async def body() -> AsyncIterator[bytes]:
        piece: bytes | None = first
        try:
            async with runner.long_query:
                while piece is not None:
                    yield piece
                    piece = await _next_piece(services, pieces)
        finally:
            await _close(pieces)

    name = file_name(names.node_name(holdings.node_name), pack.question.from_ms, "html")
    headers = {
        "Content-Type": HTML,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    if request.method == "HEAD":  # the body would never begin, and so its folder would stay
        await _close(pieces)
        return Response(b"", headers=headers)
    return Response(body(), headers=headers)


async def _previewed(services: Services, lease: Lease, preview: PackPreview, pack: PackQuestion) -> dict[str, Any]:
    """Return the JSON value about a pack."""
    steps = Pieces(preview.steps())
    try:
        async with services.runner.long_query:
            ticks = min(pack.ticks, 2 * SAMPLE_MS // pack.question.tick_ms)
            await lease.take(SAMPLES_PER_ROW * len(pack.series) * ticks)
            await _next_piece(services, steps)  # there are no bytes
    finally:
        await _close(steps)
    return await services.runner.run(preview.answer)


async def _close(pieces: Pieces) -> None:
    """Remove the private folder of a pack, also if the request was canceled."""
    with CancelScope(shield=True):
        await to_thread.run_sync(pieces.close)


async def _next_piece(services: Services, pieces: Iterator[bytes]) -> bytes | None:
    """Run the next steps until one has bytes; None: the pack is complete. Each waits for requests of others."""
    while True:
        piece = await services.runner.run_in_background(lambda: next(pieces, None))
        if piece is None or piece:
            return piece
