"""A question to the shipped history of many nodes: `python -m benchmarks.fleet DIR --nodes 100 --python PYTHON`.

Which container of all nodes used most CPU at 14:32, and what did its pressure do? DIR gets two hours of made history of
each node, shipped with `fgm ship` into a bucket that is a directory. Then DuckDB, Spark (a driver and two workers, each
a process), Dask (two workers) and Polars answer, each in a process of its own, with what `fgm views` prints and nothing
else of fgm. `--history`: directories that `benchmarks.history --days 0.0834 --merged --until 1764432300000` has made.

PYTHON is an environment with pyspark, dask[dataframe,distributed], polars, duckdb and pyarrow; Spark needs Java 17.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.fleet_engines import ENGINES

from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.shipping.views.python_module import python_module
from fgm.shipping.views.script import script
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile

DAY = "dt=2025-11-29"
CULPRIT_NODE = 41
HOURS = ("20251129T140000Z", "20251129T150000Z")
AT_MS = 1_764_426_720_000  # 2025-11-29T14:32:00Z
"""Minute of the question."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="folder to write into; made history in it is used again"
    )
    parser.add_argument(
        "--history", metavar="DIR", type=Path, action="append", required=True, help="made history of a node"
    )
    parser.add_argument("--nodes", type=int, default=100, help="number of nodes (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the engines (default: this one)")
    parser.add_argument("--engines", default=",".join(ENGINES), help="engines to ask (default: %(default)s)")
    arguments = parser.parse_args()
    bucket = arguments.folder / "bucket"
    if not bucket.exists():
        ship_nodes(arguments.folder, make_hours(arguments.folder, arguments.history), arguments.nodes)
    for dialect, url in (("duckdb", str(bucket)), ("spark", f"file://{bucket}")):
        (arguments.folder / f"{dialect}.sql").write_text(script(dialect, url))
    for name in ("polars", "pandas"):
        (arguments.folder / f"{name}.py").write_text(python_module(name))
    for engine in arguments.engines.split(","):
        for pruned in (True, False):
            ask(arguments.python, engine, arguments.folder, pruned=pruned)
    return 0


def make_hours(folder: Path, histories: list[Path]) -> dict[str, Path]:
    """Write the hours of each history as the collector would, and one with a container that uses three processors."""
    made = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, history in enumerate(histories):
        for hour in HOURS:
            (source,) = history.glob(f"{DAY}/*/metrics-{hour}--PT1H.parquet")
            file = WindowFile.open(str(source))
            chunks = list(file.chunks(COLUMNS))
            target = made[f"{number}/{hour}"] = folder / f"{number}-{hour}.parquet"
            target.write_bytes(encode(chunks, COLUMN_TYPES, file.header))
            if number == 0 and hour == HOURS[0]:
                busy = [chunk for chunk in chunks if chunk.series.scope == "container" and AT_MS in chunk.time_ms][3]
                seconds = ((busy.time_ms - AT_MS) / 1000).clip(0, 60)
                busy.values["cpu.stat.usage_usec"][:] += seconds * 3_000_000
                busy.values["cpu.pressure.some.total"][:] += seconds * 600_000
                culprit = made["culprit"] = folder / "culprit.parquet"
                culprit.write_bytes(encode(chunks, COLUMN_TYPES, file.header))
            file.close()
    return made


def ship_nodes(folder: Path, made: dict[str, Path], nodes: int) -> None:
    histories = len({key.partition("/")[0] for key in made} - {"culprit"})
    for node in range(nodes):
        data = folder / "node"
        writer = data / DAY / f"identifier=node-{node:03}"
        writer.mkdir(parents=True)
        for hour in HOURS:
            is_culprit = node == CULPRIT_NODE and hour == HOURS[0]
            target = writer / f"metrics-{hour}--PT1H.parquet"
            shutil.copy(made["culprit" if is_culprit else f"{node % histories}/{hour}"], target)
            os.utime(target, ns=(1, 1))
        flags = ["--cluster", "blue", "--once", "--max-megabytes-per-second", "1000"]
        command = [sys.executable, "-m", "fgm", "ship", str(data), f"file://{folder}/bucket", *flags]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        shutil.rmtree(data)


def ask(python: str, engine: str, folder: Path, *, pruned: bool) -> None:
    """Ask an engine in a process of its own, without fgm on its path, and print its answer."""
    program = Path(__file__).with_name("fleet_engines.py")
    command = [python, str(program), engine, str(folder), "pruned" if pruned else "all"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{engine}: failed: {done.stderr.strip().splitlines()[-1:]}")
        return
    answer = json.loads(done.stdout.splitlines()[-1])
    print(engine, "pruned" if pruned else "not pruned", json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
