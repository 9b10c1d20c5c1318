"""Engines that answer the question of `benchmarks.fleet`. It imports nothing of fgm; each engine only what it needs."""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

DAY = "2025-11-29"
Answer = tuple[list[Any], Counter[str]]
"""The row, and the processes of the engine."""
BEGIN, END = "2025-11-29 14:32:00", "2025-11-29 14:32:59"
QUESTION = """SELECT identifier, pod_name, container_name, avg(total_cpu_usage_millicores) AS millicores,
    avg(psi_cpu_some_ratio) AS pressure, max(psi_cpu_some_ratio) AS peak
FROM {source} WHERE scope = 'container' AND {when}
GROUP BY identifier, pod_name, container_name, container_id ORDER BY millicores DESC LIMIT 1"""


def question(*, pruned: bool) -> str:
    """Return the question with a function that reads only the files of that time, or with a view of everything."""
    source = f"derived_between(TIMESTAMP '{BEGIN}', TIMESTAMP '{END}')" if pruned else "derived"
    return QUESTION.format(source=source, when=f"time >= TIMESTAMP '{BEGIN}' AND time <= TIMESTAMP '{END}'")


def statements(folder: Path, dialect: str) -> list[str]:
    return [text for text in (folder / f"{dialect}.sql").read_text().split(";\n") if text.strip()]


def duckdb_answer(folder: Path, *, pruned: bool) -> Answer:
    import duckdb

    connection = duckdb.connect()
    for statement in statements(folder, "duckdb"):
        connection.execute(statement)
    return list(connection.execute(question(pruned=pruned)).fetchall()[0]), processes()


def spark_answer(folder: Path, *, pruned: bool) -> Answer:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "8").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for statement in statements(folder, "spark"):
        session.sql(statement)
    return list(session.sql(question(pruned=pruned)).collect()[0]), processes()


def module(folder: Path, name: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec((folder / f"{name}.py").read_text(), names)
    return names


def polars_answer(folder: Path, *, pruned: bool) -> Answer:
    import polars as pl

    names = module(folder, "polars")
    frame = names["samples"]((folder / "url").read_text())
    first, last = (pl.lit(f"{text}Z").str.to_datetime("%Y-%m-%d %H:%M:%SZ", time_zone="UTC") for text in (BEGIN, END))
    if pruned:
        frame = frame.filter(pl.col("dt") == DAY, pl.col("time").is_between(first - pl.duration(seconds=25), last))
    frame = names["derived"](frame).filter(pl.col("scope") == "container", pl.col("time").is_between(first, last))
    cpu, pressure = pl.col("total_cpu_usage_millicores"), pl.col("psi_cpu_some_ratio")
    by = ["identifier", "pod_name", "container_name", "container_id"]
    wanted = frame.group_by(by).agg(cpu.mean(), pressure.mean().alias("mean"), pressure.max().alias("peak"))
    return list(wanted.top_k(1, by=cpu).drop("container_id").collect().row(0)), processes()


def dask_answer(folder: Path, *, pruned: bool) -> Answer:
    import dask.dataframe as dd
    import pandas as pd
    from dask.distributed import Client, LocalCluster

    names = module(folder, "pandas")
    first, last = (pd.Timestamp(text, tz="UTC") for text in (BEGIN, END))
    with (
        LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster),
    ):
        wanted = [("dt", "==", DAY), ("time", ">=", first - pd.Timedelta(25, "s")), ("time", "<=", last)]
        files = f"{(folder / 'url').read_text()}/metrics"
        rows = dd.read_parquet(files, columns=names["COLUMNS"], filters=wanted if pruned else None)
        derive = names["derived"]

        def of_minute(part: pd.DataFrame) -> pd.DataFrame:  # each file has whole series
            part = derive(part)
            return part[part["time"].between(first, last)]

        frame = derive(rows.compute()) if pruned else rows.map_partitions(of_minute).compute()
        counted = processes()
    frame = frame[(frame["scope"] == "container") & (frame["time"] >= first) & (frame["time"] <= last)]
    groups = frame.groupby(["identifier", "pod_name", "container_name", "container_id"])
    top = groups["total_cpu_usage_millicores"].mean().idxmax()
    row = groups.get_group(top)
    cpu, pressure = row["total_cpu_usage_millicores"], row["psi_cpu_some_ratio"]
    return [*top[:3], cpu.mean(), pressure.mean(), pressure.max()], counted


ENGINES = {"duckdb": duckdb_answer, "polars": polars_answer, "spark": spark_answer, "dask": dask_answer}


def processes() -> Counter[str]:
    """Return how many processes of each program this one and its descendants are, of Java by their main classes."""
    parents, commands = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(folder.name)] = (folder / "cmdline").read_text().split("\0")
        except OSError:  # it has ended
            continue
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return Counter(program(commands.get(pid, [])) for pid in found)


def program(command: list[str]) -> str:
    """Return the name of a program, or the main class of a Java machine."""
    classes = [text.rpartition(".")[2] for text in command[1:] if text.startswith("org.apache.spark.")]
    return classes[0] if classes else Path(command[0]).name


def main() -> int:
    engine, folder, which = sys.argv[1:]
    begun = time.perf_counter()
    row, counted = ENGINES[engine](Path(folder), pruned=which == "pruned")
    seconds = round(time.perf_counter() - begun, 1)
    print(json.dumps({"row": row, "seconds": seconds, "processes": counted}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
