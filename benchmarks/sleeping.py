"""A viewer that sleeps, under random questions and kills: `python -m benchmarks.sleeping --cycles 1000`.

The viewer falls asleep after a moment. Questions arrive at random moments, several at once: while it is asleep,
starting, awake or ending. Some of the viewers are killed at a random moment. A question that a kill may have cut is
repeated, as a browser or a user does it; in any other round it is lost. At the end there must be no zombie, and the
sleeper must have the descriptors and the memory that it had at the start.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting

SLEEP_AFTER_S = 0.1
MAX_PAUSE_S = 0.5
"""Maximum pause between two rounds of questions: longer than it takes to fall asleep."""
MAX_LIFE_S = 0.8
"""Maximum time from a question to the kill of the viewer."""
MAX_AT_ONCE = 3
ANSWER_TIMEOUT_S = 60.0
KILLED = 0.3
"""Share of the rounds in which the viewer is killed."""
TARGETS = ("/", "/api/health", "/api/containers", "/api/timeseries?metric=memory.current&range=5m")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sleeping", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1000, help="number of times to wake it (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (default: 1)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-sleeping-") as folder:
        sleeping = Sleeping(Path(folder), random.Random(arguments.seed))
        try:
            result = sleeping.run(arguments.cycles)
        finally:
            sleeping.process.terminate()
        result["exit_code"] = sleeping.process.wait(30)
    print(json.dumps(result, indent=1))
    is_clean = not result["lost"] and not result["zombies"] and not result["failed_probes"]
    is_same = result["descriptors_before"] == result["descriptors_after"]
    return 0 if is_clean and is_same and result["exit_code"] == 0 else 1


class Sleeping:
    """A running sleeper, and what has happened to the questions so far."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance, self.log = chance, folder / "log"
        self.port, self.probe_port = free_port(), free_port()
        self.outcomes: Counter[str] = Counter()
        self.answer_s: list[float] = []
        data_dir = folder / "data"
        data_dir.mkdir()
        from_ms = (time.time_ns() // 1_000_000_000 - 200) * 1000
        DataDirectory(data_dir).parquet(counting(NODE, from_ms, 150), counting(container(1), from_ms, 150))
        addresses = ["--port", str(self.port), "--health-host", "127.0.0.1", "--health-port", str(self.probe_port)]
        flags = ["--no-browser", *addresses, "--sleep-after-seconds", str(SLEEP_AFTER_S)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "fgm.viewer", str(data_dir), *flags], stderr=log)
        while Path(f"/proc/{self.process.pid}/comm").read_text() != "fgm-asleep\n":
            time.sleep(0.05)

    def run(self, cycles: int) -> dict[str, object]:
        """Wake it as often as `cycles` says; return what has happened."""
        self.ask("/api/health", is_killed=False)
        self.until_asleep()
        before, began = self.state(), time.monotonic()
        while self.logged("waking the viewer") < cycles:
            self.round()
        self.until_asleep()
        after = self.state()
        return {
            "wakes": self.logged("waking the viewer"),
            "sleeps": self.logged("asleep until the next question"),
            "killed_while_serving": self.logged("killed or has failed"),
            "killed_while_starting": self.logged("trying again"),
            "questions": self.outcomes["answered"] + self.outcomes["lost"],
            "lost": self.outcomes["lost"],
            "cut_by_a_kill_and_repeated": self.outcomes["cut"],
            "failed_probes": self.outcomes["failed probe"],
            "answer_s_median": round(statistics.median(self.answer_s), 2),
            "answer_s_max": round(max(self.answer_s), 2),
            "zombies": len(self.children()),
            "descriptors_before": before[0],
            "descriptors_after": after[0],
            "anonymous_kib_before": before[1],
            "anonymous_kib_after": after[1],
            "sleeper_cpu_ms_per_wake": round(1000 * (after[2] - before[2]) / cycles, 2),
            "seconds": round(time.monotonic() - began),
        }

    def round(self) -> None:
        """Ask some questions at once, kill the viewer or not, and pause."""
        is_killed = self.chance.random() < KILLED
        targets = self.chance.choices(TARGETS, k=self.chance.randint(1, MAX_AT_ONCE))
        threads = [threading.Thread(target=self.ask, args=(target, is_killed)) for target in targets]
        for thread in threads:
            thread.start()
        if is_killed:
            time.sleep(self.chance.uniform(0, MAX_LIFE_S))
            for pid in self.children():
                with suppress(ProcessLookupError):  # it has just fallen asleep
                    os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        self.outcomes["failed probe"] += ask(self.probe_port, "/healthz") != 200
        time.sleep(self.chance.uniform(0, MAX_PAUSE_S))

    def ask(self, target: str, is_killed: bool) -> None:
        """Ask a question until it is answered. A response "starting" is repeated, as the page does it."""
        began = time.monotonic()
        while time.monotonic() - began < ANSWER_TIMEOUT_S:
            status = ask(self.port, target)
            if status == 200:
                self.outcomes["answered"] += 1
                self.answer_s.append(time.monotonic() - began)
                return
            if status == 0 and not is_killed:
                break
            self.outcomes["cut"] += status == 0
            time.sleep(0.1)
        self.outcomes["lost"] += 1

    def until_asleep(self) -> None:
        """Wait until no viewer runs."""
        while self.children():
            time.sleep(0.05)

    def children(self) -> list[int]:
        """Return the pids of the sleeper's children, including zombies."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def state(self) -> tuple[int, int, float]:
        """Return the number of descriptors of the sleeper, its anonymous memory in KiB, and its CPU time in seconds."""
        folder = Path(f"/proc/{self.process.pid}")
        anonymous = (folder / "status").read_text().partition("RssAnon:")[2].split()[0]
        times = (folder / "stat").read_text().rpartition(")")[2].split()
        cpu_s = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        return len(list((folder / "fd").iterdir())), int(anonymous), cpu_s

    def logged(self, text: str) -> int:
        """Return how often the log contains a text."""
        return self.log.read_text().count(text)


def ask(port: int, target: str) -> int:
    """Return the status of a response; 0: the connection ended without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", target, headers={"Host": "localhost", "Connection": "close"})
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return response.status


if __name__ == "__main__":
    sys.exit(main())
