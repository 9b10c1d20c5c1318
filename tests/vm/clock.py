"""Script for the machine: a collector and a viewer on a machine whose wall clock is set ahead, and back again.

`clock.py PYTHON`: the interpreter that has fgm. First the clock is ahead while a collector runs, then in a second of
three runs. Leaves in the current folder report.json (the ids of the containers, and what the viewer showed after each
part), collector.log, viewer.log and data/, the data directory after an orderly stop.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

ROTATION_S = 10
AHEAD_S = 2 * 3600
AHEAD_BETWEEN_RUNS_S = 10 * 86_400
NEAR_S = 15
TIMEOUT_S = 90
PORT = 8050
DATA = Path("data")
KEPT, ENDED_AHEAD, ENDED_AFTER, ENDED_IN_SECOND_RUN = "kept", "ended-ahead", "ended-after", "ended-in-second-run"
Json = dict[str, Any]


def main(python: str) -> None:
    for name in (KEPT, ENDED_AHEAD, ENDED_AFTER, ENDED_IN_SECOND_RUN):
        subprocess.run(["fakepod", "start", name, "burstable", "--", "sleep", "infinity"], check=True)
    listed = json.loads(subprocess.run(["fakepod", "list"], check=True, stdout=subprocess.PIPE).stdout)
    report: Json = {"ids": {container["name"]: container["id"] for container in listed}}
    with viewer(python):
        with collector(python):
            record(15)
            report["before"] = shown({KEPT, ENDED_AHEAD, ENDED_AFTER, ENDED_IN_SECOND_RUN}, report["ids"])
            set_clock(AHEAD_S)
            record(7)
            subprocess.run(["fakepod", "stop", ENDED_AHEAD], check=True)
            record(8)
            report["ahead"] = shown({KEPT, ENDED_AFTER, ENDED_IN_SECOND_RUN}, report["ids"])
            set_clock(-AHEAD_S)
            record(7)
            subprocess.run(["fakepod", "stop", ENDED_AFTER], check=True)
            record(8)
            report["set back"] = shown({KEPT, ENDED_IN_SECOND_RUN}, report["ids"])
        set_clock(AHEAD_BETWEEN_RUNS_S)
        with collector(python):
            record(5)
            subprocess.run(["fakepod", "stop", ENDED_IN_SECOND_RUN], check=True)
            record(5)
            report["second run"] = shown({KEPT}, report["ids"])
        set_clock(-AHEAD_BETWEEN_RUNS_S)
        with collector(python):
            record(10)
            report["third run"] = shown({KEPT}, report["ids"])
    with viewer(python), collector(python):
        report["another viewer"] = shown({KEPT}, report["ids"])
    Path("report.json").write_text(json.dumps(report))


@contextlib.contextmanager
def collector(python: str) -> Iterator[None]:
    flags = ["--data-dir", str(DATA), "--rotation-seconds", str(ROTATION_S), "--node-name", "vm", "--min-free", "0"]
    with daemon("collector.log", [python, "-m", "fgm.collector", *flags]):
        record(0)
        yield


@contextlib.contextmanager
def viewer(python: str) -> Iterator[None]:
    DATA.mkdir(exist_ok=True)
    flags = ["--port", str(PORT), "--no-browser", "--poll-seconds", "1"]
    with daemon("viewer.log", [python, "-m", "fgm.viewer", str(DATA), *flags]):
        yield


@contextlib.contextmanager
def daemon(log_name: str, command: list[str]) -> Iterator[None]:
    with open(log_name, "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield
    process.send_signal(signal.SIGTERM)
    if process.wait(60):
        sys.exit(f"{command} ended with {process.returncode}")


def set_clock(step_s: int) -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + step_s)


def record(seconds: float) -> None:
    """Wait until the viewer has a tick that is `seconds` later than now, and none of the future."""
    enough_ms = (time.time() + seconds) * 1000

    def is_recorded() -> bool:
        newest_ms = json.loads(get("/api/health") or "{}").get("newest_ms")
        return newest_ms is not None and enough_ms <= newest_ms <= time.time() * 1000

    if not wait_until(is_recorded):
        sys.exit(f"the viewer has no tick later than {enough_ms:.0f} ms, at {time.time() * 1000:.0f} ms")


def shown(alive: set[str], ids: dict[str, str]) -> Json:
    """Return what the viewer shows as soon as it is right, or at the timeout: its now, and which containers run."""
    answer: Json = {}

    def is_right() -> bool:
        head, _, _ = get("/at/now").partition(",")  # NODE at TIME
        listed = json.loads(get("/api/containers") or '{"containers": []}')["containers"]
        answer["now_s"] = time.time()
        answer["at_now_s"] = datetime.fromisoformat(head.split()[-1]).timestamp() if head else 0
        answer["last_seen_s"] = {entry["id"]: entry["last_seen_ms"] / 1000 for entry in listed}
        running = {entry["container_id"] for entry in listed if entry["scope"] == "container" and entry["alive"]}
        answer["alive"] = [name for name, container_id in ids.items() if container_id in running]
        return {*answer["alive"]} == alive and abs(answer["at_now_s"] - answer["now_s"]) <= NEAR_S

    wait_until(is_right)
    return answer


def get(path: str) -> str:
    """Return the body of an answer; empty if the viewer does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=30) as response:
            return str(response.read().decode())
    except OSError:
        return ""


def wait_until(condition: Callable[[], bool]) -> bool:
    """Return whether a condition is met within the timeout."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


if __name__ == "__main__":
    main(sys.argv[1])
