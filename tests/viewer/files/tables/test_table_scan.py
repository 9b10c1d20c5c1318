"""Each row of the tables of a range is read exactly once, whatever is merged, recorded and removed meanwhile."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.clock import SystemClock
from fgm.store.directory import layout
from fgm.store.parquet.table_pages import Texts
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.merged_tables import merge_tables
from fgm.store.tables.table_journal import TableJournal
from fgm.store.tables.table_rows import ProcessRow
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.files.tables.columns import Columns, times_of
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
HOUR_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
WINDOW_MS = 90_000

Key = tuple[int, int, float]
"""Time, pid and CPU time of a row."""


class Tables:
    """Process tables of two containers in a data directory. `rows`: those that are there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / layout.day_folder(HOUR_MS) / layout.identifier_folder("worker-3")
        self.folder.mkdir(parents=True)
        self.rows: Counter[Key] = Counter()
        self.skipped = SkippedFiles()

    def window_rows(self, number: int, rounds: int = 3, cpu: float = 0.0) -> list[ProcessRow]:
        times = [HOUR_MS + number * WINDOW_MS + 10_000 * i for i in range(rounds)]
        rows = [
            ProcessRow(at, name * 64, None, None, None, None, pid, 5, "work", cpu + at % 10**6, 1, 1, None, f"/{name}")
            for at in times
            for name in "ab"
            for pid in range(ord(name), ord(name) + 3)
        ]
        self.rows.update(key(row) for row in rows)
        return rows

    def window(self, number: int, rows: list[ProcessRow]) -> Path:
        path = self.folder / layout.table_name("processes", HOUR_MS + number * WINDOW_MS)
        path.write_bytes(process_tables.encode("processes", rows, HEADER))
        return path

    def journal(self, number: int, rows: list[ProcessRow]) -> None:
        name = layout.table_journal_name("processes", HOUR_MS + number * WINDOW_MS)
        journal = TableJournal(str(self.folder / name), "processes", HEADER)
        journal.append(rows)
        journal.close()

    def close(self, number: int, rows: list[ProcessRow]) -> None:
        self.window(number, rows)
        (self.folder / layout.table_journal_name("processes", HOUR_MS + number * WINDOW_MS)).unlink()

    def merge(self, hour_ms: int = HOUR_MS, *, removes: bool = True) -> None:
        """Merge the windows of an hour. `removes`: whether they are removed, which a kill may prevent."""
        hour = self.folder / layout.table_hour_name("processes", hour_ms)
        windows = sorted(
            path
            for path in self.folder.iterdir()
            if (parsed := layout.parse_table_name(path.name)) and hour_ms <= parsed[1] < hour_ms + layout.HOUR_MS
        )
        temporary = hour.with_name(hour.name + ".tmp")
        with temporary.open("w+b") as file:
            merge_tables(file, "processes", [str(path) for path in ([hour] if hour.exists() else []) + windows])
        temporary.rename(hour)
        for path in windows if removes else []:
            path.unlink()

    def scan(self, from_ms: int = HOUR_MS, to_ms: int = HOUR_MS + 2 * layout.HOUR_MS) -> TableScan:
        fields = ("time_ms", "container_id", "cgroup", "pid", "cpu_usec")
        question = TableQuestion("processes", from_ms, to_ms, fields, everything, "worker-3")
        return TableScan(TableFiles(DataFiles(str(self.root), SystemClock()), self.skipped), question)


def everything(series: Mapping[str, Texts]) -> NDArray[np.bool_]:
    return np.ones(len(series["container_id"].codes), np.bool_)


def key(row: ProcessRow) -> Key:
    return row.time_ms, row.pid, row.cpu_usec


def keys(part: Columns) -> Iterator[Key]:
    return zip(times_of(part).tolist(), part["pid"].tolist(), part["cpu_usec"].tolist(), strict=True)  # type: ignore[union-attr]


def read(scan: TableScan, between: Callable[[int], None] = lambda _: None) -> Counter[Key]:
    """Read all parts. `between`: called with the number of each part before it is read."""
    found: Counter[Key] = Counter()
    last = dict[int, int]()
    for number in range(10_000):
        between(number)
        part = scan.next_part()
        if part is None:
            return found
        for row in keys(part):
            found[row] += 1
        for pid in {row[1] for row in keys(part)}:
            times = [row[0] for row in keys(part) if row[1] == pid]
            assert min(times) > last.get(pid, 0)
            last[pid] = max(times)
    raise AssertionError("the scan does not end")


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


@pytest.mark.parametrize("at_part", [0, 1, 4, 11])
@pytest.mark.parametrize("removes", [True, False])
def test_an_hour_that_is_merged_between_two_parts_is_read_once(tables: Tables, at_part: int, removes: bool) -> None:
    for number in range(10):
        tables.window(number, tables.window_rows(number))
    tables.window(40, tables.window_rows(40))
    scan = tables.scan()

    def happen(part: int) -> None:
        if part == at_part:
            tables.merge(removes=removes)

    assert read(scan, happen) == tables.rows
    assert read(tables.scan()) == tables.rows
    assert scan.skipped_files == 0


@pytest.mark.parametrize("seed", range(8))
def test_each_row_is_read_once_whatever_happens_meanwhile(tables: Tables, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(12):
        tables.window(number, tables.window_rows(number))
    if dice.random() < 0.7:
        tables.merge(removes=dice.random() < 0.7)
    for number in dice.sample(range(12, 20), 3):
        tables.window(number, tables.window_rows(number))  # recorded late
    if not (tables.folder / layout.table_name("processes", HOUR_MS + 5 * WINDOW_MS)).exists():
        tables.window(5, tables.window_rows(5, cpu=7.0))  # recorded again after a clock step
    left = tables.window_rows(41)
    tables.journal(41, left)
    steps: list[Callable[[], None]] = [
        tables.merge,
        lambda: tables.close(41, left),
        tables.merge,
        lambda: tables.merge(HOUR_MS + layout.HOUR_MS),
    ]
    at_parts = sorted(dice.sample(range(12), len(steps)))

    def happen(part: int) -> None:
        while at_parts and at_parts[0] <= part:
            at_parts.pop(0)
            steps.pop(0)()

    found = read(tables.scan(), happen)
    expected = tables.rows
    assert found == expected
    assert read(tables.scan()) == expected
    assert len(tables.skipped) == 0


def test_only_hours_and_windows_of_the_range_are_read(tables: Tables) -> None:
    for number in range(45):
        tables.window(number, tables.window_rows(number, rounds=9))
    tables.merge()
    in_second_hour = read(tables.scan(HOUR_MS + layout.HOUR_MS + 200_000, HOUR_MS + layout.HOUR_MS + 300_000))
    at_end_of_first = read(tables.scan(HOUR_MS + layout.HOUR_MS - 60_000, HOUR_MS + layout.HOUR_MS))

    assert {row[0] for row in in_second_hour} == set(range(HOUR_MS + 3_690_000, HOUR_MS + 3_960_000, 10_000))
    assert min(row[0] for row in at_end_of_first) >= HOUR_MS + layout.HOUR_MS - 60_000 - 2 * WINDOW_MS
    assert max(row[0] for row in at_end_of_first) == HOUR_MS + layout.HOUR_MS - 10_000


def test_of_a_damaged_merged_table_the_windows_that_are_still_there_are_read(tables: Tables) -> None:
    for number in range(4):
        tables.window(number, tables.window_rows(number))
    tables.merge(removes=False)
    hour = tables.folder / layout.table_hour_name("processes", HOUR_MS)
    content = bytearray(hour.read_bytes())
    content[-30] ^= 1
    hour.write_bytes(content)
    scan = tables.scan()

    assert read(scan) == tables.rows
    assert scan.skipped_files == 1
    assert [entry["file"].rsplit("/", 1)[1] for entry in tables.skipped.newest()] == [hour.name]


def test_a_merged_table_with_a_damaged_byte_is_skipped_or_right(tables: Tables) -> None:
    """Only the pages that are needed are read, so a question may not meet the damage; it never gets a wrong row."""
    for number in range(3):
        tables.window(number, tables.window_rows(number))
    tables.merge()
    hour = tables.folder / layout.table_hour_name("processes", HOUR_MS)
    whole, dice, skipped = hour.read_bytes(), random.Random(1), 0
    for _ in range(150):
        at = dice.randrange(len(whole))
        rest = b"" if dice.random() < 0.2 else bytes([whole[at] ^ 1 << dice.randrange(8)]) + whole[at + 1 :]
        hour.write_bytes(whole[:at] + rest)
        scan = tables.scan()
        found = read(scan)
        skipped += scan.skipped_files
        assert found == (tables.rows if not scan.skipped_files else Counter())
    assert 50 < skipped < 150
