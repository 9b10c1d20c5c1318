"""The threads in which requests are answered, a step at a time, and how an answer leaves them."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from typing import Any, Protocol, TypeVar

from anyio import CapacityLimiter, Lock, to_thread
from quart import Response, request

from fgm.viewer.api.response.encoding import take
from fgm.viewer.api.response.memory_budget import LEASE, Lease
from fgm.viewer.web import entity_tags as tags
from fgm.viewer.web.compression import MIN_BYTES, accepts_gzip, gzip_parts

MAX_WORKERS = 2
"""Queries take turns in so many threads, step by step, so that a long one does not hold up a short one."""
PART_BYTES = 256 << 10
"""An answer of more than this is sent as it is made, so that it is never in memory as a whole."""
JSON, BINARY, TEXT = "application/json", "application/octet-stream", "text/plain; charset=utf-8"
LINES = "application/x-ndjson"
SAY_EVERY = 0.02

T = TypeVar("T")


class Steps(Protocol):
    """A query that is moved on step by step. `most_samples`: what it may have in memory, as far as is known by now."""

    @property
    def most_samples(self) -> int: ...  # noqa: D102

    def step(self) -> bool: ...  # noqa: D102


class ProgressiveSteps(Steps, Protocol):
    """Steps that know how far they are. `progress`: 0 to 1; `drop`: frees what it holds."""

    def drop(self) -> None: ...  # noqa: D102

    @property
    def progress(self) -> float: ...  # noqa: D102


P = TypeVar("P", bound=ProgressiveSteps)


class Workers:
    """Does the blocking work of requests."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None
        self._long: Lock | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread, when it is its turn."""
        if self._limiter is None:  # it belongs to the event loop that serves
            self._limiter = CapacityLimiter(MAX_WORKERS)
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def finish(self, query: Steps) -> None:
        """Take what a query needs of the budget, and move it on to its end."""
        lease: Lease = request.scope[LEASE]  # type: ignore[literal-required]
        await lease.take(query.most_samples)
        while await self.run(query.step):
            lease.grow(query.most_samples)

    def tell(self, make: Callable[[], P], answer: Callable[[P], dict[str, Any]]) -> Response:
        """Answer with lines of JSON that say how far a long query is, and last with its answer.

        One such query is made and moved on at a time, so that others have threads and memory; the next ones wait.
        """
        lease: Lease = request.scope[LEASE]  # type: ignore[literal-required]

        async def lines() -> AsyncIterator[bytes]:
            if self._long is None:  # it belongs to the event loop that serves
                self._long = Lock()
            async with self._long:
                query = await self.run(make)
                try:
                    await lease.take(query.most_samples)
                    said = 0.0
                    while await self.run(query.step):
                        if query.progress >= said + SAY_EVERY:
                            said = query.progress
                            yield _line({"progress": round(said, 2)})
                    last = _line(await self.run(lambda: answer(query)))
                finally:
                    query.drop()  # the traceback of a client that has gone may hold it for a while
                lease.give_back()
            yield last

        return Response(lines(), headers={"Content-Type": LINES, "Cache-Control": "no-store"})

    async def reply(
        self, make: Callable[[], Iterator[bytes]], media_type: str = JSON, etag: str | None = None
    ) -> Response:
        """Answer with what `make` yields: compressed where that pays, as a stream where it is long.

        `etag`: what it is known by later; the answer to a client that names it is empty.
        """
        headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
        if etag is not None:
            headers |= {"Cache-Control": "private, no-cache", "ETag": f"W/{etag}"}
            if tags.matches(request.headers.get("If-None-Match"), etag):
                return Response(b"", status=304, headers=headers)
        may_zip = media_type != BINARY and accepts_gzip(request.headers.get("Accept-Encoding"))
        if media_type != BINARY:
            headers["Vary"] = "Accept-Encoding"

        def begin() -> tuple[bytes, Iterator[bytes], bool]:
            parts = make()
            first = take(parts, PART_BYTES)
            is_zipped = may_zip and len(first) >= MIN_BYTES
            if is_zipped:
                parts = gzip_parts(chain([first], parts))
                first = take(parts, PART_BYTES)
            return first, parts, is_zipped

        first, parts, is_zipped = await self.run(begin)
        if is_zipped:
            headers["Content-Encoding"] = "gzip"
        if len(first) < PART_BYTES:
            return Response(first, headers=headers)
        return Response(self._stream(first, parts), headers=headers)

    async def _stream(self, first: bytes, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Yield `first`, and then what the next parts make, as fast as it is taken."""
        part = first
        while part:
            yield part
            part = await self.run(lambda: take(parts, PART_BYTES))


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"
