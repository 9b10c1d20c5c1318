#!/usr/bin/env bash
# Hypercorn 0.18.0 on CPython 3.11, 3.12 and 3.13 (asyncio).
# A client has connected and sent its whole request when the server is told to stop (shutdown_trigger), with graceful_timeout=5.
# Expected: a connection that the server has accepted is answered within the graceful timeout, or is not accepted, so that another
#       process with the same listening socket can answer it.
# Seen: if the server is told to stop in the turn of the event loop in which it accepts the connection, or (before 3.13) in the next, it
#       closes the connection without a byte, at once; two turns later it answers. asyncio needs some turns from accept to the
#       task of the connection, and Hypercorn waits only for the tasks that it knows when it stops.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 77
"$folder/venv/bin/pip" install --quiet hypercorn==0.18.0 || exit 77
cat > "$folder/stop.py" <<'PYTHON'
import asyncio
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

TURNS = 8


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def response_after(turns):
    """Return the response if the server is told to stop so many turns of the event loop after the request was sent."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config, stop, serving = Config(), asyncio.Event(), asyncio.Event()
    config.bind = [f"fd://{listening.detach()}"]
    config.graceful_timeout = 5

    async def trigger():
        serving.set()
        await stop.wait()

    server = asyncio.create_task(serve(app, config, shutdown_trigger=trigger))
    await serving.wait()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for _ in range(turns):
            await asyncio.sleep(0)
        stop.set()
        await server
        return await asyncio.to_thread(lambda: b"".join(iter(lambda: client.recv(4096), b"")))


async def main():
    answered = [(await response_after(turns)).endswith(b"hello") for turns in range(TURNS)]
    print("told to stop after turns of the event loop:", *range(TURNS))
    print("answered:", *answered)
    print("expected: each of them is answered")
    return 0 if not all(answered) and answered[-1] else 1


sys.exit(asyncio.run(main()))
PYTHON
"$folder/venv/bin/python" "$folder/stop.py"
