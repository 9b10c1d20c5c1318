#!/usr/bin/env bash
# ClickHouse does not read timestamps and integers that fastparquet wrote with compression.
#
# Software: fastparquet 2026.9.0 writes; ClickHouse 26.9 (chdb 4.4.0), pyarrow 26.0.1 and fastparquet itself read.
# Expected: a column of integers without nulls is read by every reader.
# Seen: ClickHouse raises "Unexpected uncompressed page size" for a required column of fixed width that is compressed. It
# reads the same column if it is optional, or not compressed. fastparquet writes eight zero bytes after the values of each
# data page and counts them in the size of the page; the other readers ignore them.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install fastparquet==2026.9.0 chdb==4.4.0 chdb-core==26.9.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 || exit 77
environment/bin/python - <<'EOF'
import sys

import chdb
import fastparquet
import pandas as pd
import pyarrow.parquet as pq

frame = pd.DataFrame({"pid": list(range(1000))})


def clickhouse(name):
    try:
        return str(chdb.query(f"SELECT sum(pid) FROM file('{name}', Parquet)")).strip()
    except Exception as error:
        return "Unexpected uncompressed page size" if "Unexpected uncompressed page size" in str(error) else str(error)


seen = {}
for name, options in {
    "required-zstd": {"compression": "ZSTD", "has_nulls": False},
    "optional-zstd": {"compression": "ZSTD", "has_nulls": True},
    "required-plain": {"compression": None, "has_nulls": False},
}.items():
    file = f"{name}.parquet"
    fastparquet.write(file, frame, write_index=False, **options)
    assert pq.read_table(file)["pid"].to_pylist() == frame["pid"].tolist()
    seen[name] = clickhouse(file)
expected = {name: "499500" for name in seen}
print("expected:", expected)
print("seen:    ", seen)
sys.exit(seen != {**expected, "required-zstd": "Unexpected uncompressed page size"})
EOF
