"""Responses to long queries: lines of JSON that first report the progress, and finally have the answer."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from quart import Response

from fgm.viewer.api.response.media_types import JSON_LINES
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.query_runner import QueryRunner, SteppedQuery

MIN_PROGRESS = 0.02
"""Minimum progress between two lines, as a share of the whole."""


class ProgressingQuery(SteppedQuery, Protocol):
    """A query that reports its progress.

    `progress`: from 0 to 1. `drop`: frees the memory of the query, which must not be used afterwards.
    """

    def drop(self) -> None: ...  # noqa: D102 - see the class

    @property
    def progress(self) -> float: ...  # noqa: D102 - see the class


P = TypeVar("P", bound=ProgressingQuery)


def progress_response(
    runner: QueryRunner, lease: Lease, make: Callable[[], P], answer: Callable[[P], dict[str, Any]]
) -> Response:
    """Return a response that streams JSON lines: the progress of a query, then its answer.

    `make` creates the query, and `answer` makes the JSON value from it after its last step. Only one query of this kind
    runs at a time, and each of its steps waits until no other request is being worked on.
    """

    async def lines() -> AsyncIterator[bytes]:
        async with runner.long_query:
            query = await runner.run_in_background(make)
            try:
                await lease.take(query.max_samples)
                reported = 0.0
                while await runner.run_in_background(query.step):
                    if query.progress >= reported + MIN_PROGRESS:
                        reported = query.progress
                        yield _line({"progress": round(reported, 2)})
                last = _line(await runner.run_in_background(lambda: answer(query)))
            finally:
                query.drop()  # if the request failed, its traceback may refer to the query for a while
            lease.give_back()
        yield last

    return Response(lines(), headers={"Content-Type": JSON_LINES, "Cache-Control": "no-store"})


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"
