"""What differs between the dialects of SQL: quotes, the time in milliseconds, the value before, and types."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """A dialect of SQL.

    `quote`: the character around a name. `epoch_ms`: the expression of a time in ms since 1970. `before`: the last
    value of an expression before this row that is not null, in the window `w`. `reading`: a struct of `value`, the
    expression given, with `time_ms` and `read_ms` of its row. `types`: of text, integers, numbers and times.
    """

    quote: str
    epoch_ms: Callable[[str], str]
    before: Callable[[str], str]
    reading: Callable[[str], str]
    types: tuple[str, str, str, str]

    def name(self, column: str) -> str:
        """Return the name of a column in quotes."""
        return f"{self.quote}{column}{self.quote}"


DIALECTS: dict[str, Dialect] = {
    "duckdb": Dialect(
        '"',
        lambda time: f"epoch_ms({time})",
        lambda value: f"lag({value} IGNORE NULLS) OVER w",
        lambda value: f"{{'value': {value}, 'time_ms': time_ms, 'read_ms': read_ms}}",
        ("VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMPTZ"),
    ),
    "spark": Dialect(
        "`",
        lambda time: f"unix_millis({time})",
        lambda value: f"lag({value}) IGNORE NULLS OVER w",
        lambda value: f"named_struct('value', {value}, 'time_ms', time_ms, 'read_ms', read_ms)",
        ("STRING", "BIGINT", "DOUBLE", "TIMESTAMP"),
    ),
    "trino": Dialect(
        '"',
        lambda time: f"CAST(to_unixtime(with_timezone({time}, 'UTC')) * 1E3 AS BIGINT)",
        lambda value: f"lag({value}) IGNORE NULLS OVER w",
        lambda value: f"CAST(ROW({value}, time_ms, read_ms) AS ROW(value DOUBLE, time_ms BIGINT, read_ms DOUBLE))",
        ("VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP(3)"),
    ),
}
"""The dialects, by name."""
