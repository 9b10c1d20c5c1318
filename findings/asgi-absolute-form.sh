#!/usr/bin/env bash
# Hypercorn 0.18.0 and Uvicorn 0.54.0, h11 0.16.0.
# A client sends the request target in absolute form, "GET http://localhost:8000/status HTTP/1.1", as curl --proxy does.
# Expected: the app gets the path "/status": RFC 9112, section 3.2.2, says that a server must accept the absolute form, and the
#           ASGI specification says that `path` is the path of the request target, without the host.
# Seen: both servers give the app the whole URL as `path` and `raw_path`. An app that compares paths responds 404.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 77
"$folder/venv/bin/pip" install --quiet hypercorn==0.18.0 uvicorn==0.54.0 h11==0.16.0 || exit 77
cat > "$folder/app.py" <<'PYTHON'
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = scope["path"].encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
PYTHON
cat > "$folder/client.py" <<'PYTHON'
import socket
import sys
import time


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("the server does not listen")


def path(port, target):
    with connect(port) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(4096), b"")).decode().rpartition("\r\n\r\n")[2]


URL = "http://localhost:8000/status"
is_same = True
for name, port in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    plain, absolute = path(port, "/status"), path(port, URL)
    print(f"{name}: path of GET {URL}: {absolute}")
    is_same = is_same and plain == "/status" and absolute == URL
print("expected: /status")
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
