"""Other readers of Parquet, which answer what a range of a metric needs; started by `python -m benchmarks.ranges`.

A process answers one question several times. The question is JSON on standard input: the reader, the files, the ids of
the containers, the metric, the range and the number of times. For each time it prints the number of rows and the CPU
time of the process in ms. Imports and connections are not counted; each reader uses one thread. No reader computes
rates or writes a response.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# ruff: noqa: PLC0415 - each process imports one of the readers, after its number of threads was set

READERS = ("polars", "duckdb", "pyarrow")


@dataclass(frozen=True, slots=True)
class RangeQuestion:
    """The rows of some containers in [from_ms, to_ms): id, time, lateness and one metric, for rates."""

    files: Sequence[str]
    ids: Sequence[str]
    late: str
    metric: str
    from_ms: int
    to_ms: int


def main() -> int:
    asked = json.load(sys.stdin)
    reader, times = asked.pop("reader"), asked.pop("times")
    ask = {"polars": ask_polars, "duckdb": ask_duckdb, "pyarrow": ask_pyarrow}[reader](RangeQuestion(**asked))
    for _ in range(times):
        begun = time.process_time()
        rows = ask()
        print(rows, 1000 * (time.process_time() - begun), flush=True)
    return 0


def ask_polars(question: RangeQuestion) -> Callable[[], int]:
    """Return a function that reads the rows with Polars, all files at once, and returns their number."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    def ask() -> int:
        instant = pl.col("time").dt.epoch("ms")
        rows = (
            pl.scan_parquet(list(question.files))
            .filter(
                pl.col("container_id").is_in(list(question.ids)),
                instant >= question.from_ms,
                instant < question.to_ms,
            )
            .select("container_id", "time", question.late, question.metric)
        )
        return int(rows.collect().height)

    return ask


def ask_duckdb(question: RangeQuestion) -> Callable[[], int]:
    """Return a function that reads the rows with DuckDB, all files at once, and returns their number."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET enable_progress_bar = false")
    columns = f'container_id, epoch_ms("time"), {question.late}, "{question.metric}"'
    query = f"""SELECT {columns} FROM read_parquet($files) WHERE container_id IN (SELECT unnest($ids))
        AND epoch_ms("time") >= $begin AND epoch_ms("time") < $end ORDER BY container_id, "time\""""
    values = {
        "files": list(question.files),
        "ids": list(question.ids),
        "begin": question.from_ms,
        "end": question.to_ms,
    }
    return lambda: len(connection.execute(query, values).fetchnumpy()["container_id"])


def ask_pyarrow(question: RangeQuestion) -> Callable[[], int]:
    """Return a function that reads the rows with pyarrow, one file after the other, and returns their number."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    ids = pa.array(question.ids)
    columns = ["container_id", "time", question.late, question.metric]

    def ask() -> int:
        rows = 0
        for path in question.files:
            with pq.ParquetFile(path) as file:
                table = file.read(columns, use_threads=False)
            table = table.filter(pc.is_in(table["container_id"], ids))
            instant = table["time"].cast(pa.int64())
            within = pc.and_(pc.greater_equal(instant, question.from_ms), pc.less(instant, question.to_ms))
            rows += table.filter(within).num_rows
        return rows

    return ask


if __name__ == "__main__":
    sys.exit(main())
