#!/usr/bin/env bash
# pidstat -d and psutil show what a process has read twice: for itself, and for its parent when the parent waits for it.
#
# Software: sysstat 12.6.1 (Debian 12), psutil 7.2.2, Linux (tried on 6.18).
# A shell starts `python3`, which reads 64 MiB from the disk and ends. The shell itself reads nothing.
# Expected: `pidstat -d` shows 64 MiB for python3, and nothing for the shell, as `pidstat -u` does with processor time, which
# the kernel keeps apart for children. So does psutil.Process.io_counters().
# Seen: as soon as the shell has waited for python3, it is shown as reading 64 MiB within one second, in which nothing was
# read at all. A supervisor or the shell of a container gets all reads and writes of its ended children, and of theirs, at
# once; a sum over processes counts them once for each level. The kernel adds the counters of children to /proc/PID/io
# (kernel/exit.c: wait_task_zombie), as proc_pid_io(5) says since man-pages 6.7; the manuals of the tools do not.
set -euo pipefail
for tool in python3 apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "this needs $tool"; exit 77; }
done
folder=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User=root download sysstat=12.6.1-1 || exit 77
dpkg-deb -x sysstat_*.deb packages
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install psutil==7.2.2 || exit 77
head -c 67108864 /dev/urandom >image
dd if=image iflag=nocache oflag=nocache of=image conv=notrunc,fdatasync count=0 status=none

cat >read.py <<'EOF'
import os
import time

with open("image", "rb", buffering=0) as image:
    os.posix_fadvise(image.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    while image.read(1 << 20):
        pass
time.sleep(3)
EOF
cat >watch.py <<'EOF'
import subprocess
import sys
import time

import psutil

pidstat = ["packages/usr/bin/pidstat", "-d", "-h", "1", "12"]
watching = subprocess.Popen(pidstat, stdout=subprocess.PIPE, text=True, env={"LC_ALL": "C", "S_TIME_FORMAT": "ISO"})
time.sleep(2)
shell = subprocess.Popen(["sh", "-c", "python3 read.py; sleep 60; true"])
counters = psutil.Process(shell.pid).io_counters
before = counters().read_bytes
kib = {}
for line in watching.communicate()[0].splitlines():
    fields = line.split()
    if len(fields) >= 8 and fields[-1] in ("python3", "sh") and int(fields[2]) >= shell.pid:
        kib[fields[-1]] = kib.get(fields[-1], 0) + max(0.0, float(fields[3]))
psutil_mib = round((counters().read_bytes - before) / (1 << 20))
for child in psutil.Process(shell.pid).children():
    child.kill()
shell.kill()
shell.wait()
mib = {name: round(value / 1024) for name, value in sorted(kib.items())}
if mib.get("python3", 0) < 60:
    print("the file was not read from a disk of this machine, or not in the time of pidstat:", mib)
    sys.exit(77)
print("expected: 64 MiB read by python3, 0 by the shell")
print(f"seen:     MiB by pidstat: {mib}, by psutil for the shell: {psutil_mib}")
sys.exit(not (mib.get("sh", 0) >= 60 and psutil_mib >= 60))
EOF
environment/bin/python watch.py
