#!/usr/bin/env bash
# A lazy group_by_dynamic of Polars accepts rows that are not in the order of time, and returns wrong groups.
#
# Software: polars 2.1.0.
# Expected: 180 rows in each minute of three series of one row a second, or an error, as from the same call on a DataFrame.
# Seen: a LazyFrame returns 60, 60 and 420 rows without a warning; of three files, 60, 240, 240, 60 and 210 rows in 4.5 minutes.
# A DataFrame raises "is not sorted".
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install polars==2.1.0 || exit 77
environment/bin/python - <<'EOF'
import datetime as dt
import sys

import polars as pl

START = dt.datetime(2026, 1, 1)


def rows(first, count):
    times = [START + dt.timedelta(seconds=first + second) for second in range(count)]
    return pl.DataFrame({"series": [name for name in "abc" for _ in times], "time": times * 3})


def by_minute(frame):
    return frame.group_by_dynamic("time", every="1m").agg(pl.len())


lazy = by_minute(rows(0, 180).lazy()).collect()["len"].to_list()
in_order = by_minute(rows(0, 180).lazy().sort("time")).collect()["len"].to_list()
try:
    eager = by_minute(rows(0, 180))["len"].to_list()
except pl.exceptions.InvalidOperationError as error:
    eager = "is not sorted" if "is not sorted" in str(error) else str(error)
for number in range(3):
    rows(90 * number, 90).write_parquet(f"{number}.parquet")
files = by_minute(pl.scan_parquet("*.parquet")).collect()["len"].to_list()
print("expected:           ", in_order)
print("seen, lazy:         ", lazy)
print("seen, lazy, 3 files:", files, "instead of", [180, 180, 180, 180, 90])
print("seen, eager:        ", eager)
sys.exit((in_order, lazy, files, eager) != ([180] * 3, [60, 60, 420], [60, 240, 240, 60, 210], "is not sorted"))
EOF
