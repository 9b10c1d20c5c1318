"""The script that makes the views: `samples`, the recorded values, and `derived`, the derived metrics.

Rates are computed within a writer's day. So a condition on `cluster`, `dt` or `identifier` reaches the files, and the
first rate of each day is null.
"""

from collections.abc import Iterator

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.metrics.derived import DERIVED
from fgm.shipping.views.dialects import DIALECTS, Dialect
from fgm.shipping.views.expressions import columns_of, expression, rate_name
from fgm.shipping.views.gaps import COUNTERS, lead_s, longest_ms
from fgm.store.samples.series import IDENTITY_COLUMNS

PARTITION_COLUMNS = ("cluster", "dt", "identifier")
_SERIES = """CASE scope
        WHEN 'pod' THEN 'pod:' || pod_uid
        WHEN 'cgroup' THEN 'cgroup:' || cgroup
        WHEN 'node' THEN 'node'
        WHEN 'outside' THEN 'outside'
        ELSE coalesce(container_id, 'cgroup:' || cgroup)
    END"""


def script(name: str, url: str, tick_ms: int = 1000) -> str:
    """Return the statements that make the views over a bucket, in a dialect of DIALECTS.

    `url`: of the bucket, as for `fgm ship`. `tick_ms`: the sampling interval of the nodes.
    """
    dialect = DIALECTS[name]
    files = f"{url.rstrip('/')}/metrics"
    statements = {"duckdb": _duckdb, "spark": _spark, "trino": _trino}[name](dialect, files.replace("'", "''"))
    return "".join(f"{statement};\n\n" for statement in (*statements, *_derived(dialect, name, tick_ms)))


def recorded_columns(dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the name and type of each column of the files, in their order."""
    text, integer, number, time = dialect.types
    yield "time", time
    for name in IDENTITY_COLUMNS:
        yield name, text
    yield "late_us", integer
    for name, kind in COLUMN_TYPES.items():
        yield name, integer if kind == "integer" else number


def _duckdb(dialect: Dialect, files: str) -> Iterator[str]:
    columns = recorded_columns(dialect)
    nulls = ", ".join(f"NULL::{kind} AS {dialect.name(name)}" for name, kind in columns)
    text = ", ".join(f"{name}: VARCHAR" for name in PARTITION_COLUMNS)
    yield "SET TimeZone = 'UTC'"
    yield (
        "CREATE OR REPLACE VIEW recorded AS\n"
        f"SELECT * FROM read_parquet('{files}/cluster=*/dt=*/identifier=*/*.parquet', hive_partitioning = true,\n"
        f"    hive_types = {{{text}}}, union_by_name = true)\n"
        f"UNION ALL BY NAME SELECT {nulls} WHERE false"
    )
    yield _samples(dialect, "VIEW")


def _spark(dialect: Dialect, files: str) -> Iterator[str]:
    text = dialect.types[0]
    columns = [*recorded_columns(dialect), *((name, text) for name in PARTITION_COLUMNS)]
    named = ", ".join(f"{dialect.name(name)} {kind}" for name, kind in columns)
    yield "SET TIME ZONE 'UTC'"
    yield f"CREATE OR REPLACE TEMPORARY VIEW recorded ({named})\nUSING parquet OPTIONS (path '{files}')"
    yield _samples(dialect, "TEMPORARY VIEW")


def _trino(dialect: Dialect, files: str) -> Iterator[str]:
    text = dialect.types[0]
    columns = [*recorded_columns(dialect), *((name, text) for name in PARTITION_COLUMNS)]
    named = ", ".join(f"{dialect.name(name)} {kind}" for name, kind in columns)
    by = ", ".join(f"'{name}'" for name in PARTITION_COLUMNS)
    yield (
        f"CREATE TABLE recorded ({named})\n"
        f"WITH (format = 'PARQUET', external_location = '{files}/', partitioned_by = ARRAY[{by}])"
    )
    yield "CALL system.sync_partition_metadata(CURRENT_SCHEMA, 'recorded', 'ADD')"
    yield _samples(dialect, "VIEW")


def _samples(dialect: Dialect, kind: str) -> str:
    time = dialect.epoch_ms(dialect.name("time"))
    return (
        f"CREATE OR REPLACE {kind} samples AS\nSELECT *,\n    {time} AS time_ms,\n"
        f"    {time} + coalesce(late_us / 1000E0, 0) AS read_ms,\n    {_SERIES} AS series\nFROM recorded"
    )


def _derived(dialect: Dialect, name: str, tick_ms: int) -> Iterator[str]:
    """Yield the view, and a function that reads only the files of a time where the dialect has such functions."""
    kind = "TEMPORARY VIEW" if name == "spark" else "VIEW"
    yield f"CREATE OR REPLACE {kind} derived AS\n{_select(dialect, '', tick_ms)}"
    text, _, _, time = dialect.types
    earlier = f"CAST(begin AS {time}) - INTERVAL '{lead_s(tick_ms)}' SECOND"
    days = f"dt BETWEEN CAST(CAST({earlier} AS DATE) AS {text}) AND CAST(CAST(finish AS DATE) AS {text})"
    between = f"WHERE {days}\n        AND {dialect.name('time')} BETWEEN {earlier} AND CAST(finish AS {time})"
    asked = f"\nWHERE {dialect.name('time')} >= CAST(begin AS {time})"
    ranged = f"{_select(dialect, between, tick_ms)}{asked}"
    if name == "duckdb":
        yield f"CREATE OR REPLACE MACRO derived_between(begin, finish) AS TABLE\n{ranged}"
    elif name == "spark":
        yield (
            f"CREATE OR REPLACE TEMPORARY FUNCTION derived_between(begin {time}, finish {time})\n"
            f"RETURNS TABLE RETURN\n{ranged}"
        )


def _select(dialect: Dialect, between: str, tick_ms: int) -> str:
    """Return the query of the derived metrics. `between`: a condition on the samples, or nothing."""
    trees = {metric.name: metric.tree for metric in DERIVED if metric.tree is not None}
    counters = sorted(COUNTERS)
    values = sorted(set().union(*map(columns_of, trees.values())))
    kept = [*PARTITION_COLUMNS, "time", "time_ms", "series", *IDENTITY_COLUMNS]
    recorded = ", ".join(map(dialect.name, [*kept, "read_ms", *sorted({*values, *counters})]))
    before = ",\n            ".join(_before(dialect, counter) for counter in counters)
    names = ", ".join(map(dialect.name, kept))
    rates = ",\n        ".join(_rate(dialect, counter, tick_ms) for counter in counters)
    metrics = ",\n    ".join(f"{expression(tree, dialect)} AS {metric}" for metric, tree in trees.items())
    return (
        f"SELECT {names},\n    {metrics}\nFROM (\n"  # noqa: S608 - names of the catalogue
        f"    SELECT {names}, {', '.join(map(dialect.name, values))},\n        {rates}\n    FROM (\n"
        f"        SELECT {recorded},\n            {before}\n        FROM samples\n        {between}\n"
        f"        WINDOW w AS (PARTITION BY {', '.join(PARTITION_COLUMNS)}, series ORDER BY time_ms)\n"
        "    ) readings\n) rates"
    )


def _before(dialect: Dialect, counter: str) -> str:
    """Return the last reading of a counter before this row."""
    column = dialect.name(counter)
    reading = f"CASE WHEN {column} IS NOT NULL THEN {dialect.reading(column)} END"
    return f"{dialect.before(reading)} AS {dialect.name(_before_name(counter))}"


def _before_name(counter: str) -> str:
    return f"{counter}/before"


def _rate(dialect: Dialect, counter: str, tick_ms: int) -> str:
    """Return the growth of a counter per second since the reading before; null after a gap, or if it started over."""
    column, before = dialect.name(counter), dialect.name(_before_name(counter))
    return (
        f"CASE WHEN {column} >= {before}.value AND time_ms - {before}.time_ms <= {longest_ms(counter, tick_ms)}"
        f" AND read_ms > {before}.read_ms\n            THEN 1000E0 * ({column} - {before}.value)"
        f" / (read_ms - {before}.read_ms) END AS {dialect.name(rate_name(counter))}"
    )
