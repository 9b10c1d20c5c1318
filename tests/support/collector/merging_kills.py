"""Kills a collector that merges, makes minutes and removes old data, at random points, and looks at what is left."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fgm.collector.merging.planner import due_hours
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.parquet.window_file import WindowFile
from tests.support.collector.known_history import KnownHistory, leftovers

REPOSITORY = Path(__file__).resolve().parents[3]
MAX_CALLS = 150
"""Maximum number of calls that a collector makes before it is killed."""
RUN_S = 4.0
"""Maximum duration of a run that is killed."""
SETTLE_S = 120.0
POLL_S = 0.01


@dataclass(slots=True)
class Kills:
    """What was killed, and what was wrong afterwards."""

    of_collector: int = 0
    of_child: int = 0
    by_call: int = 0
    interrupted: int = 0
    """Number of kills after which there were temporary files, or sources next to their merged hour."""
    problems: list[str] = field(default_factory=list)


class Victim:
    """One run of the collector on a data directory."""

    def __init__(self, root: Path, calls: int, max_bytes: int = 0) -> None:
        self._root = root
        arguments = ["--data-dir", str(root), "--node-name", "node-1", "--no-kubernetes", "--no-services"]
        arguments += ["--log-level", "error", "--min-free", "0", "--retention-days", "36500"]
        command = [sys.executable, "-m", "tests.support.collector.hurried_collector", str(calls), str(max_bytes)]
        command += arguments
        self._process = subprocess.Popen(command, cwd=REPOSITORY)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        wait_for_children_of_nobody(self._root)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()

    def child(self) -> int | None:
        """Return the process that merges, None if there is none."""
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{self._process.pid}/task"):
                children = Path(f"/proc/{self._process.pid}/task/{thread}/children").read_text().split()
                for pid in children:
                    if b"fgm.collector.merging" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        return int(pid)
        return None


def wait_for_children_of_nobody(root: Path) -> None:
    """Wait until no process that merges this directory is left: the kernel kills it with its parent."""
    needle = str(root).encode()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(b"fgm.collector.merging" in line and needle in line for line in _command_lines()):
            return
        time.sleep(POLL_S)
    raise AssertionError("a process that merges is left")


def _command_lines() -> list[bytes]:
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes())
    return lines


def kill_once(root: Path, chance: random.Random, kills: Kills, max_bytes: int = 0) -> None:
    """Start a collector on a data directory, and kill it, or its child, at a random point."""
    how = chance.choice(("call", "call", "child", "time"))
    victim = Victim(root, int(MAX_CALLS ** chance.random()) if how == "call" else 0, max_bytes)
    deadline = time.monotonic() + (RUN_S if how == "call" else chance.uniform(0.3, RUN_S))
    while victim.is_running and time.monotonic() < deadline:
        pid = victim.child() if how == "child" else None
        if pid is not None:
            time.sleep(chance.uniform(0, 0.3))
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
                kills.of_child += 1
                if chance.random() < 0.5:
                    break
        time.sleep(POLL_S)
    kills.by_call += not victim.is_running
    victim.kill()
    kills.of_collector += 1
    kills.interrupted += bool(leftovers(root))


def settle(root: Path, to_ms: int) -> None:
    """Run a collector until everything before `to_ms` is merged and nothing is left to do."""
    victim = Victim(root, 0)
    deadline = time.monotonic() + SETTLE_S
    while pending(root, to_ms) or leftovers(root):
        if time.monotonic() > deadline or not victim.is_running:
            victim.kill()
            raise AssertionError(f"not merged: {pending(root, to_ms)[:3]}; left over: {leftovers(root)[:3]}")
        time.sleep(0.2)
    victim.end()


def pending(root: Path, to_ms: int) -> list[str]:
    """Return the hours before `to_ms` that are not merged yet."""
    return [
        f"{folder.name} {hour.hour_ms}"
        for folder in sorted(root.glob("dt=*/identifier=*"))
        for hour in due_hours(os.listdir(folder), to_ms + layout.HOUR_MS)
        if hour.hour_ms < to_ms
    ]


def look(root: Path, history: KnownHistory, *, is_settled: bool) -> list[str]:
    """Return what is wrong: problems of `fgm check`, samples that are missing or there twice, and leftovers."""
    problems = [f"check: {problem}" for problem in check(str(root)).problems]
    first_ms = oldest_sample_ms(root, history)
    problems += history.problems(root, raw_from_ms=first_ms, has_sources=not is_settled)
    if is_settled:
        problems += [f"left over: {name}" for name in leftovers(root)]
    return problems


def oldest_sample_ms(root: Path, history: KnownHistory) -> int:
    """Return the start of the oldest window that retention has left; it removes the oldest files first.

    An hour of which retention had removed some windows is merged from the others.
    """
    starts = [history.to_ms]
    for path in root.glob("dt=*/identifier=node-1/metrics-*.parquet"):
        file = WindowFile.open(str(path))
        names = [source.name for source in file.block.sources] or [path.name]
        file.close()
        starts += [parsed.start_ms for name in names if (parsed := layout.parse_name(name)) is not None]
    return max(history.from_ms, min(starts))


def raw_bytes(root: Path) -> int:
    """Return the size of the samples, without minutes."""
    return sum(path.stat().st_size for path in root.glob("dt=*/identifier=*/*") if path.is_file())
