"""Engines that answer the question of `benchmarks.fleet`. It imports nothing of fgm; each engine only what it needs."""

import json
import sys
import time
from pathlib import Path
from typing import Any

DAY = "2025-11-29"
Answer = tuple[list[Any], int]
"""The row, and the number of bytes that were read."""
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


def read_bytes() -> int:
    """Return the bytes that this process has read from files, also from the page cache."""
    return int(Path("/proc/self/io").read_text().split()[1])


def duckdb_answer(folder: Path, *, pruned: bool) -> Answer:
    import duckdb

    connection = duckdb.connect()
    for statement in statements(folder, "duckdb"):
        connection.execute(statement)
    before = read_bytes()
    row = connection.execute(question(pruned=pruned)).fetchall()[0]
    return list(row), read_bytes() - before


def spark_answer(folder: Path, *, pruned: bool) -> Answer:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.shuffle.partitions", "8").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for statement in statements(folder, "spark"):
        session.sql(statement)
    row = list(session.sql(question(pruned=pruned)).collect()[0])
    executors = session.sparkContext._jsc.sc().statusStore().executorList(True)  # noqa: FBT003, SLF001 - a method of Java
    read = sum(executors.apply(number).totalInputBytes() for number in range(executors.length()))
    session.stop()
    return row, read


def module(folder: Path, name: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec((folder / f"{name}.py").read_text(), names)
    return names


def polars_answer(folder: Path, *, pruned: bool) -> Answer:
    import polars as pl

    names = module(folder, "polars")
    before = read_bytes()
    frame = names["samples"](str(folder / "bucket"))
    first, last = (pl.lit(f"{text}Z").str.to_datetime("%Y-%m-%d %H:%M:%SZ", time_zone="UTC") for text in (BEGIN, END))
    if pruned:
        frame = frame.filter(pl.col("dt") == DAY, pl.col("time").is_between(first - pl.duration(seconds=25), last))
    frame = names["derived"](frame).filter(pl.col("scope") == "container", pl.col("time").is_between(first, last))
    cpu, pressure = pl.col("total_cpu_usage_millicores"), pl.col("psi_cpu_some_ratio")
    by = ["identifier", "pod_name", "container_name", "container_id"]
    wanted = frame.group_by(by).agg(cpu.mean(), pressure.mean().alias("mean"), pressure.max().alias("peak"))
    row = wanted.top_k(1, by=cpu).drop("container_id").collect().row(0)
    return list(row), read_bytes() - before


def dask_answer(folder: Path, *, pruned: bool) -> Answer:
    import dask.dataframe as dd
    import pandas as pd
    from dask.distributed import Client, LocalCluster

    names = module(folder, "pandas")
    first, last = (pd.Timestamp(text, tz="UTC") for text in (BEGIN, END))
    with (
        LocalCluster(2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        before = sum(client.run(read_bytes).values())
        wanted = [("dt", "==", DAY), ("time", ">=", first - pd.Timedelta(25, "s")), ("time", "<=", last)]
        rows = dd.read_parquet(
            str(folder / "bucket" / "metrics"), columns=names["COLUMNS"], filters=wanted if pruned else None
        )
        derive = names["derived"]

        def of_minute(part: pd.DataFrame) -> pd.DataFrame:  # each file has whole series
            part = derive(part)
            return part[part["time"].between(first, last)]

        frame = derive(rows.compute()) if pruned else rows.map_partitions(of_minute).compute()
        read = sum(client.run(read_bytes).values()) - before
    frame = frame[(frame["scope"] == "container") & (frame["time"] >= first) & (frame["time"] <= last)]
    groups = frame.groupby(["identifier", "pod_name", "container_name", "container_id"])
    top = groups["total_cpu_usage_millicores"].mean().idxmax()
    row = groups.get_group(top)
    cpu, pressure = row["total_cpu_usage_millicores"], row["psi_cpu_some_ratio"]
    return [*top[:3], cpu.mean(), pressure.mean(), pressure.max()], read


ENGINES = {"duckdb": duckdb_answer, "polars": polars_answer, "spark": spark_answer, "dask": dask_answer}


def main() -> int:
    engine, folder, which = sys.argv[1:]
    begun = time.perf_counter()
    row, read = ENGINES[engine](Path(folder), pruned=which == "pruned")
    seconds = round(time.perf_counter() - begun, 1)
    print(json.dumps({"row": row, "seconds": seconds, "read_mb": round(read / 1e6, 1)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
