#!/usr/bin/env bash
# count_rows of a dataset of pyarrow counts the rows of a file that was removed.
#
# Software: pyarrow 26.0.1.
# Expected: an error, as from to_table, or the rows of the files that are there.
# Seen: after one scan, count_rows returns the old number for ever, also with a filter: after a file was replaced by one with
# more rows, and after it was removed. to_table raises OSError and FileNotFoundError.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import os
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

for name in "ab":
    pq.write_table(pa.table({"value": list(range(100))}), f"{name}.parquet")
dataset = ds.dataset(["a.parquet", "b.parquet"])
everything = ds.field("value") >= 0


def answers():
    try:
        rows = dataset.to_table().num_rows
    except OSError as error:
        rows = type(error).__name__
    return [dataset.count_rows(), dataset.count_rows(filter=everything), rows]


before = answers()
pq.write_table(pa.table({"value": list(range(1000))}), "new")
os.replace("new", "b.parquet")
replaced = answers()
os.remove("b.parquet")
removed = answers()
print("count_rows(), count_rows(filter=...), to_table():", before)
print("b has 1000 rows now, expected: 1100 or an error; seen:", replaced)
print("b is removed, expected: 100 or an error; seen:", removed)
sys.exit([before, replaced, removed] != [[200] * 3, [200, 200, "OSError"], [200, 200, "FileNotFoundError"]])
EOF
