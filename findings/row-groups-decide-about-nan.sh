#!/usr/bin/env bash
# How many rows DuckDB and DataFusion find in a Parquet file with NaN depends on where its row groups begin.
#
# Software: duckdb 2.0.1, datafusion 55.0.0, pyarrow 26.0.1.
# In memory, both take NaN for larger than any other number, as the manual of DuckDB says. The same eight rows are in one row
# group, and in two.
# Expected: the same results from both files, and from a table in memory.
# Seen:     x > 3.5 finds five rows in one row group and four in two; NOT (x <= 100) finds none, and one in memory; and max(x) is 7 in
#           both files, and NaN in memory. Row groups are skipped by their statistics, which do not contain NaN by the format
#           (parquet.thrift). Polars and pyarrow find the same rows in both.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install duckdb==2.0.1 datafusion==55.0.0 pyarrow==26.0.1 polars==2.1.0 || exit 77
environment/bin/python - <<'EOF'
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from datafusion import SessionContext

table_of_ratios = pa.table({"x": [1.0, 2.0, float("nan"), 3.0, 4.0, 5.0, 6.0, 7.0]})
pq.write_table(table_of_ratios, "one.parquet")
pq.write_table(table_of_ratios, "two.parquet", row_group_size=4)
queries = [
    "SELECT count(*) AS result FROM ratios WHERE x > 3.5",
    "SELECT count(*) AS result FROM ratios WHERE NOT (x <= 100)",
    "SELECT max(x) AS result FROM ratios",
]
connection = duckdb.connect()
connection.execute("CREATE TABLE in_memory AS FROM table_of_ratios")
context = SessionContext()
context.register_record_batches("in_memory", [table_of_ratios.to_batches()])
for name in ("one", "two"):
    context.register_parquet(name, f"{name}.parquet")
seen = {}
for where in ("in_memory", "one", "two"):
    source = where if where == "in_memory" else f"'{where}.parquet'"
    seen[f"DuckDB, {where}"] = [connection.sql(query.replace("ratios", source)).fetchall()[0][0] for query in queries]
    rows = [context.sql(query.replace("ratios", where)).to_pydict()["result"][0] for query in queries]
    seen[f"DataFusion, {where}"] = rows
for read in (
    lambda name: pl.scan_parquet(name).filter(pl.col("x") > 3.5).collect().height,
    lambda name: ds.dataset(name).to_table(filter=ds.field("x") > 3.5).num_rows,
):
    assert read("one.parquet") == read("two.parquet")
print("expected: [5, 1, nan] in all")
for where, results in seen.items():
    print(f"seen:     {where}: {results}")
known = {"in_memory": "[5, 1, nan]", "one": "[5, 0, 7.0]", "two": "[4, 0, 7.0]"}
sys.exit(any(str(results) != known[where.split(", ")[1]] for where, results in seen.items()))
EOF
