"""Compact columns have each row once, in order, with its nulls."""

import math

from hypothesis import given
from hypothesis import strategies as st

from fgm.store.parquet.table_pages import Texts
from fgm.store.tables.row_columns import RowColumns

TYPES = {"time_ms": "time", "name": "text", "pid": "integer", "value": "number", "label": "text"}
ROWS = st.tuples(
    st.integers(0, 2**62),
    st.sampled_from([None, "", "a", "ä", "b" * 64]),
    st.integers(-3, 3),
    st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(lambda value: value or 0.0),
    st.sampled_from([None, "x", "y"]),
)


def plain(columns: RowColumns, by: list[str]) -> list[tuple[object, ...]]:
    values = [
        [column.values[code] if code >= 0 else None for code in column.codes.tolist()]
        if isinstance(column, Texts)
        else [None if isinstance(value, float) and math.isnan(value) else value for value in column.tolist()]
        for column in columns.in_order(by).values()
    ]
    return list(zip(*values, strict=True))


@given(st.lists(st.lists(ROWS, max_size=6), max_size=6))
def test_each_row_is_there_once_in_the_order_of_its_fields(groups: list[list[tuple[object, ...]]]) -> None:
    """For any groups of rows, also with equal ones: the result is their set, sorted, with null before all texts."""
    columns = RowColumns(TYPES)  # type: ignore[arg-type]  # a dict of literals is inferred as one of str
    for group in [*groups, *groups[:2]]:
        columns.extend(group)

    unique = {row for group in groups for row in group}
    found = plain(columns, ["name", "time_ms"])
    assert len(found) == len(unique)
    assert set(found) == unique
    keys = [("" if name is None else f"-{name}", time_ms) for time_ms, name, *_ in found]
    assert keys == sorted(keys)
