"""/api/processes: the processes of a series that used most CPU or memory, at an instant or in a range."""

import math
from typing import Any

from quart import Response, request

from fgm.store.samples.series import SHORT_ID_LENGTH
from fgm.store.tables.table_file import Choose
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import ProcessesRequest, resolve_or_instant
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import id_of_key, name_of_key
from fgm.viewer.query.processes import process_query
from fgm.viewer.query.processes.process_query import AT_ONCE_MS, ProcessQuery, ProcessQuestion
from fgm.viewer.query.processes.usage import Usage
from fgm.viewer.web.problems import unknown

ID_LENGTH = 64
"""Number of digits of a full container id."""
MAX_NAMES = 10
"""Maximum number of names of processes in a response."""


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    processes_request, runner = parsing.processes(request.query_string), services.runner
    holdings = await runner.run(services.fresh_holdings)
    question = make_question(holdings, processes_request, services.now_ms())
    query = await runner.run(lambda: services.process_query(question))
    await runner.finish(query, lease)
    return await response_from_parts(runner, lambda: json_parts(answer(query, holdings, processes_request)))


def make_question(holdings: Holdings, processes_request: ProcessesRequest, now_ms: int) -> ProcessQuestion:
    """Return the question of a request.

    Raises: Problem (400) if the range is empty; Problem (404) if there is no such series.
    """
    span = resolve_or_instant(processes_request.span, processes_request.at_ms, holdings, now_ms, AT_ONCE_MS)
    return ProcessQuestion(
        _chosen(holdings, processes_request.id),
        *span,
        processes_request.by,
        processes_request.limit,
        processes_request.points,
        processes_request.span is None,
        holdings.node_name,
    )


def answer(query: ProcessQuery, holdings: Holdings, processes_request: ProcessesRequest) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    best, total = query.result()
    question = query.question
    return {
        "id": processes_request.id,
        "by": question.by,
        "at_ms": question.to_ms - 1 if question.is_instant else None,
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "partial": query.is_cut,
        "skipped_files": query.skipped_files,
        "total": total,
        "processes": [_process(usage, holdings) for usage in best],
        "names": [
            {"comm": comm, "processes": count, "started": started} for comm, count, started in query.names(MAX_NAMES)
        ],
    }


def _process(usage: Usage, holdings: Holdings) -> dict[str, Any]:
    times, values = usage.line.joined()
    return {
        "id": id_of_key(usage.key, holdings.series),
        "name": name_of_key(usage.key, holdings.series),
        "pid": usage.pid,
        "start_ms": usage.start_ms,
        "comm": usage.comm,
        "cpu_millicores": _number(usage.cpu_millicores),
        "cpu_millicores_mean": _number(usage.mean_millicores),
        "cpu_millicores_max": _number(usage.cpu_max) if usage.cpu_max >= 0 else None,
        "children_millicores": _number(usage.children_millicores),
        "rss_bytes": _number(usage.rss_bytes),
        "rss_bytes_first": _number(usage.rss_first),
        "rss_bytes_max": _number(usage.rss_max),
        "threads": _number(usage.threads),
        "fds": _number(usage.fds),
        "readings": usage.readings,
        "first_ms": usage.first_ms,
        "last_ms": usage.last_ms,
        "t_ms": times.tolist(),
        "value": [_number(value) for value in values.tolist()],
    }


def _chosen(holdings: Holdings, name: str) -> Choose:
    """Return the function that chooses the processes of the series with this id.

    Raises: Problem (404) if there is no such series.
    """
    registered = holdings.series.find(name)
    key = name if registered is None else registered.series.key
    kind, _, rest = key.partition(":")
    if key == "node":
        return process_query.of_node
    if kind == "pod" and rest:
        return process_query.of_pod(rest)
    if kind == "cgroup" and rest:
        return process_query.of_cgroup(rest)
    if registered is None and not (SHORT_ID_LENGTH <= len(name) <= ID_LENGTH and set(name) <= set("0123456789abcdef")):
        raise unknown("id", "series", name[:256], "an id from /api/containers")
    return process_query.of_container(key)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
