"""The last tick before a run comes from the newest file of the same node."""

import os
from pathlib import Path

from fgm.collector.event_recording.last_tick import last_tick
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from tests.support.collector.event_ticks import POD, A, B, leave_behind, tick
from tests.support.collector.windows import START_MS, merge, record


def test_the_last_tick_is_that_of_the_newest_file_of_this_node_before_the_run(tmp_path: Path) -> None:
    other = FileHeader("other", "other-pod", 1000, 90)
    older = FileHeader("worker-3", "older-pod", 1000, 90)
    leave_behind(tmp_path, tick(0, A), tick(5, A), closed=True)
    leave_behind(tmp_path, tick(95, A), tick(96, A, POD), closed=True, header=older)
    leave_behind(tmp_path, tick(200, B), closed=True, header=other)
    (journal,) = record(tmp_path, tick(100, B), header=older)
    (folder,) = {os.path.dirname(journal)}
    Path(folder, "live-20251230T161500Z.journal").write_bytes(b"nonsense")

    def last(before_s: float) -> tuple[float, tuple[Series, ...]] | None:
        newest = last_tick(str(tmp_path), START_MS + round(before_s * 1000), "worker-3")
        return None if newest is None else ((newest.tick.time_ms - START_MS) / 1000, newest.tick.series)

    assert last(1000) == (100, (B,))
    assert last(100) == (96, (A, POD))
    assert last(95) == (5, (A,))
    assert last(0) is None


def test_the_last_tick_may_be_in_a_merged_hour_with_older_or_newer_windows_next_to_it(tmp_path: Path) -> None:
    leave_behind(tmp_path, tick(0, A), tick(100, A), tick(101, A, POD), closed=True)
    merge(tmp_path)
    leave_behind(tmp_path, tick(5, B), closed=True)

    def last(before_s: float) -> tuple[float, tuple[Series, ...], dict[str, int]] | None:
        newest = last_tick(str(tmp_path), START_MS + round(before_s * 1000), "worker-3")
        if newest is None:
            return None
        first_s = {key: (ms - START_MS) // 1000 for key, ms in newest.first_ms.items()}
        return (newest.tick.time_ms - START_MS) / 1000, newest.tick.series, first_s

    assert last(1000) == (101, (A, POD), {A.key: 0, POD.key: 101})
    leave_behind(tmp_path, tick(200, B), closed=True)
    assert last(1000) == (200, (B,), {B.key: 200})
    assert last(101) == (100, (A,), {A.key: 0})
    assert last(0) is None
