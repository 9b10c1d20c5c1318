"""Which hours are merged, from the names of the files."""

from fgm.collector.merging.planner import DELAY_MS, HourFiles, due_hours, twice_stored
from fgm.store.directory.layout import HOUR_MS
from tests.support.collector.windows import START_MS

WINDOWS = ("metrics-20251230T160000Z.parquet", "metrics-20251230T165930Z.parquet")
TABLES = ("labelled-20251230T160000Z.parquet", "processes-20251230T160000Z.parquet")
MERGED = "metrics-20251230T160000Z--PT1H.parquet"
DUE_MS = START_MS + HOUR_MS + DELAY_MS


def test_an_hour_is_due_two_minutes_after_its_end() -> None:
    names = (*WINDOWS, *TABLES, "events.jsonl", "notes.txt")

    assert list(due_hours(names, DUE_MS - 1)) == []
    assert list(due_hours(names, DUE_MS)) == [HourFiles(START_MS, WINDOWS, TABLES)]


def test_the_newest_hour_is_first() -> None:
    names = (*WINDOWS, "metrics-20251230T150000Z.parquet")
    assert [hour.hour_ms for hour in due_hours(names, DUE_MS)] == [START_MS, START_MS - HOUR_MS]


def test_a_journal_keeps_its_hour_as_it_is_but_not_others() -> None:
    names = (*WINDOWS, "metrics-20251230T150000Z.parquet", "live-20251230T160130Z.journal")
    assert [hour.hour_ms for hour in due_hours(names, DUE_MS)] == [START_MS - HOUR_MS]


def test_a_journal_that_cannot_be_closed_and_a_journal_of_a_table_do_not_count() -> None:
    names = (*WINDOWS, "live-20251230T160130Z.journal.bad", "processes-20251230T160130Z.journal")
    assert list(due_hours(names, DUE_MS)) == [HourFiles(START_MS, WINDOWS, ())]


def test_a_merged_hour_is_due_again_only_if_it_has_windows_or_tables() -> None:
    assert list(due_hours([MERGED], DUE_MS)) == []
    assert list(due_hours([MERGED, WINDOWS[0]], DUE_MS)) == [HourFiles(START_MS, WINDOWS[:1], ())]
    assert list(due_hours([MERGED, TABLES[0]], DUE_MS)) == [HourFiles(START_MS, (), TABLES[:1])]


def test_an_hour_that_has_not_come_yet_is_not_merged() -> None:
    assert list(due_hours(WINDOWS, START_MS - HOUR_MS)) == []


def test_hours_that_are_stored_twice_are_those_with_a_merged_file_and_others() -> None:
    assert list(twice_stored([MERGED])) == []
    assert list(twice_stored(WINDOWS)) == []
    assert list(twice_stored([MERGED, *WINDOWS, "metrics-20251230T170000Z.parquet"])) == [
        HourFiles(START_MS, WINDOWS, ())
    ]
    tables = ["processes-20251230T160000Z--PT1H.parquet", TABLES[1]]
    assert list(twice_stored(tables)) == [HourFiles(START_MS, (), TABLES[1:])]
