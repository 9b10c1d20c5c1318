"""Script for the machine: PSI and controllers of a container are switched off and on again while it is recorded.

`switch.py PYTHON`: the interpreter that has fgm. Leaves in the current folder switched.json (the container, and when
each was off), collector.log and data/.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

OFF_S = 4
LOOKED_FOR_S = 75
"""Time after which the collector has found a file that reappeared; it looks for absent files every minute."""
DATA = Path("/run/fgm")


def main(python: str) -> None:
    subprocess.run("fakepod start web burstable --mem 64M -- sleep 1000", shell=True, check=True)
    (listed,) = json.loads(subprocess.run(["fakepod", "list"], check=True, stdout=subprocess.PIPE).stdout)
    folder = Path(listed["cgroup"])
    flags = ["--data-dir", str(DATA), "--node-name", "vm"]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    while not list(DATA.rglob("*.journal")):
        time.sleep(0.1)
    time.sleep(OFF_S)
    off = {}
    for name, file, values in (
        ("cpu.pressure.some.total", folder / "cgroup.pressure", ("0", "1")),
        ("io.stat.rbytes", folder.parent / "cgroup.subtree_control", ("-io", "+io")),
        ("memory.current", folder.parent / "cgroup.subtree_control", ("-memory", "+memory")),
    ):
        began_ns = time.time_ns()
        file.write_text(values[0])
        time.sleep(OFF_S)
        file.write_text(values[1])
        off[name] = (began_ns, time.time_ns())
    time.sleep(LOOKED_FOR_S)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    Path("switched.json").write_text(json.dumps({"id": listed["id"], "off": off}))
    shutil.copytree(DATA, "data")
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
