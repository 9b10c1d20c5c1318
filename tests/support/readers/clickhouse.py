"""Print the columns of a Parquet file as ClickHouse reads them, as JSON: `python clickhouse.py FILE COLUMN...`.

It runs in a process of its own, because the database installs handlers of signals.
"""

import sys

import chdb

file, *columns = sys.argv[1:]
names = ", ".join(f"`{name}`" for name in columns)
settings = "max_threads = 1, date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0"
print(chdb.query(f"SELECT {names} FROM file('{file}', Parquet) SETTINGS {settings}", "JSONColumns"))
