"""Makes responses from the parts of a body: compresses them if that saves time, and streams long ones."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from typing import Any

from quart import Response, request

from fgm.viewer.api.response.media_types import BINARY, JSON
from fgm.viewer.api.response.query_runner import QueryRunner
from fgm.viewer.web import entity_tags
from fgm.viewer.web.compression import MIN_BYTES, accepts_gzip, gzip_parts

PART_BYTES = 256 << 10
"""Minimum size of a body that is streamed, so that it is never in memory as a whole; also the size of its pieces."""

MakeParts = Callable[[], Iterator[bytes]]
"""Makes the parts of a body. The function and the iterator that it returns run in worker threads."""


def json_parts(facts: dict[str, Any]) -> Iterator[bytes]:
    """Return an iterator over the one part of a JSON body."""
    return iter([json.dumps(facts).encode()])


def json_response(facts: dict[str, Any]) -> Response:
    """Return a response with a short JSON body. It is not compressed, and the client must not cache it."""
    return Response(json.dumps(facts), headers={"Content-Type": JSON, "Cache-Control": "no-store"})


async def response_from_parts(
    runner: QueryRunner,
    make: MakeParts,
    media_type: str = JSON,
    etag: str | None = None,
    *,
    in_background: bool = False,
) -> Response:
    """Return the response to the current request, with a body made of the parts that `make` returns.

    `etag`: entity tag of the response; None: the client must not cache it. If the client already has the response with
    this tag, it gets status 304, and `make` is not called. `in_background`: whether the request is no reason for work
    in the background to wait.
    """
    headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
    if etag is not None:
        headers |= {"Cache-Control": "private, no-cache", "ETag": f"W/{etag}"}
        if entity_tags.matches(request.headers.get("If-None-Match"), etag):
            return Response(b"", status=304, headers=headers)
    may_zip = media_type != BINARY and accepts_gzip(request.headers.get("Accept-Encoding"))
    if media_type != BINARY:
        headers["Vary"] = "Accept-Encoding"

    def begin() -> tuple[bytes, Iterator[bytes], bool]:
        parts = make()
        first = _next_parts(parts, PART_BYTES)
        is_zipped = may_zip and len(first) >= MIN_BYTES
        if is_zipped:
            parts = gzip_parts(chain([first], parts))
            first = _next_parts(parts, PART_BYTES)
        return first, parts, is_zipped

    run = runner.run_in_background if in_background else runner.run
    first, parts, is_zipped = await run(begin)
    if is_zipped:
        headers["Content-Encoding"] = "gzip"
    if len(first) < PART_BYTES:
        return Response(first, headers=headers)
    return Response(_stream(runner, first, parts), headers=headers)


async def _stream(runner: QueryRunner, first: bytes, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield `first` and then the other parts; each is made after the one before has been sent."""
    part = first
    while part:
        yield part
        part = await runner.run(lambda: _next_parts(parts, PART_BYTES))


def _next_parts(parts: Iterator[bytes], size: int) -> bytes:
    """Return the next parts, joined to at least `size` bytes; fewer at the end, and none after it."""
    taken: list[bytes] = []
    while size > 0 and (part := next(parts, None)) is not None:
        taken.append(part)
        size -= len(part)
    return b"".join(taken)
