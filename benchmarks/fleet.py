"""A question to the shipped history of many nodes: `python -m benchmarks.fleet DIR --nodes 100 --python PYTHON`.

Which container of all nodes used most CPU at 14:32, and what did its pressure do? DIR gets two hours of made history of
each node, shipped with `fgm ship` into a bucket that is a directory. Then DuckDB, Spark (a driver and two workers, each
a process), Dask (two workers) and Polars answer, each in a process of its own, with what `fgm views` prints and nothing
else of fgm. `--history`: directories that `benchmarks.history --days 0.0834 --merged --until 1764432300000` has made.

`cpu_s` is the time of processor of all processes of the engine, from start to end. `read_mb` is what they read of the
bucket, in whatever way: an engine finds it on a file system of its own, with a cold cache and without read-ahead, and
the sectors that its disk delivered are counted (each once, in pages of 4 KiB). That needs root and a free loop device.
With `--s3`, the bucket is in SeaweedFS (`make object-stores`), and `read_mb` is what went over its connections; Spark
and DuckDB, whose packages have no file system for S3, are left out.

PYTHON is an environment with pyspark, dask[dataframe,distributed], polars, duckdb and pyarrow; Spark needs Java 17.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fleet_engines import ENGINES
from benchmarks.fleet_places import Place, behind_relay, cold_disk
from tests.support.object_stores import BUCKET, object_store

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
ENGINES_WITH_S3 = ("polars", "dask")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="folder to write into; made history in it is used again"
    )
    parser.add_argument("--history", metavar="DIR", type=Path, action="append", default=[], help="history of a node")
    parser.add_argument("--nodes", type=int, default=100, help="number of nodes (default: %(default)s)")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the engines (default: this one)")
    parser.add_argument("--engines", default=",".join(ENGINES), help="engines to ask (default: %(default)s)")
    parser.add_argument("--s3", action="store_true", help="read from SeaweedFS instead of a disk")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    bucket = folder / "bucket"
    if not bucket.exists():
        if not arguments.history:
            parser.error(f"{folder} has no history yet: give --history")
        lay_nodes(folder, make_hours(folder, arguments.history), arguments.nodes)
        ship(folder, f"file://{bucket}", {})
    engines = arguments.engines.split(",")
    with ExitStack() as stack:
        store = None
        if arguments.s3:
            engines = [name for name in engines if name in ENGINES_WITH_S3]
            store = stack.enter_context(object_store("s3", Path(stack.enter_context(TemporaryDirectory())) / "s3"))
            ship(folder, f"s3://{BUCKET}/fleet", store.variables(store.port))
        for engine, pruned in itertools.product(engines, (True, False)):
            with behind_relay(store) if store else cold_disk(bucket) as place:
                answer = ask(arguments.python, engine, folder, place, pruned=pruned)
            if place.read_bytes is not None:
                answer["read_mb"] = round(place.read_bytes / 1e6, 1)
            print(engine, "pruned" if pruned else "not pruned", json.dumps(answer), flush=True)
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
    for path in made.values():
        os.utime(path, ns=(1, 1))  # `fgm ship` leaves files alone that were just written
    return made


def lay_nodes(folder: Path, made: dict[str, Path], nodes: int) -> None:
    """Make a data directory with the hours of all nodes, each as a writer."""
    histories = len({key.partition("/")[0] for key in made} - {"culprit"})
    for node in range(nodes):
        writer = folder / "nodes" / DAY / f"identifier=node-{node:03}"
        writer.mkdir(parents=True)
        for hour in HOURS:
            is_culprit = node == CULPRIT_NODE and hour == HOURS[0]
            source = made["culprit" if is_culprit else f"{node % histories}/{hour}"]
            os.link(source, writer / f"metrics-{hour}--PT1H.parquet")


def ship(folder: Path, url: str, environment: dict[str, str]) -> None:
    flags = ["--cluster", "blue", "--once", "--max-megabytes-per-second", "1000"]
    command = [sys.executable, "-m", "fgm", "ship", str(folder / "nodes"), url, *flags]
    subprocess.run(command, check=True, env=os.environ | environment)


def ask(python: str, engine: str, folder: Path, place: Place, *, pruned: bool) -> dict[str, object]:
    """Ask an engine in a process of its own, without fgm on its path; return its answer, and what it took."""
    (folder / "url").write_text(place.url)
    (folder / "duckdb.sql").write_text(script("duckdb", place.url))
    (folder / "spark.sql").write_text(script("spark", f"file://{place.url}"))
    for name in ("polars", "pandas"):
        (folder / f"{name}.py").write_text(python_module(name))
    program = Path(__file__).with_name("fleet_engines.py")
    command = [sys.executable, "-m", "benchmarks.metered", python, str(program), engine, str(folder)]
    command.append("pruned" if pruned else "all")
    environment = os.environ | {"PYTHONPATH": "", "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
    done = subprocess.run(command, env=environment | place.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    answer, cpu_s = done.stdout.splitlines()[-2:]
    return {**json.loads(answer), "cpu_s": round(float(cpu_s), 1)}


if __name__ == "__main__":
    sys.exit(main())
