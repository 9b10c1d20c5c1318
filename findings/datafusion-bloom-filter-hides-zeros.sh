#!/usr/bin/env bash
# DataFusion finds no row where a number is 0 in a file that DuckDB wrote, if the zeros are negative (-0.0).
#
# Software: datafusion 55.0.0; duckdb 2.0.1 and pyarrow 26.0.1 write the same 6,000 rows with their defaults; DuckDB,
# ClickHouse 26.9 (chdb 4.4.0) and Polars 2.1.0 read them, too.
# Half of the numbers are -0.0, as rounding a small negative difference makes them: round(-0.2, 0) is -0.0.
# Expected: 3,000 rows where x = 0, since -0.0 equals 0.0, also in DataFusion.
# Seen:     3,000 rows in the file of pyarrow, and none in that of DuckDB, which adds a bloom filter: DataFusion looks for the
#           bytes of 0.0 in it, and skips the row group. With bloom_filter_on_read = false there are 3,000. Without an error.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install datafusion==55.0.0 duckdb==2.0.1 chdb==4.4.0 polars==2.1.0 pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import sys

import chdb
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionContext

table_of_pyarrow = pa.table({"x": [round(-0.2, 0) if row % 2 else float(row % 50 + 1) for row in range(6000)]})
pq.write_table(table_of_pyarrow, "pyarrow.parquet")
duckdb.sql("COPY (FROM table_of_pyarrow) TO 'duckdb.parquet'")


def in_datafusion(name, use_bloom_filters="true"):
    context = SessionContext()
    context.sql(f"SET datafusion.execution.parquet.bloom_filter_on_read = {use_bloom_filters}").collect()
    context.register_parquet("samples", name)
    return context.sql("SELECT count(*) AS rows FROM samples WHERE x = 0").to_pydict()["rows"][0]


seen = {}
for name in ("pyarrow.parquet", "duckdb.parquet"):
    seen[name] = {
        "DuckDB": duckdb.sql(f"SELECT count(*) FROM '{name}' WHERE x = 0").fetchall()[0][0],
        "ClickHouse": int(str(chdb.query(f"SELECT count() FROM file('{name}', Parquet) WHERE x = 0"))),
        "Polars": pl.scan_parquet(name).filter(pl.col("x") == 0).collect().height,
        "DataFusion": in_datafusion(name),
        "DataFusion, no bloom filter": in_datafusion(name, "false"),
    }
print("expected:", {name: dict.fromkeys(rows, 3000) for name, rows in seen.items()})
print("seen:    ", seen)
everything = dict.fromkeys(seen["duckdb.parquet"], 3000)
sys.exit(seen != {"pyarrow.parquet": everything, "duckdb.parquet": {**everything, "DataFusion": 0}})
EOF
