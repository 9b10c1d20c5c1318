#!/usr/bin/env bash
# AnyIO 4.16.0, backend asyncio, CPython 3.11 or newer.
# A task that waits in `receive` is cancelled in the moment in which its socket becomes readable.
# Expected: the task ends, and the data stays for the next `receive`, over TCP and over a Unix socket alike.
# Seen: so it is over TCP. Over a Unix socket, asyncio also reports an unhandled InvalidStateError, as the ready socket sets
#       the result of a future that is cancelled. Servers log it, and AnyIO's own pytest plugin fails the test.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 77
"$folder/venv/bin/pip" install --quiet anyio==4.16.0 || exit 77
cat > "$folder/cancel.py" <<'PYTHON'
import asyncio
import os
import socket
import sys

import anyio
from anyio.abc import SocketAttribute


async def connected(kind, folder):
    """Return a listener, a plain socket that is connected to it, and the stream at the other end."""
    if kind == "TCP":
        listener = (await anyio.create_tcp_listener(local_host="127.0.0.1")).listeners[0]
        client = socket.create_connection(("127.0.0.1", listener.extra(SocketAttribute.local_port)))
    else:
        path = os.path.join(folder, "socket")
        listener = await anyio.create_unix_listener(path)
        client = socket.socket(socket.AF_UNIX)
        client.connect(path)
    return listener, client, await listener.accept()


async def errors_of(kind, folder):
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _, facts: errors.append(repr(facts.get("exception"))))
    listener, client, stream = await connected(kind, folder)
    async with listener, stream:
        async with anyio.create_task_group() as group:
            group.start_soon(stream.receive)
            await anyio.wait_all_tasks_blocked()
            client.sendall(b"x")
            await anyio.sleep(0)
            group.cancel_scope.cancel()
        received = await stream.receive()
    client.close()
    print(f"{kind}: received {received!r} afterwards, unhandled errors: {errors or 'none'}")
    return errors


of_tcp, of_unix = (asyncio.run(errors_of(kind, sys.argv[1])) for kind in ("TCP", "Unix"))
print("expected: no unhandled error in either")
sys.exit(0 if not of_tcp and len(of_unix) == 1 and "InvalidStateError" in of_unix[0] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/cancel.py" "$folder"
