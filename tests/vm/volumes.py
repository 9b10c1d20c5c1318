"""Script for the machine: a container reads from volumes that have just been made on a disk, while it is recorded.

`volumes.py PYTHON`: the interpreter that has fgm. Leaves in the current folder volumes.json (the container, and what it
read and wrote of each volume), collector.log and data/.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

BLOCK, BLOCKS = 64 << 10, 256
BETWEEN_S = 4
DATA = Path("/run/fgm")
# md without mdadm. The disks are new and contain zeros, so that their parity is right.
RAID = """
set -e; modprobe raid456; echo md127 >/sys/module/md_mod/parameters/new_array; cd /sys/block/md127/md
echo raid5 >level; echo 3 >raid_disks; echo 65536 >chunk_size; echo 32768 >component_size
for i in 1 2 3; do
    cat /sys/block/nullb$i/dev >new_dev; echo $((i - 1)) >dev-nullb$i/slot
done
echo none >resync_start; echo active >array_state
"""
VOLUMES = {
    "linear": "dmsetup create linear --table '0 65536 linear /dev/nullb0 0'",
    "crypt": f"dmsetup create crypt --table '0 65536 crypt aes-xts-plain64 {'0' * 128} 0 /dev/nullb0 65536'",
    "lvm on crypt": "dmsetup create upper --table '0 65536 linear /dev/mapper/crypt 0'",
    "raid5": RAID,
}
DEVICES = {
    "linear": "/dev/mapper/linear",
    "crypt": "/dev/mapper/crypt",
    "lvm on crypt": "/dev/mapper/upper",
    "raid5": "/dev/md127",
}


def run(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


def main(python: str) -> None:
    run("modprobe null_blk nr_devices=4 gb=1; modprobe dm-mod; modprobe dm-crypt")
    run("fakepod start web burstable --mem 64M -- sleep 1000")
    (listed,) = json.loads(subprocess.run(["fakepod", "list"], check=True, stdout=subprocess.PIPE).stdout)
    procs = Path(listed["cgroup"]) / "cgroup.procs"
    flags = ["--data-dir", str(DATA), "--node-name", "vm"]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    while not list(DATA.rglob("*.journal")):
        time.sleep(0.1)
    time.sleep(BETWEEN_S)
    began_ms = []
    for name, make in VOLUMES.items():
        began_ms.append(time.time() * 1000)
        run(make)
        device = DEVICES[name]
        for copy in (f"if=/dev/zero of={device} oflag=direct", f"if={device} of=/dev/null iflag=direct"):
            run(f"sh -c 'echo $$ >{procs} && exec dd {copy} bs={BLOCK} count={BLOCKS} status=none'")
        time.sleep(BETWEEN_S)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    report = {"id": listed["id"], "bytes": BLOCK * BLOCKS, "names": list(VOLUMES), "began_ms": began_ms}
    Path("volumes.json").write_text(json.dumps(report))
    shutil.copytree(DATA, "data")
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
