"""Starts the real daemons as processes of their own, for the tests that look at the whole."""

import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any
from urllib.parse import urlencode

import anyio
from anyio.abc import Process

LOOK_AGAIN_S = 0.05


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def daemon(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Run `python -m module`; it is ended, in order if possible, when the block is left."""
    async with await anyio.open_process(
        [sys.executable, "-m", module, *arguments], stdin=DEVNULL, stdout=DEVNULL, stderr=None
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                    await process.wait()
            if process.returncode is None:
                process.kill()


async def run(module: str, *arguments: str) -> tuple[int, str]:
    """Run `python -m module` to its end; return its status and what it said on standard error."""
    done = await anyio.run_process(
        [sys.executable, "-m", module, *arguments], check=False, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    return done.returncode, done.stderr.decode()


@dataclass(frozen=True)
class Viewer:
    """A running viewer's API."""

    port: int

    async def get(self, path: str, **parameters: Any) -> tuple[int, Any]:
        """Return status and JSON of an answer; raises OSError while nobody listens."""
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
        """Wait until it has data; return what it says of its health."""
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
        """Return one series as time to value."""
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


def journals(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("dt=*/identifier=*/live-*.journal"))


def parquet_files(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("dt=*/identifier=*/metrics-*.parquet"))
