"""Process and region tables: other tools can read them, and a damaged one is refused before a library opens it."""

import random
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.table_block import TableBlock
from fgm.store.tables.table_rows import LabelledRow, ProcessRow

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
ROWS = [
    ProcessRow(
        START_MS + 1000 * second, "c" * 64, None, "pod", "ns", None, pid, START_MS - 5, comm, 1e6, 4096.0, 3, fds
    )
    for second in range(3)
    for pid, comm, fds in ((7, "a) b\n", 4.0), (8, "ünï", None))
]


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "processes-20251230T160000Z.parquet"
    path.write_bytes(process_tables.encode("processes", ROWS[::-1], HEADER))
    return str(path)


def test_rows_are_read_as_they_were_written_in_order(path: str) -> None:
    assert process_tables.rows(path) == [*ROWS[::2], *ROWS[1::2]]  # by process, then by time
    assert process_tables.verify(path) == TableBlock("processes", HEADER, START_MS, START_MS + 2000, 6)


def test_other_tools_read_process_tables(path: str) -> None:
    frame = pd.read_parquet(path)
    assert list(frame.columns) == [name.removesuffix("_ms") for name in ProcessRow._fields[:-2]] + [
        "late_us",
        "children_cpu_usec",
    ]
    assert frame["time"].dt.tz is not None
    assert frame["time"].iloc[0] == pd.Timestamp("2025-12-30T16:00:00Z")
    assert frame["comm"].tolist() == ["a) b\n"] * 3 + ["ünï"] * 3
    assert frame["container_name"].isna().all()
    found = duckdb.connect().execute(
        f"SELECT pid, max(cpu_usec), count(fds) FROM '{path}' WHERE time >= TIMESTAMPTZ '2025-12-30 16:00:01Z' "
        "GROUP BY pid ORDER BY pid"
    )
    assert found.fetchall() == [(7, 1e6, 2), (8, 1e6, 0)]


def test_a_labelled_table_is_sorted_by_series_label_and_time(tmp_path: Path) -> None:
    path = tmp_path / "labelled-20251230T160000Z.parquet"
    rows = [
        LabelledRow(START_MS + 10_000 * i, scope, container, None, "pod", "ns", "u", "/c", metric, label, 2.0**40 + i)
        for scope, container in (("container", "c" * 64), ("node", None))
        for metric in ("io.stat.rbytes", "io.stat.wbytes")
        for label in ("nvme0n1", "sd/ä")
        for i in range(3)
    ]
    path.write_bytes(process_tables.encode("labelled", rows[::-1], HEADER))
    assert process_tables.rows(str(path)) == rows
    assert process_tables.verify(str(path)) == TableBlock("labelled", HEADER, START_MS, START_MS + 20_000, 24)
    found = duckdb.connect().execute(
        f"SELECT scope, label, max(value) - min(value) FROM '{path}' WHERE metric = 'io.stat.rbytes' GROUP BY ALL "
        "ORDER BY ALL"
    )
    assert found.fetchall() == [(s, label, 2.0) for s in ("container", "node") for label in ("nvme0n1", "sd/ä")]


def test_the_documented_query_gives_processor_time_as_millicores(tmp_path: Path) -> None:
    folder = tmp_path / "dt=2025-12-30" / "identifier=worker-3"
    folder.mkdir(parents=True)
    rows = [ROWS[0]._replace(time_ms=START_MS + 10_000 * i, cpu_usec=5e6 + 1e6 * i) for i in range(3)]
    rows.append(rows[2]._replace(start_time_ms=START_MS + 15_000, cpu_usec=1.0))  # another process of the same pid
    (folder / "processes-20251230T160000Z.parquet").write_bytes(process_tables.encode("processes", rows, HEADER))
    found = duckdb.connect().execute(
        f"""SELECT millicores FROM (SELECT time, pid, comm,
                   (cpu_usec - lag(cpu_usec) OVER each) / 1000 / epoch(time - lag(time) OVER each) AS millicores
            FROM read_parquet('{tmp_path}/dt=*/identifier=*/processes-*.parquet', hive_partitioning = true)
            WHERE container_id = '{"c" * 64}' WINDOW each AS (PARTITION BY pid, start_time ORDER BY time)
            ORDER BY time, millicores DESC)"""
    )

    assert sorted(row[0] or 0 for row in found.fetchall()) == [0, 0, 100, 100]


def test_files_have_the_same_columns_whatever_is_null_in_them(path: str, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    other.write_bytes(process_tables.encode("processes", [ROWS[0]._replace(pod_name=None, fds=None)], HEADER))

    assert pq.read_schema(path).remove_metadata() == pq.read_schema(other).remove_metadata()


def test_a_table_without_rows_has_no_file() -> None:
    with pytest.raises(ValueError, match="without rows"):
        process_tables.encode("processes", [], HEADER)


def test_any_damage_is_found_by_the_checksums(path: str, tmp_path: Path) -> None:
    """After any byte is changed or the file is cut anywhere, reading it raises only BadFileError."""
    whole, dice = Path(path).read_bytes(), random.Random(7)
    for _ in range(300):
        at = dice.randrange(len(whole))
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]):
            bad = tmp_path / "bad.parquet"
            bad.write_bytes(damaged)
            with pytest.raises(BadFileError):
                process_tables.rows(str(bad))


def test_a_process_table_is_not_a_window_file(path: str) -> None:
    with pytest.raises(BadFileError, match="malformed block"):
        WindowFile.open(path)
