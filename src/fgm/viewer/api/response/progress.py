"""Responses to long queries: lines of JSON that report the progress, and at last the answer."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from quart import Response

from fgm.viewer.api.response.media_types import JSON_LINES
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.query_runner import QueryRunner, SteppedQuery

MIN_PROGRESS = 0.02
"""Minimum progress between two lines."""


class ProgressingQuery(SteppedQuery, Protocol):
    """A query that reports its progress, 0 to 1. `drop` frees its memory."""

    def drop(self) -> None: ...  # noqa: D102 - see the class

    @property
    def progress(self) -> float: ...  # noqa: D102 - see the class


P = TypeVar("P", bound=ProgressingQuery)


def progress_response(
    runner: QueryRunner, lease: Lease, make: Callable[[], P], answer: Callable[[P], dict[str, Any]]
) -> Response:
    """Return lines for the query that `make` makes: its progress, and then the `answer` made from it.

    Queries of this kind are made and run one after the other.
    """

    async def lines() -> AsyncIterator[bytes]:
        async with runner.long_query:
            query = await runner.run(make)
            try:
                await lease.take(query.max_samples)
                reported = 0.0
                while await runner.run(query.step):
                    if query.progress >= reported + MIN_PROGRESS:
                        reported = query.progress
                        yield _line({"progress": round(reported, 2)})
                last = _line(await runner.run(lambda: answer(query)))
            finally:
                query.drop()  # the traceback of a request that was given up may keep the query for a while
            lease.give_back()
        yield last

    return Response(lines(), headers={"Content-Type": JSON_LINES, "Cache-Control": "no-store"})


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"
