"""An engine on a Unix socket that sends the responses of a real one: of Docker 20.10, and of Podman 4.3."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import anyio
from anyio import to_thread

from tests.support.processes import LOOK_AGAIN_S

DATA = Path(__file__).parents[2] / "data" / "engines"
DOCKER_CONTAINERS: list[dict[str, Any]] = json.loads((DATA / "docker-containers.json").read_text())
DOCKER_EVENTS = (DATA / "docker-events.jsonl").read_bytes().splitlines(keepends=True)
PODMAN_CONTAINERS: list[dict[str, Any]] = json.loads((DATA / "podman-containers.json").read_text())
LISTS = ("/containers/json?", "/v4.0.0/libpod/containers/json")
"""Beginnings of the paths of the lists of Docker and Podman."""


class EngineServer:
    """The server. `requests`: paths of the requests so far; `body`: a list to send instead of `containers`."""

    def __init__(self, path: Path, containers: list[dict[str, Any]]) -> None:
        self.path = str(path)
        self.containers = containers
        self.body: bytes | None = None
        self.requests: list[str] = []
        self.streams: list[socket.socket] = []
        self.is_stopped = threading.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["EngineServer"]:
        """Serve until the block ends. Then the socket is gone, and all connections are closed."""
        self.is_stopped.clear()
        server = ThreadingUnixStreamServer(self.path, _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.005,))
        thread.start()
        try:
            yield self
        finally:
            with anyio.CancelScope(shield=True):
                self.is_stopped.set()
                await to_thread.run_sync(server.shutdown)
                os.unlink(self.path)
                await to_thread.run_sync(self._cut)
                await to_thread.run_sync(server.server_close)
                await to_thread.run_sync(thread.join)

    async def streaming(self, count: int = 1) -> None:
        """Wait until that many streams of events were opened."""
        with anyio.fail_after(20):
            while len(self.streams) < count:
                await anyio.sleep(LOOK_AGAIN_S)

    async def send(self, data: bytes) -> None:
        """Send some bytes on each open stream of events."""
        for stream in self.streams:
            await to_thread.run_sync(stream.sendall, b"%x\r\n%s\r\n" % (len(data), data))

    async def end_streams(self) -> None:
        """End each open stream of events in order."""
        for stream in self.streams:
            await to_thread.run_sync(stream.sendall, b"0\r\n\r\n")

    def _cut(self) -> None:
        for stream in self.streams:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)


def _handler(engine: EngineServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            engine.requests.append(self.path)
            if self.path.startswith("/events?"):
                self._stream()
            elif self.path.startswith(LISTS):
                self._answer(200, json.dumps(engine.containers).encode() if engine.body is None else engine.body)
            else:
                self._answer(404, b'{"message":"page not found"}')

        def address_string(self) -> str:
            return "a Unix socket"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            engine.streams.append(self.connection)
            with contextlib.suppress(OSError):
                self.connection.recv(1)  # the client sends nothing more, so this returns when either side closes

    return Handler
