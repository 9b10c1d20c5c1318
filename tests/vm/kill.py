"""Script for the machine: a collector that is killed several times, and stopped in order at the end.

`kill.py PYTHON KILLS`: the interpreter that has fgm, and how often. Leaves in the current folder killed-0/, killed-1/
and so on, the data directory as each kill left it, data/, the directory in the end, and collector.log.
"""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROTATION_S = 600
FRAMES = 3
START_TIMEOUT_S = 120
DATA = Path("/run/fgm")


def main(python: str, kills: int) -> None:
    subprocess.run("fakepod start web burstable -- sleep 1000", shell=True, check=True, stdout=subprocess.DEVNULL)
    for i in range(kills):
        collector = start(python)
        time.sleep(i * 0.27)  # each kill at another moment between two ticks
        collector.kill()
        collector.wait()
        shutil.copytree(DATA, f"killed-{i}")
    collector = start(python)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    shutil.copytree(DATA, "data")
    sys.exit(status)


def start(python: str) -> subprocess.Popen[bytes]:
    """Start a collector, and wait until it has recorded some ticks."""
    flags = ["--data-dir", str(DATA), "--rotation-seconds", str(ROTATION_S), "--node-name", "vm"]
    size = journal_bytes()
    with open("collector.log", "a") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    deadline = time.monotonic() + START_TIMEOUT_S
    grown = 0
    while grown < FRAMES:
        time.sleep(0.01)
        now = journal_bytes()
        grown += now > size
        size = now
        if time.monotonic() > deadline or collector.poll() is not None:
            sys.exit("the collector recorded nothing; see collector.log")
    return collector


def journal_bytes() -> int:
    return sum(path.stat().st_size for path in DATA.rglob("*.journal"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
