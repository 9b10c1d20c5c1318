"""A data directory with files of the format versions 1, 2 and 3 reads as docs/reading-elsewhere.md says.

Version 1 is a recorded window of a real host, version 2 one of the captured host, by the last version of fgm that wrote
it. Version 3 is written here, with the rows of version 2 an hour later.
"""

import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from anyio import to_thread

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FORMAT_VERSION
from tests.support.viewer.api_client import ApiClient

DATA = Path(__file__).parents[1] / "data"
QUERIES = Path(__file__).parents[2] / "docs" / "queries.sql"
NEW = "tcp.retrans_segs"
HOUR_MS = 3_600_000
Counts = tuple[int, int]
"""Number of rows, and of values in a column that only version 3 has."""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed") / "data"
    for name in ("padded", "version-2"):
        with tarfile.open(DATA / f"{name}.tar.xz") as packed:
            for member in packed.getmembers():
                member.name = member.name.removeprefix(name).lstrip("/") or "."
                packed.extract(member, folder, filter="data")
    (old,) = folder.rglob("identifier=worker-3/metrics-*.parquet")
    file = WindowFile.open(str(old))
    assert (file.header.format_version, FORMAT_VERSION) == (2, 4)
    facts = json.loads(pq.read_schema(old).metadata[b"fgm.columns"])
    assert NEW not in facts
    chunks = [
        Chunk(
            chunk.series,
            chunk.time_ms + HOUR_MS,
            chunk.late_ms,
            {**chunk.values, NEW: np.where(chunk.time_ms % 10_000 == 0, 5.0, np.nan)},
        )
        for chunk in file.chunks(tuple(facts))
    ]
    header = replace(file.header, format_version=FORMAT_VERSION)
    file.close()
    start_ms = int(min(chunk.time_ms[0] for chunk in chunks))
    start_ms -= start_ms % (1000 * header.rotation_s)
    new = encode(chunks, COLUMN_TYPES, header)
    old.with_name(layout.metrics_name(start_ms)).write_bytes(new)
    return folder


def pattern(data: Path) -> str:
    return f"{data}/dt=*/identifier=*/metrics-*.parquet"


def files(data: Path) -> list[str]:
    return [str(path) for path in sorted(data.glob("dt=*/identifier=*/metrics-*.parquet"))]


def of_duckdb(data: Path) -> Counts:
    query = f"SELECT count(*), count(\"{NEW}\") FROM read_parquet('{pattern(data)}', union_by_name = true)"
    rows, present = duckdb.connect().execute(query).fetchall()[0]
    return rows, present


def of_polars(data: Path) -> Counts:
    samples = pl.concat([pl.scan_parquet(file) for file in files(data)], how="diagonal_relaxed")
    return samples.select(pl.len(), pl.col(NEW).count()).collect().row(0)


def of_pandas(data: Path) -> Counts:
    samples = pd.concat([pd.read_parquet(file) for file in files(data)])
    return len(samples), int(samples[NEW].notna().sum())


def of_pyarrow(data: Path) -> Counts:
    column = ds.dataset(files(data), schema=schema_of_all(data)).to_table(columns=[NEW])[NEW]
    return len(column), len(column) - column.null_count


def schema_of_all(data: Path) -> pa.Schema:
    schemas = [pq.read_schema(file).remove_metadata() for file in files(data)]
    return pa.unify_schemas(schemas, promote_options="permissive")


def of_datafusion(data: Path) -> Counts:
    datafusion = pytest.importorskip("datafusion", reason="not installed: make readers")
    context = datafusion.SessionContext()
    context.register_parquet("samples", f"{data}/**/metrics-*.parquet", schema=schema_of_all(data))
    found = context.sql(f'SELECT count(*) AS rows, count("{NEW}") AS present FROM samples').to_pydict()
    return found["rows"][0], found["present"][0]


def of_clickhouse(data: Path) -> Counts:
    """In a process of its own, because the database installs handlers of signals."""
    pytest.importorskip("chdb", reason="not installed: make readers")
    types = f"`memory.current` Nullable(Float64), `{NEW}` Nullable(Float64)"
    query = f"SELECT count(), count(`{NEW}`), sum(`memory.current`) FROM file('{pattern(data)}', Parquet, '{types}')"
    code = f"import chdb; print(chdb.query({query!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows, present, _ = done.stdout.strip().split(",")
    return int(rows), int(present)


READERS: dict[str, Callable[[Path], Counts]] = {
    "duckdb": of_duckdb,
    "polars": of_polars,
    "pandas": of_pandas,
    "pyarrow": of_pyarrow,
    "datafusion": of_datafusion,
    "clickhouse": of_clickhouse,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_all_versions_with_the_columns_of_the_newest(reader: str, mixed: Path) -> None:
    tables = [pq.read_table(file) for file in files(mixed)]
    expected = (
        sum(table.num_rows for table in tables),
        sum(table.num_rows - table[NEW].null_count for table in tables if NEW in table.column_names),
    )
    assert len(tables) == 3
    assert expected[1] > 0
    assert READERS[reader](mixed) == expected


def test_the_documented_views_have_the_rows_of_all_versions(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mixed)
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    rows, present = connection.execute(f'SELECT count(*), count("{NEW}") FROM samples').fetchall()[0]
    assert (rows, present) == of_duckdb(mixed)
    rates = connection.execute(
        f'SELECT max(r), count(r) FROM (SELECT rate("{NEW}", gap_ms := 25000) AS r FROM samples)'
    )
    assert rates.fetchall() == [(0, 20)], "a counter that did not grow between two readings of 20 series"
    values = connection.execute("SELECT count(total_cpu_usage_millicores) FROM derived GROUP BY node_name").fetchall()
    assert [value > 100 for (value,) in values] == [True, True]


async def test_the_viewer_shows_both_sides_of_an_upgrade(mixed: Path) -> None:
    newest = await to_thread.run_sync(lambda: WindowFile.open(files(mixed)[-1]))
    last_ms = newest.block.last_ms
    newest.close()
    assert (await to_thread.run_sync(check, str(mixed))).problems == []
    client = await to_thread.run_sync(ApiClient, mixed, last_ms + 60_000)
    await client.ready()
    query = f"metric=memory.current,{NEW}&containers=node&from={last_ms - 2 * HOUR_MS}&to={last_ms + 1}&raw=1"
    lines = {line["metric"]: line for line in (await client.get(f"/api/timeseries?{query}")).json["series"]}
    times = lines["memory.current"]["t_ms"]
    assert times[-1] - times[0] > HOUR_MS
    known = [t for t, value in zip(lines[NEW]["t_ms"], lines[NEW]["value"], strict=True) if value is not None]
    assert known
    assert min(known) > times[0] + HOUR_MS - 60_000
