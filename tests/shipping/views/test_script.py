"""The views of shipped files have what the page shows, in each dialect that can be run here.

DuckDB runs its own; the statements for Trino are translated to DuckDB by sqlglot. `benchmarks.fleet` runs
those for Spark.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlglot

from fgm import cli
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import Samples
from fgm.shipping.views.python_module import python_module
from fgm.shipping.views.script import script
from fgm.store.directory import layout
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.samples.chunk import Chunk
from tests.support.irregular_samples import HEADER, SERIES, START_MS, irregular, windows

NAMES = [metric.name for metric in DERIVED]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bucket = tmp_path_factory.mktemp("bucket")
    folder = bucket / "metrics" / "cluster=blue" / "dt=2025-12-30" / "identifier=node-1"
    folder.mkdir(parents=True)
    for number, chunks in enumerate(zip(*(windows(chunk) for chunk in samples().values()), strict=True)):
        path = folder / layout.metrics_name(START_MS + 90_000 * number)
        path.write_bytes(encode(list(chunks), COLUMN_TYPES, HEADER))
    return bucket


def samples() -> dict[str, Chunk]:
    return {series.key: irregular(series, seed) for seed, series in enumerate(SERIES)}


def in_duckdb(bucket: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(script("duckdb", str(bucket)))
    return connection


def as_if_trino(bucket: Path) -> duckdb.DuckDBPyConnection:
    """Run the views of Trino over a table that DuckDB makes instead of the first two statements."""
    connection = duckdb.connect()
    connection.execute("CREATE MACRO with_timezone(instant, zone) AS instant")
    table, call, *views = sqlglot.transpile(
        script("trino", "s3://b"), read="trino", write="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE
    )
    assert call.startswith("CALL system.sync_partition_metadata")
    connection.execute(table)
    connection.execute(
        script("duckdb", str(bucket))
        .partition("CREATE OR REPLACE VIEW samples")[0]
        .replace("VIEW recorded", "VIEW files")
    )
    connection.execute("INSERT INTO recorded BY NAME SELECT * FROM files")
    for view in views:
        connection.execute(view)
    return connection


@pytest.mark.parametrize("connect", [in_duckdb, as_if_trino])
def test_every_derived_metric_equals_what_the_page_shows(bucket: Path, connect: object) -> None:
    assert callable(connect)
    connection = connect(bucket)
    for key, chunk in samples().items():
        rows = connection.execute(
            f"SELECT {', '.join(NAMES)} FROM derived WHERE series = ? ORDER BY time_ms", [key]
        ).fetchnumpy()
        recorded = Samples(chunk.time_ms, chunk.late_ms, chunk.values, 1000)
        for metric in DERIVED:
            expected = metric.compute(recorded)
            assert np.isfinite(expected).any()
            computed = np.ma.filled(rows[metric.name].astype(float), np.nan)
            np.testing.assert_allclose(computed, expected, rtol=1e-9, err_msg=metric.name)


def module(name: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(python_module(name), names)
    return names


def in_polars(bucket: Path) -> pl.DataFrame:
    names = module("polars")
    frame: pl.LazyFrame = names["derived"](names["samples"](str(bucket)).filter(pl.col("dt") == "2025-12-30"))
    return frame.collect()


def in_pandas(bucket: Path) -> pl.DataFrame:
    names = module("pandas")
    frame = pd.read_parquet(bucket / "metrics", columns=names["COLUMNS"], filters=[("dt", "==", "2025-12-30")])
    return pl.from_pandas(names["derived"](frame)[["series", "time_ms", *NAMES]])


@pytest.mark.parametrize("read", [in_polars, in_pandas])
def test_python_computes_what_the_page_shows(bucket: Path, read: Callable[[Path], pl.DataFrame]) -> None:
    frame = read(bucket).sort("time_ms")
    for key, chunk in samples().items():
        rows = frame.filter(pl.col("series") == key)
        recorded = Samples(chunk.time_ms, chunk.late_ms, chunk.values, 1000)
        for metric in DERIVED:
            computed = rows[metric.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            np.testing.assert_allclose(computed, metric.compute(recorded), rtol=1e-9, err_msg=metric.name)


def test_a_function_reads_the_lead_of_its_first_rates(bucket: Path) -> None:
    connection = in_duckdb(bucket)
    begin, finish = "2025-12-30 16:01:00", "2025-12-30 16:02:03"
    names = ", ".join(["series", "time_ms", *NAMES])
    part = connection.execute(f"SELECT {names} FROM derived_between('{begin}', '{finish}') ORDER BY ALL").fetchall()
    when = f"time BETWEEN TIMESTAMPTZ '{begin}Z' AND TIMESTAMPTZ '{finish}Z'"
    assert part == connection.execute(f"SELECT {names} FROM derived WHERE {when} ORDER BY ALL").fetchall()
    assert len(part) > 200


def test_a_condition_on_the_day_reaches_the_files(bucket: Path, tmp_path: Path) -> None:
    """Of the file of the next day only the footer is intact, so that reading any of its columns fails."""
    (day,) = bucket.glob("metrics/cluster=blue/dt=2025-12-30")
    shutil.copytree(day, tmp_path / "metrics" / "cluster=blue" / "dt=2025-12-30")
    shutil.copytree(day, tmp_path / "metrics" / "cluster=blue" / "dt=2025-12-31")
    for path in tmp_path.glob("metrics/*/dt=2025-12-31/*/*.parquet"):
        content = bytearray(path.read_bytes())
        content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
        path.write_bytes(content)
    connection = in_duckdb(tmp_path)
    question = "SELECT count(total_cpu_usage_millicores) FROM derived"
    (count,) = connection.execute(f"{question} WHERE dt = '2025-12-30'").fetchone() or (0,)
    assert count > 1_000
    with pytest.raises(duckdb.Error):
        connection.execute(question).fetchall()


def test_the_command_prints_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["views", "spark", "s3a://bucket/it's/"]) == 0
    printed = capsys.readouterr().out
    assert printed == script("spark", "s3a://bucket/it's")
    assert "OPTIONS (path 's3a://bucket/it''s/metrics')" in printed
