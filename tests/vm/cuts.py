"""Script for the machine: power cuts while a collector merges, makes minutes and removes old data, on ext4.

`cuts.py PYTHON make`: makes disk.img in the current folder, and puts the folder `source` on it.
`cuts.py PYTHON cut SECONDS NAME`: checks the disk as the last cut left it and copies it to the folder NAME; then runs a
collector on it for SECONDS and ends without a word. The host kills the machine then, and what the kernel has not
written is lost.
`cuts.py PYTHON last`: runs a collector until everything is merged, stops it, and copies the disk to `data`.
Reads repository.txt, the folder of the project. Leaves collector.log, and for each cut NAME.check, what `fgm check`
prints.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

DATA = Path("/mnt/data")
LAST_TIMEOUT_S = 1200


def main(python: str, what: str, seconds: str = "0", name: str = "") -> None:
    sh("modprobe loop")
    DATA.mkdir(parents=True, exist_ok=True)
    if what == "make":
        sh("truncate -s 512M disk.img && mkfs.ext4 -q disk.img")
        sh(f"mount -o loop disk.img {DATA}")
        shutil.copytree("source", DATA, dirs_exist_ok=True)
        sh(f"umount {DATA}")
        return
    sh(f"mount -o loop disk.img {DATA}")
    if name:
        shutil.copytree(DATA, name, ignore=shutil.ignore_patterns("lost+found"))
        done = subprocess.run([python, "-m", "fgm", "check", str(DATA)], capture_output=True, text=True, check=False)
        Path(f"{name}.check").write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    with open("collector.log", "a") as log:
        collector = start(python, log.fileno())
    if what == "cut":
        time.sleep(float(seconds))
        if collector.poll() is not None:
            sys.exit("the collector has ended; see collector.log")
        return
    to_ms = json.loads(Path("to_ms.json").read_text())
    deadline = time.monotonic() + LAST_TIMEOUT_S
    before = journals()
    while unmerged(to_ms) or journals() == before:
        if time.monotonic() > deadline or collector.poll() is not None:
            sys.exit(f"not merged: {unmerged(to_ms)[:3]}, or nothing recorded: {journals()}")
        time.sleep(1)
    time.sleep(3)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    shutil.copytree(DATA, "data", ignore=shutil.ignore_patterns("lost+found"))
    sys.exit(status)


def start(python: str, log: int) -> "subprocess.Popen[bytes]":
    flags = ["--data-dir", str(DATA), "--node-name", "node-1", "--no-kubernetes", "--min-free", "0"]
    flags += ["--retention-days", "36500"]
    command = [python, "-m", "tests.support.collector.hurried_collector", "0", "0", *flags]
    repository = Path("repository.txt").read_text()
    return subprocess.Popen(
        command, stdout=log, stderr=log, cwd=repository, env={**os.environ, "PYTHONPATH": repository}
    )


def journals() -> list[tuple[str, int]]:
    """Return the journals of metrics and their sizes, which change as soon as the collector records."""
    return sorted((path.name, path.stat().st_size) for path in DATA.rglob("live-*.journal"))


def unmerged(to_ms: int) -> list[str]:
    """Return the windows and tables that are neither merged nor of the running hours, and temporary files."""
    left = [path.name for path in DATA.rglob("*.tmp")]
    for path in [*DATA.rglob("metrics-*Z.parquet"), *DATA.rglob("processes-*Z.parquet")]:
        stamp = path.name.split("-", 1)[1][:16]
        begun = time.strptime(stamp, "%Y%m%dT%H%M%SZ")
        start_ms = (time.mktime(begun) - time.timezone) * 1000
        if start_ms < to_ms:
            left.append(path.name)
    return left


def sh(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
