#!/usr/bin/env bash
# Spark reads no row of a Parquet file whose first column is stored after the others, without an error.
#
# Software: pyspark 4.3.0, Java 17. pyarrow 26.0.1 writes the file, and fastparquet 2026.9.0 writes its footer again;
# pyarrow, DuckDB 2.0.0 and Polars 2.1.0 read it, too.
# Expected: the place of a column in the file is in the footer, and any order is read: 1,000 rows.
# Seen: pyarrow, DuckDB and Polars read 1,000 rows, Spark none. It takes a row group to be where its first column is, adds
# half of its size, and reads it with the part of the file that has this byte; here, that is after the end of the file.
set -euo pipefail
{ command -v python3 && command -v java; } >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install pyspark==4.3.0 pyarrow==26.0.1 fastparquet==2026.9.0 duckdb==2.0.0 polars==2.1.0 pandas==3.1.1 numpy==2.4.6 || exit 77
SPARK_LOCAL_IP=127.0.0.1 environment/bin/python - 2>spark.log <<'EOF'
import io
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from fastparquet import ParquetFile
from fastparquet.writer import write_thrift
from pyspark.sql import SparkSession

table = pa.table({name: range(1000) for name in "abcd"})
pq.write_table(table, "in_order.parquet", use_dictionary=False, compression="none")
with open("in_order.parquet", "rb") as file:
    data = file.read()
footer = ParquetFile("in_order.parquet").fmd
first = footer.row_groups[0].columns[0].meta_data
begin, size = first.data_page_offset, first.total_compressed_size
footer_bytes = int.from_bytes(data[-8:-4], "little")
pages = data[: -8 - footer_bytes]
first.data_page_offset = len(pages)
written = io.BytesIO()
write_thrift(written, footer)
text = written.getvalue()
with open("first_is_last.parquet", "wb") as file:
    file.write(pages[:begin] + bytes(size) + pages[begin + size :] + pages[begin : begin + size])
    file.write(text + len(text).to_bytes(4, "little") + b"PAR1")

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
seen = {}
for name in ("in_order.parquet", "first_is_last.parquet"):
    assert pq.read_table(name).equals(table), name
    seen[name] = {
        "pyarrow": len(pq.read_table(name)),
        "duckdb": len(duckdb.sql(f"SELECT * FROM '{name}'").fetchall()),
        "polars": len(pl.read_parquet(name)),
        "spark": len(session.read.parquet(name).collect()),
    }
session.stop()
print("expected:", {name: dict.fromkeys(rows, 1000) for name, rows in seen.items()})
print("seen:    ", seen)
everything = dict.fromkeys(seen["in_order.parquet"], 1000)
sys.exit(seen != {"in_order.parquet": everything, "first_is_last.parquet": {**everything, "spark": 0}})
EOF
