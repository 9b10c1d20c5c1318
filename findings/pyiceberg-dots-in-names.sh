#!/usr/bin/env bash
# A filter of PyIceberg on a column with a dot in its name works or fails depending on who wrote the file.
#
# Software: pyiceberg 0.12.0, pyarrow 26.0.1.
# Expected: memory.current > 1 finds two of three rows, as plain > 1 does, in every file of the table.
# Seen: it does in a file that PyIceberg wrote (append). In the same file added with add_files, and in every delete, the dot is
# taken for a field of a struct: ArrowInvalid, "No match for FieldRef.Nested". Reading the column works.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install "pyiceberg[sql-sqlite,pyarrow]==0.12.0" pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import os
import sys
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

warnings.simplefilter("ignore")
folder = os.getcwd()
catalog = SqlCatalog("catalog", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
catalog.create_namespace("test")
values = pa.table({"memory.current": [1, 2, 3], "plain": [1, 2, 3]})
pq.write_table(values, "values.parquet")
appended = catalog.create_table("test.appended", schema=values.schema)
appended.append(values)
added = catalog.create_table("test.added", schema=values.schema)
added.add_files([f"{folder}/values.parquet"])


def outcome(action):
    try:
        return action()
    except pa.ArrowInvalid as error:
        return "FieldRef.Nested" if "FieldRef.Nested" in str(error) else str(error)


seen = {}
for name, table in {"append": appended, "add_files": added}.items():
    for column in ("plain", "memory.current"):
        seen[name, column] = outcome(lambda: table.scan(row_filter=f"{column} > 1").to_arrow().num_rows)
seen["delete", "memory.current"] = outcome(lambda: appended.delete("memory.current > 2"))
print("expected: 2 rows for each, and None for delete")
for case, result in seen.items():
    print("seen:", *case, "->", result)
sys.exit(list(seen.values()) != [2, 2, 2, "FieldRef.Nested", "FieldRef.Nested"])
EOF
