"""A Parquet export of a day within the limits of the viewer's container: `python -m benchmarks.export_in_the_box DIR`.

`fgm save` requests the last day of DIR, once with its first connection cut in the middle, while the page's own
questions are asked next to it. Measured are the memory, the duration, and how long the page waits. The file is
checked with DuckDB. It needs root and cgroup v1.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
from benchmarks import limits
from benchmarks.findings_in_the_box import page_questions
from benchmarks.viewer import Requests, Viewer
from tests.support.cutting_proxy import CuttingProxy
from tests.support.processes import free_port

from fgm.store.directory import layout

SETTLE_S = 6.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export_in_the_box", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="recording of a day or more")
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the viewer (default: this one)"
    )
    parser.add_argument("--hours", type=float, default=24, help="length of the range (default: 24)")
    parser.add_argument("--cut-after", type=int, default=5_000_000, help="bytes of the first connection")
    parser.add_argument("--format", choices=("parquet", "parquet-long"), default="parquet")
    arguments = parser.parse_args(argv)
    requests = Requests(arguments.data_dir)
    port = free_port()
    viewer = Viewer(arguments.python, arguments.data_dir, port)
    length_ms = round(arguments.hours * layout.HOUR_MS)
    with tempfile.TemporaryDirectory() as folder, limits.limited(limits.VIEWER) as box, viewer.running(box):
        viewer.wait("/api/metrics")
        time.sleep(SETTLE_S)
        page_questions(viewer, requests)
        alone = page_questions(viewer, requests)
        resting = box.memory_mib().anonymous
        path = Path(folder, "day.parquet")
        with closing(CuttingProxy(port, cuts=1, after_bytes=arguments.cut_after)) as proxy:
            span = ["--from", str(requests.end_ms - length_ms), "--to", str(requests.end_ms)]
            source = f"http://127.0.0.1:{proxy.port}"
            command = [
                sys.executable,
                "-m",
                "fgm",
                "save",
                source,
                "--format",
                arguments.format,
                "-o",
                str(path),
                *span,
            ]
            began = time.monotonic()
            during: list[float] = []
            with subprocess.Popen(command) as saving:
                while saving.poll() is None:
                    during += page_questions(viewer, requests)
            seconds = time.monotonic() - began
            connections = proxy.accepted
        memory = box.memory_mib()
        highest, failures, kills = box.highest_bytes() / (1 << 20), box.failures(), box.kills()
        name = "container_id" if arguments.format == "parquet" else "l_container_id"
        query = f"SELECT count(*), count(DISTINCT {name}) FROM read_parquet(?)"
        rows, containers = duckdb.execute(query, [str(path)]).fetchall()[0]
        size = path.stat().st_size
    print("| within 100 millicores and 128 MiB | |\n|---|---|")
    print(f"| exit code, connections | {saving.returncode}, {connections} |")
    print(f"| rows, containers, MB | {rows}, {containers}, {size / 1e6:.1f} |")
    print(f"| both attempts, s | {seconds:.0f} |")
    without, with_export = statistics.median(alone), statistics.median(during)
    print(f"| a question of the page without an export, s | {without:.2f} |")
    print(f"| a question of the page with one, median and highest, s | {with_export:.2f}, {max(during):.1f} |")
    print(f"| anonymous memory before, at the end, MiB | {resting:.0f}, {memory.anonymous:.0f} |")
    print(f"| charged at most, MiB; limit reached; OOM kills | {highest:.0f}; {failures}; {kills} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
