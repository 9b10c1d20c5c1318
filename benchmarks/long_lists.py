"""Lists that the kernel returns in parts: `python -m benchmarks.long_lists`.

The real collector records for a minute, every second, on a node with 200 network interfaces and with a container of
2,000 processes next to 40 others. Pid and network namespaces of their own make it a node. The result compares what was
recorded with what there was: processes, bytes sent between the newest interfaces, and whether the newest process, which
was busy, is among the top processes. It needs root and a C compiler.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.collector import anonymous_mib, cpu_us, node_ticks
from benchmarks.limits import end, start
from benchmarks.programs import compile_into
from tests.support.cgroups import containers
from tests.support.crowd import crowd_program, wait_for
from tests.support.network import FRAME_BYTES, interfaces

from fgm.collector.cgroups.hierarchies import detect
from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from fgm.store.tables.process_tables import rows
from fgm.store.tables.table_rows import ProcessRow

PROCESSES, PAIRS, OTHERS = 2000, 100, 40
FRAMES_A_SECOND = 10
WARM_UP_S = 15.0
NAMESPACES = ("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_lists", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="seconds to measure (default: 60)")
    parser.add_argument("--python", default=sys.executable, help="Python interpreter that runs the collector")
    arguments = parser.parse_args(argv)
    if os.getpid() != 1:
        command = [*NAMESPACES, sys.executable, "-m", "benchmarks.long_lists", *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work")
        result = measure(Path(folder), arguments.seconds, arguments.python)
    sys.stdout.write("".join(f"{name:28}{value!s:>12}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def measure(folder: Path, seconds: int, python: str) -> dict[str, float | bool]:
    """Record the node, and compare."""
    sys_root, data_dir = folder / "sys", folder / "data"
    for path in (sys_root, data_dir):
        path.mkdir()
    subprocess.run(["mount", "-t", "sysfs", "sysfs", sys_root], check=True)  # that of this network namespace
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["umount", str(sys_root)], check=True)
        network = stack.enter_context(interfaces(PAIRS))
        hierarchies = detect("/sys/fs/cgroup")
        stack.enter_context(containers(hierarchies, OTHERS, str(folder / "work")))
        (crowd,) = stack.enter_context(containers(hierarchies, 1, crowd_program(folder, PROCESSES)))
        wait_for(folder / "ready")
        flags = ["--data-dir", str(data_dir), "--sys-root", str(sys_root), "--log-level", "warning"]
        collector = start([python, "-m", "fgm.collector", *flags], None)
        stack.callback(end, collector)
        time.sleep(WARM_UP_S)
        begun_us, first_ms = cpu_us(collector.pid), time.time() * 1000
        for _ in range(seconds):
            network.send(FRAMES_A_SECOND)
            time.sleep(1)
        spent_us, last_ms = cpu_us(collector.pid) - begun_us, time.time() * 1000
        anonymous = anonymous_mib(collector.pid)
        time.sleep(2)
        end(collector)
    late_ms, missed = node_ticks(str(data_dir), first_ms, last_ms)
    counts = recorded(str(data_dir), crowd, "container.pid_count")
    received = recorded(str(data_dir), "node", "network.rx_bytes")
    failed = recorded(str(data_dir), "node", "collector.failed_reads")
    newest = int((folder / "ready").read_text())
    tables = data_dir.rglob("processes-*.parquet")
    all_rows = (row for path in tables for row in rows(str(path)))
    top = {row.pid for row in all_rows if isinstance(row, ProcessRow) and row.container_id == crowd}
    return {
        "processes": PROCESSES,
        "processes_lowest": min(counts),
        "processes_highest": max(counts),
        "bytes_sent": seconds * FRAMES_A_SECOND * FRAME_BYTES,
        "bytes_received": received[-1] - received[0],
        "newest_is_among_the_top": newest in top,
        "missed_ticks": missed,
        "late_ms_highest": round(float(late_ms.max()), 1),
        "late_ms_median": round(float(sorted(late_ms)[len(late_ms) // 2]), 1),
        "cpu_ms_per_second": round(spent_us / seconds / 1000, 1),
        "anonymous_mib": round(anonymous, 1),
        "failed_reads": max(failed),
        "problems": len(check(str(data_dir)).problems),
    }


def recorded(data_dir: str, key: str, metric: str) -> list[float]:
    """Return the recorded values of a metric of one series, in order of time."""
    values: dict[int, float] = {}
    for path in data_files(data_dir, "metrics"):
        window = WindowFile.open(path)
        for chunk in window.chunks([metric], {key}):
            values |= dict(zip(chunk.time_ms.tolist(), chunk.values[metric].tolist(), strict=True))
        window.close()
    return [values[ms] for ms in sorted(values)]


if __name__ == "__main__":
    sys.exit(main())
