#!/usr/bin/env bash
# 32-bit integers that DuckDB writes as differences cannot be read by most readers, or are read as other numbers.
#
# Software: duckdb 2.0.1 writes, with the option PARQUET_VERSION v2; ClickHouse 26.9 (chdb 4.4.0), hyparquet 1.33.0,
# pyarrow 26.0.1, DataFusion 55.0.0 and Polars 2.1.0 read. Needs Node.js and npm.
# The column has 1,000 unsigned numbers of 32 bits, such as IPv4 addresses or checksums.
# Expected: every reader has the numbers that were written.
# Seen:     ClickHouse and hyparquet return other numbers, without an error; pyarrow and DataFusion refuse the file; DuckDB
#           and Polars are right. DuckDB subtracts with 64 bits, where the format subtracts with those of the column and wraps
#           around (Encodings.md, DELTA_BINARY_PACKED): a step of 2^31 and more then needs more than 32 bits.
set -euo pipefail
{ command -v python3 && command -v npm; } >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install duckdb==2.0.1 chdb==4.4.0 pyarrow==26.0.1 datafusion==55.0.0 polars==2.1.0 || exit 77
npm install --silent --no-fund --no-audit hyparquet@1.33.0 >/dev/null || exit 77
cat >read.mjs <<'EOF'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
const rows = await parquetReadObjects({ file: await asyncBufferFromFile('v2.parquet') })
console.log(JSON.stringify(rows.map(row => Number(row.number))))
EOF
environment/bin/python - <<'EOF'
import json
import random
import subprocess
import sys

import chdb
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datafusion import SessionContext

numbers = [random.Random(seed).getrandbits(32) for seed in range(1000)]
table_of_numbers = pa.table({"number": pa.array(numbers, pa.uint32())})
duckdb.sql("COPY (SELECT * FROM table_of_numbers) TO 'v2.parquet' (PARQUET_VERSION v2)")
assert pq.read_metadata("v2.parquet").row_group(0).column(0).encodings == ("DELTA_BINARY_PACKED",)


def in_datafusion():
    context = SessionContext()
    context.register_parquet("numbers", "v2.parquet")
    return context.sql("SELECT number FROM numbers").to_pydict()["number"]


readers = {
    "DuckDB": lambda: [row[0] for row in duckdb.sql("SELECT number FROM 'v2.parquet'").fetchall()],
    "Polars": lambda: pl.read_parquet("v2.parquet")["number"].to_list(),
    "pyarrow": lambda: pq.read_table("v2.parquet")["number"].to_pylist(),
    "DataFusion": in_datafusion,
    "ClickHouse": lambda: [int(line) for line in str(chdb.query("SELECT number FROM file('v2.parquet', Parquet)")).split()],
    "hyparquet": lambda: json.loads(subprocess.run(["node", "read.mjs"], check=True, capture_output=True).stdout),
}
seen = {}
for name, read in readers.items():
    try:
        values = read()
    except Exception as error:
        seen[name] = "refused"
        print(f"{name}: {' '.join(str(error).split())[:100]}")
        continue
    wrong = sum(value != number for value, number in zip(values, numbers, strict=True))
    seen[name] = f"{wrong} wrong" if wrong else "right"
print("expected:", dict.fromkeys(seen, "right"))
print("seen:    ", seen)
misread = all(seen[name].endswith("wrong") for name in ("ClickHouse", "hyparquet"))
sys.exit((misread, *(seen[name] for name in list(readers)[:4])) != (True, "right", "right", "refused", "refused"))
EOF
