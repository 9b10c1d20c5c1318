#!/usr/bin/env bash
# Linux 6.18, cgroup v1. Needs root, a mount of the pids controller, and Python 3; installs nothing.
#
# An open cgroup.procs is read again from its start once a second, as monitors do that keep descriptors open.
#
# Expected: the processes that are in the cgroup at the time of each read, as on cgroup v2.
# Seen:     the processes of the first read, for as long as no second passes without a read: one that started later is
#           never listed, and one that ended still is. After a pause of more than a second, or after another descriptor
#           was opened and read, the list is right. (kernel/cgroup/cgroup-v1.c, CGROUP_PIDLIST_DESTROY_DELAY)
set -euo pipefail

mount=$(awk '$3 == "cgroup" && $4 ~ /(^|,)pids(,|$)/ {print $2; exit}' /proc/mounts)
if [ "$(id -u)" != 0 ] || [ -z "$mount" ] || ! command -v python3 >/dev/null; then
  echo "needs root, cgroup v1 with the pids controller, and python3"
  exit 77
fi
echo "Linux $(uname -r), $mount"

python3 - "$mount" <<'PYTHON'
import os, subprocess, sys, time

folder = f"{sys.argv[1]}/finding-{os.getpid()}"
os.mkdir(folder)
sleepers = []


def start():
    sleepers.append(subprocess.Popen(["sleep", "100"]))
    with open(f"{folder}/cgroup.procs", "w") as procs:
        procs.write(str(sleepers[-1].pid))


def listed():
    return sorted(map(int, os.pread(kept, 4096, 0).split()))


def living():
    return sorted(sleeper.pid for sleeper in sleepers if sleeper.poll() is None)


try:
    start()
    start()
    kept = os.open(f"{folder}/cgroup.procs", os.O_RDONLY)
    wrong = 0
    for second in range(6):
        there, shown = living(), listed()
        wrong += there != shown
        print(f"after {second} s: in the cgroup {there}, listed {shown}")
        if second == 1:
            sleepers[0].kill()
            sleepers[0].wait()
            start()
        time.sleep(0.9)
    time.sleep(1.5)
    after_pause = listed() == living()
    print(f"after a pause: in the cgroup {living()}, listed {listed()}")
    os.close(kept)
finally:
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()
    time.sleep(0.1)
    os.rmdir(folder)
if wrong == 4 and after_pause:
    print("Expected: the processes at the time of each read. Seen: those of the first read, until there was a pause.")
    sys.exit(0)
print("the behaviour has changed")
sys.exit(1)
PYTHON
