#!/usr/bin/env bash
# DataFusion takes the order of the rows in each row group for the order of the whole file, and returns wrong results.
#
# Software: datafusion 55.0.0; pyarrow 26.0.1 writes the file; DuckDB 2.0.1 and Polars 2.1.0 read it, too.
# The file has a row group for each of three hours, sorted by series, then second, as `sorting_columns` says: by the Parquet
# format (parquet.thrift), this is "a sort ordering of the rows in this RowGroup".
# Expected: the same results as without `sorting_columns`, as in DuckDB and Polars.
# Seen: ORDER BY sorts nothing; GROUP BY returns each series three times if there is one partition; three series count as nine;
# and a counter that always grows by 1 has differences below 0. No error, no warning.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install datafusion==55.0.0 pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0 || exit 77
environment/bin/python - <<'EOF'
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionConfig, SessionContext

rows = [(series, 3600 * hour + second) for hour in range(3) for series in "abc" for second in range(3600)]
table = pa.table({"series": [row[0] for row in rows], "second": [row[1] for row in rows], "bytes": [row[1] for row in rows]})
order = [pq.SortingColumn(0), pq.SortingColumn(1)]
pq.write_table(table, "plain.parquet", row_group_size=10_800)
pq.write_table(table, "sorted.parquet", row_group_size=10_800, sorting_columns=order)

STEPS = "SELECT bytes - lag(bytes) OVER (PARTITION BY series ORDER BY second) AS step FROM samples"
QUERIES = {
    "GROUP BY": "SELECT series, count(*) AS rows FROM samples GROUP BY series",
    "count(DISTINCT)": "SELECT count(DISTINCT series) AS series FROM samples",
    "rows 3600 to 3602 in order": "SELECT series, second FROM samples ORDER BY series, second LIMIT 3 OFFSET 3600",
    "smallest step": f"SELECT min(step) AS step FROM ({STEPS}) AS steps",
}


def in_datafusion(name, query):
    context = SessionContext(SessionConfig().with_target_partitions(1))
    context.register_parquet("samples", name)
    return sorted(tuple(row.values()) for row in context.sql(query).to_pylist())


def in_duckdb(name, query):
    return sorted(duckdb.sql(query.replace("samples", f"'{name}'")).fetchall())


def in_polars(name, query):
    return sorted(pl.SQLContext(samples=pl.scan_parquet(name)).execute(query).collect().rows())


expected = {
    "GROUP BY": [("a", 10800), ("b", 10800), ("c", 10800)],
    "count(DISTINCT)": [(3,)],
    "rows 3600 to 3602 in order": [("a", 3600), ("a", 3601), ("a", 3602)],
    "smallest step": [(1,)],
}
for title, query in QUERIES.items():
    assert in_duckdb("sorted.parquet", query) == in_datafusion("plain.parquet", query) == expected[title], title
    if title != "smallest step":
        assert in_polars("sorted.parquet", query) == expected[title], title
seen = {title: in_datafusion("sorted.parquet", query) for title, query in QUERIES.items()}
for title, answer in seen.items():
    print(f"{title}\n  expected: {expected[title]}\n  seen:     {answer}")
sys.exit(
    len(seen["GROUP BY"]) != 9
    or seen["count(DISTINCT)"] != [(9,)]
    or seen["rows 3600 to 3602 in order"] != [("b", 0), ("b", 1), ("b", 2)]
    or seen["smallest step"] >= [(0,)]
)
EOF
