"""Kills of the collector, and what they cost: `python -m benchmarks.restart`.

The collector records this machine. It is killed with SIGKILL at a random moment, the complete ticks in its journal are
noted, and it is started again, several times, while a viewer is asked for its data all the time. At the end every
noted tick must be recorded, once, and the data directory must be in order. Measured is the time from the start of a
process to its first tick, which includes up to one interval of waiting for a whole second.
"""

import argparse
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile

POLL_S = 0.01


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restart", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="number of kills (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (default: 1)")
    parser.add_argument("--port", type=int, default=8055, help="port of the viewer (default: 8055)")
    arguments = parser.parse_args(argv)
    moments = random.Random(arguments.seed)
    whole: set[int] = set()
    first_tick_s: list[float] = []
    with tempfile.TemporaryDirectory(prefix="fgm-restart-") as data_dir, answering(data_dir, arguments.port) as answers:
        for _ in range(arguments.kills):
            started = time.time()
            collector = start("fgm.collector", "--data-dir", data_dir)
            first_tick_s.append(first_tick(data_dir, whole) - started)
            time.sleep(moments.uniform(0, 2.5))
            collector.kill()
            collector.wait()
            whole |= journal_ticks(data_dir).keys()
        collector = start("fgm.collector", "--data-dir", data_dir)
        first_tick(data_dir, whole)
        collector.terminate()
        collector.wait()
        recorded = parquet_ticks(data_dir)
        problems = check(data_dir).problems
    lost = whole - recorded.keys()
    result = {
        "kills": arguments.kills,
        "whole_ticks": len(whole),
        "lost_ticks": len(lost),
        "ticks_twice": sum(count > 1 for count in recorded.values()),
        "problems": problems,
        "viewer_answers": dict(answers),
        "start_to_first_tick_s": {
            "median": round(statistics.median(first_tick_s), 2),
            "max": round(max(first_tick_s), 2),
        },
    }
    print(json.dumps(result, indent=1))
    return 1 if lost or problems or set(answers) != {"200"} else 0


def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", module, *arguments, "--log-level", "error"])


def first_tick(data_dir: str, known: set[int]) -> float:
    """Wait for a tick that is not in `known`; return when it was read, in seconds since 1970."""
    while True:
        news = {t: read_at for t, read_at in journal_ticks(data_dir).items() if t not in known}
        if news:
            return min(news.values())
        time.sleep(POLL_S)


def journal_ticks(data_dir: str) -> dict[int, float]:
    """Return the complete ticks of the open journals, with the time of each read, in seconds since 1970."""
    ticks: dict[int, float] = {}
    for path in data_files(data_dir, "journal"):
        with suppress(FileNotFoundError, BadFileError):
            reader = JournalReader(path)
            for chunk in reader.chunks((), {"node"}):
                ticks.update(
                    zip(chunk.time_ms.tolist(), ((chunk.time_ms + chunk.late_ms) / 1000).tolist(), strict=True)
                )
            reader.close()
    return ticks


def parquet_ticks(data_dir: str) -> Counter[int]:
    """Return the number of rows that each tick of the node has in the closed windows."""
    ticks: Counter[int] = Counter()
    for path in data_files(data_dir, "metrics"):
        file = WindowFile.open(path)
        ticks.update(t for chunk in file.chunks((), {"node"}) for t in chunk.time_ms.tolist())
        file.close()
    return ticks


@contextmanager
def answering(data_dir: str, port: int) -> Iterator[Counter[str]]:
    """Run a viewer and send it requests all the time; yields the number of its responses by status."""
    answers: Counter[str] = Counter()
    viewer = start("fgm.viewer", data_dir, "--port", str(port), "--no-browser", "--poll-seconds", "1")
    stop = threading.Event()
    while not ask(port, "/api/health"):
        time.sleep(POLL_S)

    def ask_on() -> None:
        while not stop.wait(0.1):
            status = ask(port, "/api/timeseries?metric=memory.current&range=1m")
            if answers or status == "200":  # until the first data arrives it says that there is none
                answers[status or "no response"] += 1

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        yield answers
    finally:
        stop.set()
        asking.join()
        viewer.terminate()
        viewer.wait()


def ask(port: int, target: str) -> str:
    """Return the status of a response, or "" if there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
    except OSError:
        return ""
    finally:
        connection.close()
    return str(response.status)


if __name__ == "__main__":
    sys.exit(main())
