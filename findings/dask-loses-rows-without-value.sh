#!/usr/bin/env bash
# A filter with != on texts returns fewer rows in Dask than in pandas 3, and two ways to write it in Dask do not agree.
#
# Software: dask 2026.8.0, pandas 3.1.1, pyarrow 26.0.1.
# Expected: `frame[frame.container != "app"]` returns the same rows for a Dask DataFrame as for the pandas DataFrame of the
# same file; processes without a container are not in the container "app".
# Seen: Dask leaves out the rows without a value, without an error or a warning. It reads texts as `string[pyarrow]`, whose
# missing value is NA, so that `NA != "app"` is NA and selects nothing; pandas 3 reads them as `str`, whose missing value is
# NaN, so that it is true. `~isin(["app"])`, categories and numbers keep the rows in Dask, too.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install dask==2026.8.0 pandas==3.1.1 pyarrow==26.0.1 || exit 77
environment/bin/python - <<'EOF'
import sys

import dask.dataframe as dd
import pandas as pd

names = ["app", None, "log", "app", None, "db"]
pd.DataFrame({"container": names, "pid": [4, 5, 6, 7, 8, 9]}).to_parquet("processes.parquet")
filters = {
    'container != "app"': lambda frame: frame[frame.container != "app"],
    '~(container == "app")': lambda frame: frame[~(frame.container == "app")],
    '~container.isin(["app"])': lambda frame: frame[~frame.container.isin(["app"])],
    '~container.str.startswith("app")': lambda frame: frame[~frame.container.str.startswith("app")],
}
expected = {title: len(rows(pd.read_parquet("processes.parquet"))) for title, rows in filters.items()}
seen = {title: len(rows(dd.read_parquet("processes.parquet")).compute()) for title, rows in filters.items()}
print("expected:", expected)
print("seen:    ", seen)
sys.exit(list(expected.values()) != [4, 4, 4, 4] or list(seen.values()) != [2, 2, 4, 2])
EOF
