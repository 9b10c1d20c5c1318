#!/usr/bin/env bash
# What a tool of an MCP server prints reaches its client as a message that cannot be parsed, at the end of the session.
#
# Software: mcp 2.3.0 (the official Python SDK), CPython 3.11.
# Expected: a line that a tool prints goes to standard error: stdio_server() points the descriptor 1 at it while it serves, so
# that, as its documentation says, stray output of handlers misses the wire.
# Seen: nothing during the session, because standard output is a pipe, whose text Python keeps in a buffer. At the end the
# descriptor is restored, then the buffer is flushed: the line arrives at the client, between the messages of the protocol. With
# PYTHONUNBUFFERED=1, and for output of child processes, it goes to standard error.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install mcp==2.3.0 || exit 77
cat >server.py <<'END'
from mcp.server.mcpserver import MCPServer

server = MCPServer("greeter", log_level="ERROR")


@server.tool()
def greet() -> str:
    """Greet."""
    print("a line that the tool prints")
    return "hello"


server.run("stdio")
END
environment/bin/python - <<'END'
import json
import os
import subprocess
import sys

INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "client", "version": "1"}}
PRINTED = "a line that the tool prints\n"


def session(**environment):
    """Return what follows the answers on standard output, and what is on standard error."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "server.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**inherited, **environment},
    ) as server:

        def send(**message):
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            server.stdin.flush()

        send(id=1, method="initialize", params=INITIALIZE)
        assert json.loads(server.stdout.readline())["id"] == 1
        send(method="notifications/initialized")
        send(id=2, method="tools/call", params={"name": "greet", "arguments": {}})
        assert json.loads(server.stdout.readline())["id"] == 2
        return server.communicate(timeout=30)


out, err = session()
print("expected: '' on the wire, the line on standard error")
print("seen:", repr(out), "on the wire,", repr(err), "on standard error")
unbuffered = session(PYTHONUNBUFFERED="1")
print("with PYTHONUNBUFFERED=1:", repr(unbuffered[0]), "and", repr(unbuffered[1]))
sys.exit((out, err) != (PRINTED, "") or unbuffered != ("", PRINTED))
END
