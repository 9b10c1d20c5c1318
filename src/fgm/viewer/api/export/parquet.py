"""Exports in Parquet, which are streamed while they are made. A failure cuts the connection: the file has no footer."""

from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus

from quart import Response

from fgm.metrics.shown import SHOWN
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series
from fgm.viewer.api.export.file_names import file_name
from fgm.viewer.api.export.parquet_preview import SampledSize, answer
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.response.media_types import PARQUET
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.query_runner import QueryRunner
from fgm.viewer.api.response.responses import json_response
from fgm.viewer.api.services import Services
from fgm.viewer.api.timeseries import ADOPTED_SCOPES, resolved
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.exports.parquet_export import ExportQuestion, ParquetExport
from fgm.viewer.exports.range_rows import RangeQuestion
from fgm.viewer.files.reader import Choose
from fgm.viewer.web.problems import Problem

MAX_ROWS = 100_000
"""Maximum number of rows in memory, of one column."""
SAMPLES = 6 * MAX_ROWS
"""Number of samples that count as memory for an export: a column is sorted, encoded and compressed."""
DEFAULT_METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s")
"""Names of the metrics of an export if the request names none."""


async def respond(services: Services, lease: Lease, export_request: ExportRequest, holdings: Holdings) -> Response:
    """Return the response with a file, or with the preview of one."""
    runner, now_ms = services.runner, services.now_ms()
    question = await runner.run(lambda: make_question(holdings, export_request, now_ms))
    await lease.take(SAMPLES)
    export = ParquetExport(question, services.sources, lambda series: named(series, holdings))
    if export_request.is_preview:
        size = SampledSize(export)
        while await runner.run_in_background(size.step):
            pass
        return json_response(await runner.run(lambda: answer(question, holdings, size, export.skipped_files)))
    parts = export.parts()
    first = await runner.run_in_background(lambda: next(parts, b""))
    if not first:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "there are no samples of these series in this range",
            parameter="from",
            allowed="a range with samples; of older ranges there may be only minutes, which are not exported",
        )
    headers = {
        "Content-Type": PARQUET,
        "Content-Disposition": f'attachment; filename="{file_name(holdings, question.rows.from_ms, "parquet")}"',
        "Cache-Control": "no-store",
    }
    return Response(_stream(runner, first, parts), headers=headers)


def make_question(holdings: Holdings, export_request: ExportRequest, now_ms: int) -> ExportQuestion:
    """Return what is exported for a request.

    Raises: Problem (404) if none of the requested series exists; Problem (400) if the range is empty.
    """
    from_ms, to_ms = export_request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    choose = _chosen(holdings, export_request, from_ms, to_ms)
    rows = RangeQuestion(from_ms, to_ms, choose, (), holdings.node_name, holdings.rotation_ms, max_rows=MAX_ROWS)
    metrics = export_request.metrics or tuple(SHOWN[name] for name in DEFAULT_METRICS)
    return ExportQuestion(rows, metrics, holdings.tick_ms)


def named(series: Series, holdings: Holdings) -> Series:
    """Return a series with the names that the page shows: those that became known last."""
    registered = holdings.series.find(series.key)
    return series if registered is None else registered.series


def _chosen(holdings: Holdings, export_request: ExportRequest, from_ms: int, to_ms: int) -> Choose:
    """Return a function that chooses series of files: also those that are not registered, if they are requested."""
    if export_request.ids is not None:
        each = [resolved(holdings, (name,)) for name in export_request.ids]  # none of them may be unknown
        keys = frozenset[str]().union(*(found for found, _ in each))
        prefixes = tuple(prefix for _, found in each for prefix in found)
        return lambda present: {s.key for s in present if s.key in keys or (s.container_id or "").startswith(prefixes)}
    snapshot, conditions = holdings.series, export_request.filter
    entries = [entry for entry in snapshot.by_id.values() if snapshot.is_within(entry, from_ms, to_ms)]
    if conditions is not None:
        passing = {e.series.key for e in entries if passes(e, conditions, labels_of(e, holdings))}
        return lambda present: {series.key for series in present if series.key in passing}
    leaves = leaf_keys(entry.series for entry in entries)
    return lambda present: {s.key for s in present if s.key in leaves or _is_new_leaf(s, holdings)}


def _is_new_leaf(series: Series, holdings: Holdings) -> bool:
    """Return whether a series is the node or a leaf, although it is not registered."""
    return series.scope == "node" or (series.scope in ADOPTED_SCOPES and holdings.series.find(series.key) is None)


async def _stream(runner: QueryRunner, first: bytes, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    part = first
    while part:
        yield part
        part = await runner.run_in_background(lambda: next(parts, b""))
