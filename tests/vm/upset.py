"""Script for the machine: a collector whose disk hangs and becomes read-only, and whose wall clock is set.

`upset.py PYTHON`: the interpreter that has fgm. Leaves in the current folder collector.log and data/, the data
directory after an orderly stop.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROTATION_S = 10
FROZEN_S = 8
READ_ONLY_S = 4
TIMEOUT_S = 150
DISK, DATA = Path("/run/disk"), Path("/run/disk/data")
LOG = Path("collector.log")


def main(python: str) -> None:
    DISK.mkdir()
    for command in ("modprobe brd rd_nr=1 rd_size=131072", "mkfs.ext4 -q /dev/ram0", f"mount /dev/ram0 {DISK}"):
        sh(command)
    flags = ["--data-dir", str(DATA), "--rotation-seconds", str(ROTATION_S), "--node-name", "vm", "--min-free", "0"]
    with LOG.open("w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    windows(1)

    sh(f"fsfreeze --freeze {DISK}")
    time.sleep(FROZEN_S)
    sh(f"fsfreeze --unfreeze {DISK}")
    windows(1)

    Path("/proc/sysrq-trigger").write_text("u")  # every file system becomes read-only, even with open writers
    wait_until(lambda: "cannot record ticks" in LOG.read_text())
    time.sleep(READ_ONLY_S)
    sh(f"mount -o remount,rw {DISK}")
    wait_until(lambda: "recording ticks again" in LOG.read_text())
    windows(1)

    for step_s in (-15, -3600, 86_400):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + step_s)
        windows(2)

    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    shutil.copytree(DATA, "data")
    sys.exit(status)


def windows(count: int) -> None:
    """Wait until `count` more windows were closed."""
    enough = count + LOG.read_text().count("window closed")
    wait_until(lambda: LOG.read_text().count("window closed") >= enough)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        time.sleep(0.1)
        if time.monotonic() > deadline:
            sys.exit(f"a condition was not met in time:\n{LOG.read_text()}")


def sh(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
