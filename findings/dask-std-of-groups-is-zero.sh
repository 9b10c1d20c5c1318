#!/usr/bin/env bash
# The standard deviation of groups is 0 in Dask if the squares of whole numbers do not fit into their type.
#
# Software: dask 2026.8.0, pandas 3.1.1, pyarrow 26.0.1.
# Expected: `groupby(...).std()` returns what pandas returns, also for memory in bytes, as `frame.memory.std()` does in Dask.
# Seen: 0.0 for each group, or NaN from `agg("std")`. Dask squares the values in the type of the column, which wraps around
# without a word: from 16 on in uint8, from 46,341 on in int32, from 3,037,000,500 on in int64, and sums of squares sooner
# (dask/dataframe/groupby.py: _var_chunk). A variance below 0 becomes 0. One partition gives the same. Memory of 100 MiB and
# a few hundred samples give numbers that look right, and are not.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install dask==2026.8.0 pandas==3.1.1 pyarrow==26.0.1 || exit 77
environment/bin/python -W ignore - <<'EOF'
import sys

import dask.dataframe as dd
import pandas as pd

GIB, MIB = 1 << 30, 1 << 20
memory = [4 * GIB + 100 * MIB * step for step in range(12)]
percent = [10, 200, 30, 90, 50, 60, 70, 80, 90, 100, 200, 250]
frame = pd.DataFrame({"container": ["app", "log"] * 6, "memory": memory, "percent": percent})
frame = frame.astype({"memory": "int64", "percent": "uint8"})
is_same = True
for partitions in (1, 3):
    lazy = dd.from_pandas(frame, npartitions=partitions)
    for column in ("memory", "percent"):
        expected = frame.groupby("container")[column].std().round().to_dict()
        seen = lazy.groupby("container")[column].std().compute().round().to_dict()
        whole = round(lazy[column].std().compute())
        print(f"{column}, {partitions} partitions: expected {expected}, seen {seen}; without groups {whole}")
        is_same &= min(expected.values()) > 60 and set(seen.values()) == {0.0} and whole == round(frame[column].std())
sys.exit(not is_same)
EOF
