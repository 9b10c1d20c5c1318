"""Programs that read Parquet files: each returns columns of a file by name, as lists.

`make readers` installs those that are too large for every developer's environment. Without them their tests skip.
"""

import datetime as dt
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import fastparquet
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

SUPPORT = Path(__file__).parent
NODE_MODULES = Path(sys.prefix) / "readers"

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
