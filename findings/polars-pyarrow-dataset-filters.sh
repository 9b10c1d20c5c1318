#!/usr/bin/env bash
# A filter of Polars on a dataset of pyarrow returns other rows than the same filter on the same file.
#
# Software: polars 2.1.0, pyarrow 26.0.1.
# Expected: scan_pyarrow_dataset(...).filter(f) returns the rows of scan_parquet(...).filter(f) and read_parquet(...).filter(f).
# Seen:     "not in" also returns the rows without a value; comparisons lose the rows with NaN, which Polars takes for the
#           largest number; and is_in([0.0]) loses -0.0. Polars leaves these filters to pyarrow, which has other rules for
#           nulls, NaN and zeros, and does not filter again. No error, no warning.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install polars==2.1.0 pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import sys

import polars as pl
import pyarrow.dataset as ds

frame = pl.DataFrame({"code": [0, 137, None, 143, None, 1], "ratio": [0.5, float("nan"), -0.0, 0.0, 2.0, 3.0]})
frame.write_parquet("samples.parquet")
filters = {
    "~code.is_in([0, 143])": ~pl.col("code").is_in([0, 143]),
    "ratio > 1": pl.col("ratio") > 1,
    "~(ratio <= 1)": ~(pl.col("ratio") <= 1),
    "ratio != ratio": pl.col("ratio") != pl.col("ratio"),
    "ratio.is_in([0.0])": pl.col("ratio").is_in([0.0]),
}
expected, seen = {}, {}
for title, condition in filters.items():
    rows = pl.read_parquet("samples.parquet").filter(condition)
    assert pl.scan_parquet("samples.parquet").filter(condition).collect().equals(rows), title
    expected[title] = rows.height
    seen[title] = pl.scan_pyarrow_dataset(ds.dataset("samples.parquet")).filter(condition).collect().height
print("expected:", expected)
print("seen:    ", seen)
known = dict(zip(filters, [(2, 4), (3, 2), (3, 2), (0, 1), (2, 1)], strict=True))
sys.exit({title: (expected[title], seen[title]) for title in filters} != known)
EOF
