"""A client of the API of a viewer that runs as a process of its own."""

import contextlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import anyio

from tests.support.processes import LOOK_AGAIN_S


@dataclass(frozen=True)
class Viewer:
    """The API of a running viewer, by its port."""

    port: int

    async def get(self, path: str, **parameters: Any) -> tuple[int, Any]:
        """Return status and JSON of a response.

        Raises: OSError if the viewer does not listen yet.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        async with await anyio.connect_tcp("127.0.0.1", self.port) as stream:
            request = f"GET {path}{query} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
            await stream.send(request.encode())
            answer = b"".join([part async for part in stream])
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            body = _unchunk(body)
        return int(head.split()[1]), json.loads(body)

    async def ready(self, within_s: float = 30) -> dict[str, Any]:
        """Wait until the viewer has data; return its health."""
        with anyio.fail_after(within_s):
            while True:
                with contextlib.suppress(OSError):
                    _, health = await self.get("/api/health")
                    if health["state"] == "ready":
                        return dict(health)
                await anyio.sleep(LOOK_AGAIN_S)

    async def containers(self, **parameters: Any) -> dict[str, dict[str, Any]]:
        """Return the listed series by id."""
        status, answer = await self.get("/api/containers", **parameters)
        assert status == 200, answer
        return {entry["id"]: entry for entry in answer["containers"]}

    async def series(self, metric: str, series_id: str, range_: str = "5m") -> dict[int, float | None]:
        """Return the values of one series, by their time in ms."""
        status, answer = await self.get("/api/timeseries", metric=metric, containers=series_id, range=range_)
        assert status == 200, answer
        return {t: v for part in answer["series"] for t, v in zip(part["t_ms"], part["value"], strict=True)}


def _unchunk(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)
