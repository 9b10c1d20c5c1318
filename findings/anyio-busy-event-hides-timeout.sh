#!/usr/bin/env bash
# AnyIO 4.16.0, backends asyncio and Trio, CPython 3.11 or newer.
# A consumer waits for events within a timeout. A producer sets one in each turn of the event loop, as a reader of a socket
# does at which data always wait.
# Expected: the consumer is cancelled when the timeout has passed, as `Event.wait` is a checkpoint.
# Seen: so it is with Trio. With asyncio, AnyIO does not cancel a task whose event is set already, and looks again in the next
#       turn, in which it is set again: the timeout has no effect for as long as there are events.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 77
"$folder/venv/bin/pip" install --quiet anyio==4.16.0 trio==0.31.0 || exit 77
cat > "$folder/busy.py" <<'PYTHON'
import sys
import time

import anyio
import anyio.lowlevel

TIMEOUT_S, PRODUCED_S = 0.2, 2


async def waited():
    """Return after how long a consumer with a timeout of 0.2 s is cancelled; events come for 2 s."""
    event = anyio.Event()

    async def produce():
        end = time.monotonic() + PRODUCED_S
        while time.monotonic() < end:
            event.set()
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        begin = time.monotonic()
        with anyio.move_on_after(TIMEOUT_S):
            while True:
                await event.wait()
                event = anyio.Event()
        return time.monotonic() - begin


late = {}
for backend in ("trio", "asyncio"):
    waited_s = anyio.run(waited, backend=backend)
    late[backend] = waited_s > PRODUCED_S / 2
    print(f"{backend}: cancelled after {waited_s:.1f} s")
print(f"expected: after {TIMEOUT_S} s in both")
sys.exit(0 if late == {"trio": False, "asyncio": True} else 1)
PYTHON
"$folder/venv/bin/python" "$folder/busy.py"
