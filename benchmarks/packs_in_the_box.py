"""What packs cost within the limits of the viewer's container: `python -m benchmarks.packs_in_the_box DIR`.

DIR is a recording of half an hour or more. Measured are the size and the time of packs of its last 30 minutes and of
longer ranges, of their previews, and the memory. It needs root and cgroup v1.
"""

import argparse
import http.client
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from urllib.parse import urlencode

from benchmarks import limits
from benchmarks.viewer import Requests, Viewer
from tests.support.processes import free_port

from fgm.viewer.packs.pack_reader import Pack

SETTLE_S = 6.0
PATIENCE_S = 300
MINUTE_MS = 60_000


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packs_in_the_box", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="recording to save from")
    parser.add_argument("--minutes", type=int, nargs="+", default=[30], help="lengths of the ranges (default: 30)")
    parser.add_argument("--rounds", type=int, default=2, help="number of packs of each length (default: 2)")
    arguments = parser.parse_args(argv)
    requests = Requests(arguments.data_dir)
    port = free_port()
    viewer = Viewer(sys.executable, arguments.data_dir, port)
    print("| minutes | series | bytes | preview | of it | s | preview, s |\n|---|---|---|---|---|---|---|")
    with limits.limited(limits.VIEWER) as box, viewer.running(box):
        viewer.wait("/api/metrics")
        time.sleep(SETTLE_S)
        for minutes in arguments.minutes:
            for _ in range(arguments.rounds):
                print(measured(port, requests.end_ms - minutes * MINUTE_MS, requests.end_ms))
        memory = box.memory_mib()
        highest, failures, kills = box.highest_bytes() / (1 << 20), box.failures(), box.kills()
    print("\n| within 100 millicores and 128 MiB | |\n|---|---|")
    print(f"| anonymous memory at the end, charged at most, MiB | {memory.anonymous:.0f} | {highest:.0f} |")
    print(f"| limit reached, OOM kills | {failures} | {kills} |")
    return 0


def measured(port: int, from_ms: int, to_ms: int) -> str:
    """Save a pack, and return a row of the table about it."""
    span = urlencode({"from": from_ms, "to": to_ms})
    preview, preview_s = asked(port, f"/api/export?{span}&preview=1")
    content, seconds = asked(port, f"/api/export?{span}")
    Pack(content)
    facts = json.loads(preview)
    share = facts["bytes"] / len(content)
    return (
        f"| {(to_ms - from_ms) // MINUTE_MS} | {facts['series']} | {len(content):,} | {facts['bytes']:,} "
        f"| {share:.2f} | {seconds:.1f} | {preview_s:.1f} |"
    )


def asked(port: int, target: str) -> tuple[bytes, float]:
    """Return the body of a response, and the seconds until it was complete."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET", target)
        answer = connection.getresponse()
        content = answer.read()
    if answer.status != 200:
        raise SystemExit(f"the viewer responded with {answer.status} to {target}")
    return content, time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
