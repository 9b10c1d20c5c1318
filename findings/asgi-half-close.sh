#!/usr/bin/env bash
# Hypercorn 0.18.0 and Uvicorn 0.54.0, each with Quart 0.22.0; h11 0.16.0.
# A client sends a whole request and then closes its sending side (shutdown, a TCP half-close), as `nc -N` and `socat` do.
# Expected: the response; TCP keeps the other direction open (RFC 9293, section 3.6), and servers such as http.server send it.
# Seen: no byte at all. Both servers report the end of the request's data to the app as "http.disconnect", Quart cancels the
#       request, and the connection is closed. A route that responds at once may win the race.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 77
"$folder/venv/bin/pip" install --quiet hypercorn==0.18.0 uvicorn==0.54.0 quart==0.22.0 h11==0.16.0 || exit 77
cat > "$folder/app.py" <<'PYTHON'
import asyncio

from quart import Quart

app = Quart(__name__)


@app.get("/")
async def slow():
    await asyncio.sleep(0.3)
    return "hello"
PYTHON
cat > "$folder/client.py" <<'PYTHON'
import socket
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("the server does not listen")


def response(port, closes_its_side):
    with connect(port) as client:
        client.sendall(REQUEST)
        if closes_its_side:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


is_same = True
for name, port in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    whole, half_closed = response(port, False), response(port, True)
    print(f"{name}: {len(whole)} bytes to a client that keeps its side open, {len(half_closed)} after a half-close")
    is_same = is_same and whole.endswith(b"hello") and half_closed == b""
print("expected: the same response to both")
sys.exit(0 if is_same else 1)
PYTHON
read -r first second < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))')
cd "$folder"
venv/bin/hypercorn --bind "127.0.0.1:$first" app:app > server.log 2>&1 &
venv/bin/uvicorn --port "$second" app:app > server2.log 2>&1 &
venv/bin/python client.py Hypercorn "$first" Uvicorn "$second"
