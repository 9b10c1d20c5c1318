#!/usr/bin/env bash
# fastparquet reads integers that are encoded as differences wrong, without an error, if a difference has 30 bits or more.
#
# Software: pyarrow 26.0.1 writes, in data pages of version 1.0 and 2.0; fastparquet 2026.9.0, pyarrow and Polars 2.1.0 read.
# Expected: DELTA_BINARY_PACKED is read as it was written, or refused. Each column is a counter that grows by random steps.
# Seen: in pages of version 1.0, steps below 2^20 are read right; with steps up to 2^30 and 2^36, most values are wrong. In
# pages of version 2.0, those with small steps are wrong, too. fastparquet raises no error.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install fastparquet==2026.9.0 pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1 numpy==2.4.6 || exit 77
environment/bin/python - <<'EOF'
import sys

import fastparquet
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

random = np.random.default_rng(1)
steps = {"20 bits": 2**20, "30 bits": 2**30, "36 bits": 2**36}
columns = {name: np.cumsum(random.integers(0, limit, 1000)) for name, limit in steps.items()}
seen = {}
for version in ("1.0", "2.0"):
    file = f"{version}.parquet"
    pq.write_table(
        pa.table(columns),
        file,
        use_dictionary=False,
        column_encoding=dict.fromkeys(columns, "DELTA_BINARY_PACKED"),
        data_page_version=version,
    )
    assert all(pq.read_table(file)[name].to_pylist() == values.tolist() for name, values in columns.items())
    assert all(pl.read_parquet(file)[name].to_list() == values.tolist() for name, values in columns.items())
    frame = fastparquet.ParquetFile(file).to_pandas()
    for name, values in columns.items():
        seen[f"pages {version}, {name}"] = "right" if (frame[name].to_numpy() == values).all() else "wrong"
expected = dict.fromkeys(seen, "right")
print("expected:", expected)
print("seen:    ", seen)
sys.exit(seen != {**dict.fromkeys(seen, "wrong"), "pages 1.0, 20 bits": "right"})
EOF
