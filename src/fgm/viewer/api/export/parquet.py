"""Exports in Parquet, which are streamed while they are made. A failure cuts the connection: the file has no footer."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from anyio import CancelScope, to_thread
from quart import Response, request

from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.parquet_preview import SampledSize, answer
from fgm.viewer.api.export.parquet_question import MAX_ROWS, ParquetQuestion, make_question
from fgm.viewer.api.export.pieces import Pieces
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.response.media_types import PARQUET
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.query_runner import QueryRunner
from fgm.viewer.api.response.responses import json_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.exports.long_export import MAX_VALUES
from fgm.viewer.web.problems import Problem

SAMPLES = 6 * MAX_ROWS
"""Number of samples that count as memory for an export: a column is sorted, encoded and compressed."""
LONG_SAMPLES = 3 * MAX_VALUES
"""The same for a table with a row for each value."""


async def respond(services: Services, lease: Lease, export_request: ExportRequest, holdings: Holdings) -> Response:
    """Return the response with a file, or with the preview of one."""
    runner, now_ms = services.runner, services.now_ms()
    question = await runner.run(lambda: make_question(holdings, export_request, now_ms))
    await lease.take(LONG_SAMPLES if question.is_long else SAMPLES)
    if export_request.is_preview:
        return json_response(await _preview(services, question))
    parts = Pieces(question.export(services.sources).parts())
    first = await runner.run_in_background(lambda: next(parts, b""))
    if not first:
        raise nothing_recorded()
    name = file_name(question.names.node_name(holdings.node_name), question.range[0], "parquet")
    headers = {
        "Content-Type": PARQUET,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    if request.method == "HEAD":  # the body would never begin, and so its files would stay open
        parts.close()
        return Response(b"", headers=headers)
    return Response(_stream(runner, first, parts), headers=headers)


def nothing_recorded() -> Problem:
    """Return the problem that there would be no rows."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        "there are no samples of these series in this range",
        parameter="from",
        allowed="a range with samples; of older ranges there may be only minutes, which are not exported",
    )


async def _stream(runner: QueryRunner, first: bytes, parts: Pieces) -> AsyncIterator[bytes]:
    part = first
    try:
        while part:
            yield part
            part = await runner.run_in_background(lambda: next(parts, b""))
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(parts.close)


async def _preview(services: Services, question: ParquetQuestion) -> dict[str, Any]:
    """Return the JSON value about a file."""
    export, runner = question.export(services.sources), services.runner
    size = SampledSize(export)
    while await runner.run_in_background(size.step):
        pass
    skipped = export.skipped_files
    return await runner.run(lambda: answer(question.question, question.holdings, size, skipped, question.names))
