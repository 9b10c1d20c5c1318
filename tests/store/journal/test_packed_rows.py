"""Rows that were compressed in memory are the same afterwards, and small if little changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.store.journal import packed_rows
from fgm.store.journal.packed_rows import PackedRows

VALUES = st.sampled_from([0.0, -0.0, 1.0, 1e300, -1.5, float("nan"), float("inf")])


@given(st.integers(1, 9), st.lists(st.integers(0, 5), max_size=6), st.integers(1, 200), st.data())
def test_every_column_of_every_tick_is_the_same(
    columns: int, rows_of_ticks: list[int], group_bytes: int, data: st.DataObject
) -> None:
    """For any ticks, of any numbers of rows: each column has the bits of the rows, in the order of the ticks."""
    ticks = [
        np.array(data.draw(st.lists(VALUES, min_size=rows * columns, max_size=rows * columns))).reshape(rows, columns)
        for rows in rows_of_ticks
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_rows, "GROUP_BYTES", group_bytes)
        packed = PackedRows()
        for tick in ticks:
            packed.append(tick)
            packed.column(columns - 1)  # what it keeps of this must not be taken for the next tick
        expected = np.concatenate([np.empty((0, columns)), *ticks])

        for position in (*range(columns), *reversed(range(columns))) if ticks else ():
            assert packed.column(position).tobytes() == expected[:, position].tobytes()
