#!/usr/bin/env bash
# The type that read_json of DuckDB finds for a time with a zone differs between releases.
#
# Software: duckdb 1.4.5, 1.5.6 and 2.0.1 (Python).
# Expected: "2025-12-30T14:32:07.120Z" is the same instant in each release, and equal to the same TIMESTAMPTZ of another
# table.
# Seen: VARCHAR in 1.4, TIMESTAMP without a zone in 1.5, TIMESTAMP WITH TIME ZONE in 2.0. In 1.5, a comparison takes the
# digits of UTC in the zone of the session: outside UTC a join finds nothing, without an error. With `columns` all agree.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"time":"2025-12-30T14:32:07.120Z","what":"exit"}' >events.jsonl
cat >query.py <<'EOF'
import duckdb

connection = duckdb.connect()
connection.execute("SET TimeZone = 'America/New_York'")
connection.execute("CREATE TABLE samples AS SELECT TIMESTAMPTZ '2025-12-30 14:32:07.120Z' AS time")
for columns in ("", ", columns = {time: 'TIMESTAMPTZ', what: 'VARCHAR'}"):
    events = f"read_json('events.jsonl'{columns})"
    type_of_time = connection.execute(f"SELECT typeof(time) FROM {events}").fetchone()[0]
    join = f"SELECT count(*) FROM {events} e JOIN samples s ON CAST(e.time AS TIMESTAMPTZ) = s.time"
    print(f"{duckdb.__version__}: {type_of_time}, {connection.execute(join).fetchone()[0]} joined")
EOF
for version in 1.4.5 1.5.6 2.0.1; do
    python3 -m venv "$version" || exit 77
    "$version/bin/python" -m pip --quiet --disable-pip-version-check install "duckdb==$version" || exit 77
    "$version/bin/python" query.py >>seen
done
cat >known <<'EOF'
1.4.5: VARCHAR, 1 joined
1.4.5: TIMESTAMP WITH TIME ZONE, 1 joined
1.5.6: TIMESTAMP, 0 joined
1.5.6: TIMESTAMP WITH TIME ZONE, 1 joined
2.0.1: TIMESTAMP WITH TIME ZONE, 1 joined
2.0.1: TIMESTAMP WITH TIME ZONE, 1 joined
EOF
echo "expected: the same type in each release, and 1 joined"
echo "seen, without and with columns:"
cat seen
cmp -s seen known
