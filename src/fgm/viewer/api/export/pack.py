"""Incident packs, which are streamed while they are made. A failure cuts the connection: the file has no manifest."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from anyio import CancelScope, to_thread
from quart import Response, request

from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.pack_maker import PackMaker
from fgm.viewer.api.export.pack_question import PackQuestion, make_question, names_of
from fgm.viewer.api.export.pieces import Pieces
from fgm.viewer.api.export.replaced_names import some_replaced_names
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.response.media_types import HTML
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.web.problems import bad_parameter

SAMPLES_PER_ROW = 3
"""Memory of one row while a metric of all series is encoded, in samples."""


async def respond(services: Services, lease: Lease, export_request: ExportRequest, holdings: Holdings) -> Response:
    """Return the response with a file, or with the preview of one."""
    runner = services.runner
    pack = await runner.run(lambda: make_question(holdings, export_request, services.now_ms()))
    names = await runner.run(lambda: names_of(holdings, pack))
    maker = PackMaker(services, holdings, pack, names, with_findings=not export_request.is_preview)
    pieces, size = Pieces(maker.pieces()), 0
    try:
        async with runner.long_query:
            await lease.take(SAMPLES_PER_ROW * len(pack.series) * pack.ticks)
            first = await _next_piece(services, pieces)
            while export_request.is_preview and first is not None:
                size += len(first)
                first = await _next_piece(services, pieces)
    except BadPackError as error:
        raise bad_parameter("range", str(error), "a shorter range, fewer series or fewer metrics") from error
    except BaseException:
        await _close(pieces)
        raise
    if export_request.is_preview:
        return json_response(preview(pack, names, size, maker))

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


def preview(pack: PackQuestion, names: Redaction, size: int, maker: PackMaker) -> dict[str, Any]:
    """Return the JSON value about a pack. `size`: its bytes; `maker`: has made it."""
    question = pack.question
    return {
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "series": len(pack.series),
        "ticks": pack.ticks,
        "metrics": [metric.name for metric in question.metrics],
        "bytes": size,
        "redacted": some_replaced_names(names),
        "warnings": [*maker.warnings(), *names.warnings()],
    }


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
