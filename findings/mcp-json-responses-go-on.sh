#!/usr/bin/env bash
# A tool call over HTTP that the client cancels goes on to its end if the server answers with JSON instead of event streams.
#
# Software: mcp 2.3.0 (the official Python SDK), CPython 3.11. Protocol 2026-07-28, in which a client cancels a call over HTTP by
# closing the connection: "The server MUST treat a client disconnect as cancellation of that request" (basic/patterns/cancellation).
# Expected: json_response=True chooses the form of the answer only. A tool whose client is gone is cancelled, as with event streams.
# Seen: with json_response=True the tool is not cancelled; it runs to its end, and its answer goes nowhere.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install mcp==2.3.0 || exit 77
cat >server.py <<'END'
import sys

import anyio
import uvicorn
from mcp.server.mcpserver import MCPServer

server = MCPServer("worker", log_level="ERROR")


@server.tool()
async def work() -> str:
    """Work for three seconds."""
    print("began", flush=True)
    try:
        await anyio.sleep(3)
    except anyio.get_cancelled_exc_class():
        print("cancelled", flush=True)
        raise
    print("went on to its end", flush=True)
    return "done"


app = server.streamable_http_app(stateless_http=True, json_response=sys.argv[1] == "json")
uvicorn.run(app, port=int(sys.argv[2]), log_level="error")
END
environment/bin/python - <<'END'
import socket
import subprocess
import sys
import time

import anyio
from mcp import Client


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def cancelled_call(form):
    """Return what happened to a call that its client cancels after it has begun."""
    port = free_port()
    command = [sys.executable, "server.py", form, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.call_tool, "work", {})
                    assert await anyio.to_thread.run_sync(server.stdout.readline) == "began\n"
                    group.cancel_scope.cancel()
                return (await anyio.to_thread.run_sync(server.stdout.readline)).strip()
        finally:
            server.terminate()


streams, plain = (anyio.run(cancelled_call, form) for form in ("streams", "json"))
print("expected: cancelled, with event streams and with JSON")
print("seen:", streams, "with event streams,", plain, "with JSON")
sys.exit((streams, plain) != ("cancelled", "went on to its end"))
END
