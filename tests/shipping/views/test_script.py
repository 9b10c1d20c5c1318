"""The views of shipped files have what the page shows, in each dialect that can be run here.

DuckDB runs its own; the statements for Trino are translated to DuckDB by sqlglot. Those for Spark run on Spark if
`make spark` has installed it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlglot
from polars.testing import assert_frame_equal

from fgm import cli
from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import Samples
from fgm.shipping.views.python_module import python_module
from fgm.shipping.views.script import script
from tests.support.shipped_bucket import DAY, SHORT_LIVED, ShippedBucket, ship_two_nodes

NAMES = [metric.name for metric in DERIVED]
SPARK = Path(os.environ.get("FGM_SPARK", Path(sys.prefix) / "spark"))
"""The folder with PySpark."""
SPARK_PROGRAM = """
import sys
from pyspark.sql import SparkSession

script, answer, question = sys.argv[1:]
builder = SparkSession.builder.master("local[2]").config("spark.sql.shuffle.partitions", 2)
session = builder.config("spark.ui.enabled", "false").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
for statement in open(script).read().split(";\\n"):
    if statement.strip():
        session.sql(statement)
session.sql(question).write.parquet(answer)
"""
BEGIN, FINISH = "2025-12-30 16:01:00", "2025-12-30 16:02:03"


@pytest.fixture(scope="module", params=[1000, 2000], ids="every {} ms".format)
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ShippedBucket:
    return ship_two_nodes(tmp_path_factory.mktemp("bucket"), request.param)


def in_duckdb(bucket: ShippedBucket, source: str = "derived") -> pl.DataFrame:
    connection = duckdb.connect()
    connection.execute(script("duckdb", str(bucket.folder), bucket.tick_ms))
    return pl.DataFrame(connection.sql(f"SELECT * FROM {source}").to_arrow_table())


def as_if_trino(bucket: ShippedBucket) -> pl.DataFrame:
    """Run the views of Trino over a table that DuckDB makes instead of the first two statements."""
    connection = duckdb.connect()
    connection.execute("CREATE MACRO with_timezone(instant, zone) AS instant")
    text = script("trino", "s3://b", bucket.tick_ms)
    unsupported = sqlglot.ErrorLevel.IGNORE
    table, call, *views = sqlglot.transpile(text, read="trino", write="duckdb", unsupported_level=unsupported)
    assert call.startswith("CALL system.sync_partition_metadata")
    connection.execute(table)
    connection.execute(
        script("duckdb", str(bucket.folder))
        .partition("CREATE OR REPLACE VIEW samples")[0]
        .replace("VIEW recorded", "VIEW files")
    )
    connection.execute("INSERT INTO recorded BY NAME SELECT * FROM files")
    for view in views:
        connection.execute(view)
    return pl.DataFrame(connection.sql("SELECT * FROM derived").to_arrow_table())


def in_spark(bucket: ShippedBucket, question: str = "SELECT * FROM derived") -> pl.DataFrame:
    if not SPARK.exists():
        pytest.skip("not installed: make spark")
    path, answer = bucket.folder / "spark.sql", bucket.folder / f"answer-{abs(hash(question))}"
    path.write_text(script("spark", f"file://{bucket.folder}", bucket.tick_ms))
    environment = {"PYTHONPATH": str(SPARK), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost"}
    command = [sys.executable, "-c", SPARK_PROGRAM, str(path), f"file://{answer}", question]
    subprocess.run(command, check=True, env=os.environ | environment, stderr=subprocess.DEVNULL)
    return pl.read_parquet(answer / "*.parquet")


def module(name: str, tick_ms: int) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(python_module(name, tick_ms), names)
    return names


def in_polars(bucket: ShippedBucket) -> pl.DataFrame:
    names = module("polars", bucket.tick_ms)
    frame: pl.LazyFrame = names["derived"](names["samples"](str(bucket.folder)).filter(pl.col("dt") == DAY))
    return frame.collect()


def in_pandas(bucket: ShippedBucket) -> pl.DataFrame:
    names = module("pandas", bucket.tick_ms)
    frame = pd.read_parquet(bucket.folder / "metrics", columns=names["COLUMNS"], filters=[("dt", "==", DAY)])
    return pl.from_pandas(names["derived"](frame)[["identifier", "series", "time_ms", *NAMES]])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("read", [in_duckdb, as_if_trino, in_spark, in_polars, in_pandas])
def test_every_derived_metric_equals_what_the_page_shows(
    bucket: ShippedBucket, read: Callable[[ShippedBucket], pl.DataFrame]
) -> None:
    frame = read(bucket).sort("time_ms")
    known = dict.fromkeys(NAMES, 0)
    for (node, key), chunk in bucket.chunks.items():
        rows = frame.filter(pl.col("identifier") == node, pl.col("series") == key)
        assert rows["time_ms"].to_list() == chunk.time_ms.tolist()
        recorded = Samples(chunk.time_ms, chunk.late_ms, chunk.values, bucket.tick_ms)
        for metric in DERIVED:
            computed = rows[metric.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            expected = metric.compute(recorded)
            np.testing.assert_allclose(computed, expected, rtol=1e-9, err_msg=f"{metric.name} of {key} on {node}")
            known[metric.name] += int(np.isfinite(expected).sum())
    assert frame.height == sum(len(chunk.time_ms) for chunk in bucket.chunks.values())
    assert min(known.values()) > 500


def test_the_first_rate_of_a_short_life_is_null(bucket: ShippedBucket) -> None:
    rows = in_duckdb(bucket).filter(pl.col("series") == SHORT_LIVED.key).sort("time_ms")
    assert rows.height < 70
    assert rows["total_cpu_usage_millicores"][0] is None
    assert rows["total_cpu_usage_millicores"].count() > 40


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_a_function_reads_the_lead_of_its_first_rates(bucket: ShippedBucket, engine: str) -> None:
    source = f"derived_between(TIMESTAMP '{BEGIN}', TIMESTAMP '{FINISH}')"
    part = in_duckdb(bucket, source) if engine == "duckdb" else in_spark(bucket, f"SELECT * FROM {source}")
    columns = ["identifier", "series", "time_ms", *NAMES]
    when = f"derived WHERE time BETWEEN TIMESTAMPTZ '{BEGIN}Z' AND TIMESTAMPTZ '{FINISH}Z'"
    expected = in_duckdb(bucket, when).select(columns).sort(columns[:3])
    assert_frame_equal(part.select(columns).sort(columns[:3]), expected)
    assert part.height > 200


def copy_days(bucket: ShippedBucket, folder: Path, days: tuple[str, ...], damaged: str) -> ShippedBucket:
    """Copy the day of a bucket as several days.

    Of files that match `damaged`, only the footer is intact, so that reading any of their columns fails.
    """
    (day,) = bucket.folder.glob(f"metrics/cluster=blue/dt={DAY}")
    for name in days:
        shutil.copytree(day, folder / "metrics" / "cluster=blue" / f"dt={name}")
    for path in folder.glob(f"metrics/cluster=blue/{damaged}"):
        content = bytearray(path.read_bytes())
        content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
        path.write_bytes(content)
    return ShippedBucket(folder, bucket.tick_ms, bucket.chunks)


def test_a_condition_on_the_day_reaches_the_files(bucket: ShippedBucket, tmp_path: Path) -> None:
    damaged = copy_days(bucket, tmp_path, (DAY, "2025-12-31"), "dt=2025-12-31/*/*.parquet")
    assert in_duckdb(damaged, f"derived WHERE dt = '{DAY}'")["total_cpu_usage_millicores"].count() > 1_000
    with pytest.raises(duckdb.Error):
        in_duckdb(damaged)


def test_a_condition_on_the_time_reaches_the_files(bucket: ShippedBucket, tmp_path: Path) -> None:
    damaged = copy_days(bucket, tmp_path, (DAY,), "*/*/*T160300Z.parquet")
    with pytest.raises(duckdb.Error):
        in_duckdb(damaged)
    first, last = (pd.Timestamp(text, tz="UTC") for text in (BEGIN, FINISH))
    names = module("polars", bucket.tick_ms)
    frame = names["samples"](str(tmp_path)).filter(pl.col("time").is_between(first, last))
    found = names["derived"](frame).select("total_cpu_usage_millicores").collect()
    filters = [("dt", "==", DAY), ("time", ">=", first), ("time", "<=", last)]
    read = pd.read_parquet(tmp_path / "metrics", columns=["time"], filters=filters)
    assert found.height == len(read) == in_duckdb(damaged, f"derived_between('{BEGIN}', '{FINISH}')").height > 200


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["views", "spark", "s3a://bucket/it's/"]) == 0
    printed = capsys.readouterr().out
    assert printed == script("spark", "s3a://bucket/it's")
    assert "OPTIONS (path 's3a://bucket/it''s/metrics')" in printed


def test_the_interval_of_the_nodes_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["views", "polars", "s3://bucket", "--interval-ms", "2000"]) == 0
    assert capsys.readouterr().out == python_module("polars", 2000)
    with pytest.raises(SystemExit):
        cli.main(["views", "polars", "s3://bucket", "--interval-ms", "2s"])
    assert "'2s' is not a sampling interval: give 100 to 60000 ms" in capsys.readouterr().err
