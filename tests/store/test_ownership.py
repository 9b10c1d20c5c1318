"""Names of the files of fgm, and the ends of their data."""

import pytest

from fgm.store.directory.layout import DAY_MS, HOUR_MS
from fgm.store.ownership import is_being_merged, until_ms

DAY = 1_767_052_800_000  # 2025-12-30T00:00:00Z
START_MS = DAY + 16 * HOUR_MS
WINDOW, HOUR = "metrics-20251230T160000Z.parquet", "metrics-20251230T160000Z--PT1H.parquet"
TABLE, TABLE_HOUR = "labelled-20251230T160000Z.parquet", "labelled-20251230T160000Z--PT1H.parquet"
MINUTES, DAY_OF_MINUTES = "minutes-20251230T160000Z--PT1H.parquet", "minutes-20251230T000000Z--P1D.parquet"


@pytest.mark.parametrize(
    ("name", "end_ms", "end_in_tiers_ms"),
    [
        (WINDOW, START_MS, None),
        ("live-20251230T160000Z.journal", START_MS, None),
        (TABLE, START_MS, None),
        ("regions-20251230T160000Z.journal", START_MS, None),
        (HOUR, START_MS + HOUR_MS, None),
        (TABLE_HOUR, START_MS + HOUR_MS, None),
        (f"{TABLE_HOUR}.tmp", START_MS + HOUR_MS, None),
        ("events.jsonl", DAY + DAY_MS - 1, None),
        (f"bad-{HOUR}", START_MS, None),
        ("superseded-20251230T160000Z-1.parquet", START_MS, None),
        (MINUTES, None, START_MS + HOUR_MS),
        (f"{MINUTES}.tmp", None, START_MS + HOUR_MS),
        (DAY_OF_MINUTES, None, DAY + DAY_MS),
        (f"bad-{DAY_OF_MINUTES}.1", None, DAY),
        ("minutes-20251230T160130Z--PT1H.parquet", None, None),
        ("notes.txt", None, None),
    ],
)
def test_the_end_of_a_file_follows_from_its_name_and_the_store_it_is_in(
    name: str, end_ms: int | None, end_in_tiers_ms: int | None
) -> None:
    assert (until_ms(name, DAY), until_ms(name, DAY, is_tier=True)) == (end_ms, end_in_tiers_ms)


def test_temporary_files_of_merges_are_told_apart_from_those_of_windows() -> None:
    merges = (HOUR, TABLE_HOUR, MINUTES, DAY_OF_MINUTES)
    others = (*merges, f"{WINDOW}.tmp", f"{TABLE}.tmp", "notes.tmp")

    assert [is_being_merged(f"{name}.tmp") for name in merges] == [True] * 4
    assert [is_being_merged(name) for name in others] == [False] * 7
