#!/usr/bin/env bash
# A folder that was registered in a session of DataFusion never changes for it.
#
# Software: datafusion 55.0.0 (Python).
# Expected: each query lists the folder, as with DuckDB; or a query fails if a file has gone.
# Seen: after the first query, files that were added are never seen, and count(*) and count(column) still count the rows of a
# file that was removed. Only queries that read values fail. A table of one file notices that the file was replaced.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install datafusion==55.0.0 pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import os
import sys

import datafusion
import pyarrow as pa
import pyarrow.parquet as pq

os.mkdir("samples")
values = pa.table({"value": [float(number) for number in range(100)]})
for name in "ab":
    pq.write_table(values, f"samples/{name}.parquet")
context = datafusion.SessionContext()
context.register_parquet("samples", "samples")


def answers():
    found = []
    for what in ("count(*)", "count(value)", "sum(value)"):
        try:
            found.append(next(iter(context.sql(f"SELECT {what} FROM samples").to_pydict().values()))[0])
        except Exception as error:
            found.append("No such file" if "No such file" in str(error) else str(error))
    return found


before = answers()
pq.write_table(values, "samples/c.parquet")
added = answers()
os.remove("samples/c.parquet")
os.remove("samples/b.parquet")
removed = answers()
print("two files:                    ", before)
print("a third one added, expected:  ", [300, 300, 14850.0])
print("a third one added, seen:      ", added)
print("one file is left, expected:   ", [100, 100, 4950.0])
print("one file is left, seen:       ", removed)
sys.exit([before, added, removed] != [[200, 200, 9900.0], [200, 200, 9900.0], [200, 200, "No such file"]])
EOF
