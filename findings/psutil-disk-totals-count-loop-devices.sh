#!/usr/bin/env bash
# The totals of psutil.disk_io_counters() count I/O through a loop device twice.
#
# Software: psutil 7.2.2, Linux (tried on 6.18), root for the loop device.
# Expected: 64 MiB that are read from one disk increase the "system-wide" read_bytes by 64 MiB, whatever lies between the
# program and the disk. Partitions are left out of the totals for that reason.
# Seen: they increase by 128 MiB if the program reads through a loop device, because the total adds every device that is in
# /sys/block, also loop, device-mapper and md devices, whose requests the disk below counts again.
set -euo pipefail
command -v python3 >/dev/null || exit 77
command -v losetup >/dev/null || exit 77
[ "$(id -u)" = 0 ] || exit 77
folder=$(mktemp -d -p "/var/tmp")
device=
trap '[ -z "$device" ] || losetup -d "$device"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install psutil==7.2.2 || exit 77
head -c 67108864 /dev/urandom >image
sync image
device=$(losetup --find --show --read-only image) || exit 77
environment/bin/python - "$device" <<'EOF'
import os
import sys

import psutil

MIB = 1 << 20
path = sys.argv[1]


def read(path):
    """Return by how many MiB each disk and the total have grown while the file was read from the disk."""
    with open("image", "rb") as image:
        os.posix_fadvise(image.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before, total_before = psutil.disk_io_counters(perdisk=True), psutil.disk_io_counters()
    with open(path, "rb") as file:
        while file.read(MIB):
            pass
    after, total_after = psutil.disk_io_counters(perdisk=True), psutil.disk_io_counters()
    grown = {name: round((after[name].read_bytes - before[name].read_bytes) / MIB) for name in before}
    total = round((total_after.read_bytes - total_before.read_bytes) / MIB)
    return {name: size for name, size in grown.items() if size >= 60}, total


name = os.path.basename(path)
direct, direct_total = read("image")
through, through_total = read(path)
below = sum(size for disk, size in through.items() if disk != name)
if not direct or not below:
    print("the file is not on a disk of this machine, or was not read from it")
    sys.exit(77)
print("read directly:    ", direct, "total", direct_total)
print("expected:          total", round(direct_total / 64) * 64)
print("seen through loop:", through, "total", through_total)
sys.exit(not through_total >= direct_total + 60)
EOF
