"""A row is never in the bucket twice: of each kind and hour there is the merged file or windows, never both."""

from hypothesis import given
from hypothesis import strategies as st

from fgm.shipping.choice import choose, is_minutes_of_a_day, table_of
from fgm.store.directory import layout

DAY_MS = 1_767_052_800_000  # 2025-12-30T00:00:00Z
HOUR_MS = layout.HOUR_MS
HOUR = layout.hour_name(DAY_MS)
WINDOWS = [layout.metrics_name(DAY_MS + minute * 60_000) for minute in range(0, 60, 20)]
PROCESSES = [layout.table_name("processes", DAY_MS + minute * 60_000) for minute in range(0, 60, 20)]
MERGED_PROCESSES = layout.table_hour_name("processes", DAY_MS)
OTHERS = ["live-20251230T000000Z.journal", "events.jsonl", "bad-metrics-20251230T000000Z.parquet", "notes.txt"]


def test_a_merged_hour_is_chosen_and_its_windows_are_not() -> None:
    assert choose([HOUR, *WINDOWS, *OTHERS], [], DAY_MS + 30 * HOUR_MS, 0).names == [HOUR]


def test_windows_are_chosen_after_a_while_or_at_once() -> None:
    assert choose(WINDOWS, [], DAY_MS + 3 * HOUR_MS - 1, 2 * HOUR_MS).names == []
    assert choose(WINDOWS, [], DAY_MS + 3 * HOUR_MS, 2 * HOUR_MS).names == WINDOWS
    assert choose(WINDOWS, [], DAY_MS, 0).names == WINDOWS


def test_kinds_are_merged_one_after_the_other() -> None:
    choice = choose([HOUR, *PROCESSES], [], DAY_MS + 30 * HOUR_MS, HOUR_MS)
    assert choice.names == [HOUR, *PROCESSES]
    assert choice.left_out == []
    assert choose([HOUR, MERGED_PROCESSES], choice.names, DAY_MS + 31 * HOUR_MS, HOUR_MS).left_out == [MERGED_PROCESSES]


def test_a_shipped_hour_stays_chosen_and_late_windows_wait_for_the_next_merge() -> None:
    assert choose([HOUR, WINDOWS[0]], [HOUR], DAY_MS + 30 * HOUR_MS, HOUR_MS).names == [HOUR]
    assert choose([WINDOWS[0]], [HOUR], DAY_MS + 30 * HOUR_MS, 0).names == []


@given(st.lists(st.sampled_from(["window", "merge", "ship", "restart"]), max_size=20), st.sampled_from([0, 2, 24]))
def test_no_row_is_shipped_twice(steps: list[str], unmerged_after_hours: int) -> None:
    local: set[str] = set()
    shipped: set[str] = set()
    now_ms = DAY_MS
    for step in steps:
        now_ms += HOUR_MS
        if step == "window":
            local.add(WINDOWS[len(local) % len(WINDOWS)])
        elif step == "merge" and local:
            local = {HOUR}
        else:
            shipped.update(choose(local, shipped, now_ms, unmerged_after_hours * HOUR_MS).names)
        assert not (HOUR in shipped and shipped.intersection(WINDOWS))


def test_each_file_has_a_table() -> None:
    minutes = layout.minutes_name(DAY_MS, layout.DAY_MS)
    names = [HOUR, WINDOWS[0], MERGED_PROCESSES, PROCESSES[0], minutes, "events.jsonl"]
    assert list(map(table_of, names)) == ["metrics", "metrics", "processes", "processes", "minutes", "events"]
    assert is_minutes_of_a_day(minutes)
    assert not is_minutes_of_a_day(layout.minutes_name(DAY_MS, HOUR_MS))
