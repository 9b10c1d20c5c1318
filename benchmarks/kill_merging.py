"""Kills in the middle of merging, and what is left: `python -m benchmarks.kill_merging --kills 200`.

A collector merges the hours of a history with known content, makes their minutes and removes the oldest data, without
its usual pauses. It, or the child process that merges, gets SIGKILL at random points: instead of a random one of its
calls that change a file, or at a random time. After each kill `fgm check` must find nothing and fgm's reader must find
every sample once. After every few kills a collector may finish its work; then nothing may be left over, and DuckDB must
find every sample once, too.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.support.collector.known_history import KnownHistory
from tests.support.collector.merging_kills import Kills, kill_once, look, raw_bytes, settle

from fgm.store.directory import layout

HOURS = 10
KILLS_EACH = 20
"""Number of kills before a collector may finish its work."""
RETENTION_SHARE = 0.97
"""Maximum size of the samples in every second history, as a share of their size before each kill."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill_merging", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="number of kills (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random points (default: 1)")
    arguments = parser.parse_args(argv)
    chance, kills, begun = random.Random(arguments.seed), Kills(), time.monotonic()
    number = 0
    while kills.of_collector < arguments.kills:
        has_retention = number % 2 == 1
        with tempfile.TemporaryDirectory(prefix="fgm-kills-") as folder:
            kill_many(Path(folder), chance, kills, min(KILLS_EACH, arguments.kills - kills.of_collector), has_retention)
        number += 1
        sys.stderr.write(
            f"{kills.of_collector} kills, {len(kills.problems)} problems, {time.monotonic() - begun:.0f} s\n"
        )
    print(json.dumps(asdict(kills), indent=1))
    return 1 if kills.problems else 0


def kill_many(root: Path, chance: random.Random, kills: Kills, count: int, has_retention: bool) -> None:
    """Kill collectors of one history, and let the last one finish its work."""
    now_ms = time.time_ns() // 1_000_000
    from_ms = now_ms - now_ms % layout.HOUR_MS - (HOURS + 2) * layout.HOUR_MS
    history = KnownHistory(from_ms, HOURS, seed=chance.randrange(1 << 30))
    history.write(root)
    for _ in range(count):
        kill_once(root, chance, kills, int(RETENTION_SHARE * raw_bytes(root)) if has_retention else 0)
        note(kills, look(root, history, is_settled=False))
    settle(root, history.to_ms)
    note(kills, look(root, history, is_settled=True))


def note(kills: Kills, problems: Sequence[str]) -> None:
    """Add problems, and print them at once."""
    kills.problems += problems
    sys.stderr.write("".join(f"after {kills.of_collector} kills: {problem}\n" for problem in problems))


if __name__ == "__main__":
    sys.exit(main())
