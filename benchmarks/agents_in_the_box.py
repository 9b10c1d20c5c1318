"""What an agent costs a viewer in its container: `python -m benchmarks.agents_in_the_box [DIR]`.

A script without a model asks the three recorded stories of docs/tour.md through `fgm mcp`, or what happened in the
newest quarter of an hour of the recording DIR. Each answer gives the next call its arguments. The viewer is within the
limits of its container; `fgm mcp` and the script are not. It needs root, cgroup v1 and `fgm[mcp]`.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from benchmarks import limits
from benchmarks.viewer import Viewer, threads_cpu_ms
from mcp import Client
from tests.support.agents import answer, stdio_agent
from tests.support.incidents import unpacked
from tests.support.processes import free_port

from fgm.agents.answer import estimated_tokens

FINDING = re.compile(r"\d+\. .*\[(\w+), .*id ([^)]+)\)\]")
METRICS = ("total_cpu_usage_millicores", "memory_working_set", "throttle_ratio")
SETTLE_S = 6.0
"""Time after the start, in which the viewer reads its newest files."""


class Script:
    """Asks, and notes how long each call took and how many tokens its answer has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.seconds: dict[str, list[float]] = {}
        self.tokens: list[int] = []

    async def stories(self, last: str) -> int:
        """Ask what happened, and for proof of the most important findings; return the number of calls."""
        calls, tokens = len(self.tokens), sum(self.tokens)
        happened = await self._ask("what_happened", last=last)
        ids = dict(reversed(FINDING.findall(happened)))
        killed = ids.get("oom_kill") or next(iter(ids.values()), "node")
        throttled = ids.get("throttling") or killed
        await self._ask("processes", container=killed, by="memory", last=last)
        await self._ask("series", metric=list(METRICS), container=throttled, study="changepoint", last=last)
        await self._ask("what_changed", last="1m", limit=3)
        self.tokens_of_round = sum(self.tokens) - tokens
        return len(self.tokens) - calls

    async def _ask(self, tool: str, **arguments: Any) -> str:
        begun = time.monotonic()
        text = await answer(self._client, tool, **arguments)
        self.seconds.setdefault(tool, []).append(time.monotonic() - begun)
        self.tokens.append(estimated_tokens(text))
        return text


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents_in_the_box", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", nargs="?", help="recording to ask (default: the three stories)")
    parser.add_argument("--rounds", type=int, default=5, help="number of times that the script runs (default: 5)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        data_dir = arguments.data_dir or str(unpacked(Path(folder)))
        port = free_port()
        viewer = Viewer(sys.executable, data_dir, port)
        with limits.limited(limits.VIEWER) as box, viewer.running(box) as process:
            viewer.wait("/api/metrics")
            time.sleep(SETTLE_S)
            before_ms = threads_cpu_ms(process.pid)
            script, calls = anyio.run(rounds, f"http://127.0.0.1:{port}", arguments)
            cpu_ms = threads_cpu_ms(process.pid) - before_ms
            memory, highest = box.memory_mib(), box.highest_bytes() / (1 << 20)
            failures, kills, throttled = box.failures(), box.kills(), box.throttled_share()
    print("| the viewer within 100 millicores and 128 MiB | median | highest |\n|---|---|---|")
    for tool, values in script.seconds.items():
        print(f"| `{tool}`, s | {statistics.median(values):.2f} | {max(values):.2f} |")
    print(f"| calls, tokens of their answers | {calls} | {script.tokens_of_round} |")
    print(f"| CPU time of the viewer for these calls, s | {cpu_ms / 1000 / arguments.rounds:.2f} | |")
    print(f"| anonymous memory at the end, charged at most, MiB | {memory.anonymous:.0f} | {highest:.0f} |")
    print(f"| limit reached, OOM kills | {failures} | {kills} |")
    print(f"| share of CPU periods in which the quota was used up | {throttled:.2f} | |")
    return 0


async def rounds(url: str, arguments: argparse.Namespace) -> tuple[Script, int]:
    """Run the script several times, each time with one client."""
    calls = 0
    async with stdio_agent(url) as client:
        script = Script(client)
        for number in range(arguments.rounds):
            # another range each time, because viewers keep answers
            length_s = 900 + number if arguments.data_dir else 600 + number
            calls = await script.stories(f"{length_s}s")
    return script, calls


if __name__ == "__main__":
    sys.exit(main())
