"""Values and rows of other tasks are added to one tick."""

import numpy as np

from fgm.collector.kernel.kernel_file import columns_of
from fgm.collector.sampling.additions import Additions, FinalRow
from fgm.collector.sampling.series_reader import WIDTH
from fgm.store.samples.series import Series

A, B = Series("container", "a" * 64), Series("container", "b" * 64)
(PSS,) = columns_of(("smaps_rollup.pss",))


def test_values_are_added_to_the_row_of_their_series_once() -> None:
    additions = Additions()
    additions.offer(B.key, {"smaps_rollup.pss": 7.0})
    additions.offer("c" * 64, {"smaps_rollup.pss": 9.0})
    rows, series = additions.add_to(np.zeros((2, WIDTH)), (A, B), 0.0)
    again, _ = additions.add_to(np.zeros((2, WIDTH)), (A, B), 1.0)

    assert (rows[:, PSS].tolist(), series) == ([0.0, 7.0], (A, B))
    assert again[:, PSS].tolist() == [0.0, 0.0]


def test_a_final_row_is_added_unless_the_tick_has_a_row_of_the_container() -> None:
    additions = Additions()
    for series in (A, B):
        additions.add_final_row(FinalRow(series, np.full(WIDTH, 5.0), read_at=9.75))
    rows, series_of_tick = additions.add_to(np.zeros((1, WIDTH)), (A,), due=10.0)

    assert series_of_tick == (A, B)
    assert rows[:, PSS].tolist() == [0.0, 5.0]
    assert rows[1, 0] == -250  # its lateness: it was read before the tick was due
    assert additions.add_to(np.zeros((1, WIDTH)), (A,), due=11.0)[1] == (A,)
