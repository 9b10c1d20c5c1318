"""Readers that have nothing in common with fgm read its files, and those of earlier versions, exactly as fgm does.

`make readers` installs those that are too large for every developer's environment. Without them their tests skip.
"""

import datetime as dt
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.check.directory_check import check
from fgm.store.parquet.page import decompress, split_levels
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile
from fgm.store.tables import process_tables

pytestmark = [pytest.mark.dates]

SUPPORT = Path(__file__).parents[2] / "support" / "readers"
NODE_MODULES = Path(sys.prefix) / "readers"
PADDED = Path(__file__).parents[2] / "data" / "padded.tar.xz"

METRICS = (
    "time",
    "scope",
    "container_id",
    "pod_name",
    "late_us",
    "cpu.stat.usage_usec",
    "memory.current",
    "memory.max",
)
OLD_METRICS = tuple("late_ms" if name == "late_us" else name for name in METRICS)
PROCESSES = ("time", "container_id", "pod_name", "pid", "start_time", "comm", "cpu_usec", "fds")

Columns = dict[str, list[Any]]


def of_pyarrow(path: Path, names: Sequence[str]) -> Columns:
    return dict(pq.read_table(path, columns=list(names)).to_pydict())


def of_duckdb(path: Path, names: Sequence[str]) -> Columns:
    listed = ", ".join(f'"{name}"' for name in names)
    return dict(duckdb.connect().sql(f"SELECT {listed} FROM '{path}'").to_arrow_table().to_pydict())


def of_polars(path: Path, names: Sequence[str]) -> Columns:
    return dict(pl.read_parquet(path, columns=list(names)).to_dict(as_series=False))


def of_pandas(path: Path, names: Sequence[str]) -> Columns:
    frame = pd.read_parquet(path, columns=list(names))
    return {name: frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names}


def of_fastparquet(path: Path, names: Sequence[str]) -> Columns:
    frame = fastparquet.ParquetFile(io.BytesIO(path.read_bytes())).to_pandas(columns=list(names))
    return {name: frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in names}


def of_datafusion(path: Path, names: Sequence[str]) -> Columns:
    datafusion = pytest.importorskip("datafusion", reason="not installed: make readers")
    frame = datafusion.SessionContext().read_parquet(str(path))
    return dict(frame.select(*(f'"{name}"' for name in names)).to_pydict())


def of_clickhouse(path: Path, names: Sequence[str]) -> Columns:
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("chdb is not installed: make readers")
    return printed(sys.executable, SUPPORT / "clickhouse.py", path, *names)


def of_hyparquet(path: Path, names: Sequence[str]) -> Columns:
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "node_modules" / "hyparquet").exists():
        pytest.skip("node or hyparquet is not installed: make readers")
    return printed(node, SUPPORT / "hyparquet.mjs", NODE_MODULES, path, *names)


def printed(*command: str | Path) -> Columns:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    columns: Columns = json.loads(done.stdout)
    return columns


READERS: dict[str, Callable[[Path, Sequence[str]], Columns]] = {
    "pyarrow": of_pyarrow,
    "duckdb": of_duckdb,
    "polars": of_polars,
    "pandas": of_pandas,
    "fastparquet": of_fastparquet,
    "datafusion": of_datafusion,
    "clickhouse": of_clickhouse,
    "hyparquet": of_hyparquet,
}


def plain(value: Any) -> Any:
    """Return a time as ms since 1970 UTC, and anything else as it is."""
    if isinstance(value, str) and value.endswith("Z"):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        zone = value.tzinfo or dt.UTC  # fastparquet reads the times of metrics files without their zone
        return round(value.replace(tzinfo=zone).timestamp() * 1000)
    return value


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that an earlier version recorded on a real host."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(PADDED) as packed:
        packed.extractall(folder, filter="data")
    return folder / "padded"


def metrics_of_fgm(path: Path) -> Columns:
    file = WindowFile.open(str(path))
    chunks = file.chunks(METRICS[5:])
    file.close()
    is_new = not file.block.has_empty_columns
    late = "late_us" if is_new else "late_ms"
    columns: Columns = {name: [] for name in (*METRICS[:4], late, *METRICS[5:])}
    for chunk in chunks:
        columns["time"] += chunk.time_ms.tolist()
        columns[late] += (np.rint(chunk.late_ms * 1000) if is_new else chunk.late_ms).tolist()
        for name in METRICS[1:4]:
            columns[name] += [getattr(chunk.series, name)] * len(chunk.time_ms)
        for name in METRICS[5:]:
            columns[name] += [None if np.isnan(value) else value for value in chunk.values[name].tolist()]
    return columns


def processes_of_fgm(path: Path) -> Columns:
    rows = process_tables.rows(str(path))
    fields = {"time": "time_ms", "start_time": "start_time_ms"}
    return {name: [getattr(row, fields.get(name, name)) for row in rows] for name in PROCESSES}


def written_again(old: Path, folder: Path) -> tuple[Path, Path]:
    """Return a metrics file and a process table with the same rows and columns, as fgm writes them now."""
    metrics, processes = folder / "metrics.parquet", folder / "processes.parquet"
    file = WindowFile.open(str(next(old.rglob("metrics-*.parquet"))))
    names = json.loads(pq.read_schema(file.path).metadata[b"fgm.columns"])
    types = {name: COLUMN_TYPES[name] for name in names}
    metrics.write_bytes(encode(file.chunks(names), types, file.header))
    file.close()
    table = str(next(old.rglob("processes-*.parquet")))
    processes.write_bytes(process_tables.encode("processes", process_tables.rows(table), file.header))
    return metrics, processes


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_what_fgm_reads(reader: str, padded: Path, tmp_path: Path) -> None:
    metrics, processes = written_again(padded, tmp_path)

    read = READERS[reader](metrics, METRICS)
    assert {name: list(map(plain, read[name])) for name in METRICS} == metrics_of_fgm(metrics)
    read = READERS[reader](processes, PROCESSES)
    assert {name: list(map(plain, read[name])) for name in PROCESSES} == processes_of_fgm(processes)


@pytest.mark.parametrize("reader", sorted(READERS.keys() - {"clickhouse"}))
def test_a_reader_reads_files_of_earlier_versions(reader: str, padded: Path) -> None:
    metrics, processes = next(padded.rglob("metrics-*")), next(padded.rglob("processes-*"))

    read = READERS[reader](metrics, OLD_METRICS)
    assert {name: list(map(plain, read[name])) for name in OLD_METRICS} == metrics_of_fgm(metrics)
    read = READERS[reader](processes, PROCESSES)
    assert {name: list(map(plain, read[name])) for name in PROCESSES} == processes_of_fgm(processes)


def test_files_of_earlier_versions_have_the_rows_that_they_had(padded: Path, tmp_path: Path) -> None:
    old, new = next(padded.rglob("metrics-*.parquet")), written_again(padded, tmp_path)[0]
    read = metrics_of_fgm(old)

    assert (len(read["time"]), len(set(read["container_id"]) - {None})) == (540, 3)
    assert (min(read["time"]), max(read["time"])) == (1_795_848_930_000, 1_795_849_019_000)
    again = metrics_of_fgm(new)
    assert again["late_us"] == [round(late_ms * 1000) for late_ms in read["late_ms"]]
    whole = [round(usage) for usage in read["cpu.stat.usage_usec"]]
    assert again["cpu.stat.usage_usec"] == whole
    same = [name for name in METRICS if name not in {"late_us", "cpu.stat.usage_usec"}]
    assert [again[name] for name in same] == [read[name] for name in same]
    assert new.stat().st_size < 0.7 * old.stat().st_size


def test_no_page_is_longer_than_its_values(padded: Path, tmp_path: Path) -> None:
    """ClickHouse refuses such pages; a reader that ignores them cannot show the difference."""
    file = WindowFile.open(str(written_again(padded, tmp_path)[0]))
    try:
        assert not file.has_padding
        data = Path(file.path).read_bytes()
        for name, column in file.block.columns.items():
            for page in column.pages:
                packed = data[page.offset + page.header_size : page.offset + page.size]
                content = decompress(memoryview(packed), page.page_size)
                values = content.data if name == "time" else split_levels(content, page.rows)[1]
                assert len(values) == 8 * page.present, name
        assert np.isnan(file.column("memory.max")).any()
    finally:
        file.close()


def test_the_check_counts_files_that_clickhouse_cannot_read(padded: Path, tmp_path: Path) -> None:
    assert check(str(padded)).problems == []
    assert "2 files that ClickHouse cannot read" in check(str(padded)).summary
    folder = padded / "dt=2026-11-28" / "identifier=node-1"
    metrics, processes = written_again(padded, tmp_path)
    new = tmp_path / "new" / folder.relative_to(padded)
    new.mkdir(parents=True)
    metrics.rename(new / next(folder.glob("metrics-*")).name)
    processes.rename(new / next(folder.glob("processes-*")).name)
    assert "ClickHouse" not in check(str(tmp_path / "new")).summary
