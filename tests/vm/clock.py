"""Script for the machine: a collector on a machine that sleeps, and whose wall clock is ahead and is set back.

`clock.py PYTHON`: the interpreter that has fgm. Leaves in the current folder collector.log, data/ and times.json.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

ROTATION_S = 10
SLEEP_S = 20
AHEAD_S = 7200
TIMEOUT_S = 150
LOG, DATA = Path("collector.log"), Path("/run/data")


def main(python: str) -> None:
    DATA.mkdir()
    collector = start(python)
    windows(1)
    subprocess.run(["rtcwake", "--mode", "mem", "--seconds", str(SLEEP_S)], check=True)
    slept_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    windows(1)
    set_clock(AHEAD_S)
    windows(1)
    set_clock(-AHEAD_S)
    windows(1)
    set_clock(AHEAD_S)
    windows(1)
    stop(collector)

    set_clock(-AHEAD_S)
    collector = start(python)
    windows(1)
    stop(collector)
    Path("times.json").write_text(json.dumps({"slept_s": slept_s, "end_ms": time.time() * 1000}))
    subprocess.run(["cp", "-r", str(DATA), "data"], check=True)


def start(python: str) -> "subprocess.Popen[bytes]":
    flags = ["--data-dir", str(DATA), "--rotation-seconds", str(ROTATION_S), "--node-name", "vm", "--min-free", "0"]
    with LOG.open("a") as log:
        return subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)


def stop(collector: "subprocess.Popen[bytes]") -> None:
    collector.send_signal(signal.SIGTERM)
    if collector.wait(60):
        sys.exit(LOG.read_text())


def set_clock(step_s: int) -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + step_s)


def windows(count: int) -> None:
    """Wait until `count` more windows were closed."""
    enough = count + LOG.read_text().count("window closed")
    deadline = time.monotonic() + TIMEOUT_S
    while LOG.read_text().count("window closed") < enough:
        time.sleep(0.1)
        if time.monotonic() > deadline:
            sys.exit(f"no window was closed in time:\n{LOG.read_text()}")


if __name__ == "__main__":
    main(sys.argv[1])
