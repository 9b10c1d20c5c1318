"""Tables of an hour in one: each row once and in order, whatever the tables are; only what a question needs is read."""

import io
import os
import random
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pytest

from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.merged_tables import Merged, merge_tables
from fgm.store.tables.table_file import TableFile
from fgm.store.tables.table_rows import ORDER, LabelledRow, ProcessRow, Row
from tests.support.incidents import unpacked

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
CONTAINERS = ["a" * 64, "b" * 64, "c" * 64]


def process(second: int, pid: int, container: str | None = CONTAINERS[0], **others: object) -> ProcessRow:
    cgroup = f"/pods/{container}" if container else "/system.slice/sshd.service"
    at_ms = START_MS + 1000 * second
    row = ProcessRow(at_ms, container, None, "pod", None, "u", pid, 5, "work", 1e4 * second, 4096, 1, None, cgroup, 0.5)
    return row._replace(**others)  # type: ignore[arg-type]  # by the tests


def keys(row: Row) -> list[tuple[bool, object]]:
    return [((value := getattr(row, field)) is not None, value) for field in ORDER["processes"]]


def table(folder: Path, number: int, rows: Sequence[Row], header: FileHeader = HEADER) -> str:
    kind: TableKind = "processes" if isinstance(rows[0], ProcessRow) else "labelled"
    path = folder / layout.table_name(kind, START_MS + number * 90_000)
    path.write_bytes(process_tables.encode(kind, rows, header))
    return str(path)


def merged(folder: Path, *paths: str) -> tuple[Merged, str]:
    path = folder / "processes-20251230T160000Z--PT1H.parquet"
    with (folder / "merged.tmp").open("w+b") as file:
        result = merge_tables(file, "processes", paths)
    (folder / "merged.tmp").rename(path)
    return result, str(path)


def test_each_row_is_there_once_and_in_order(tmp_path: Path) -> None:
    dice = random.Random(7)
    windows = [
        [
            process(90 * number + dice.randrange(90), pid, dice.choice([*CONTAINERS, None]), comm=dice.choice("xyzä"))
            for pid in range(100)
        ]
        for number in range(5)
    ]
    paths = [table(tmp_path, number, rows) for number, rows in enumerate(windows)]
    result, path = merged(tmp_path, *paths)

    rows = [row for rows in windows for row in rows]
    assert process_tables.rows(path) == sorted(rows, key=keys)
    assert result.block == process_tables.verify(path)
    assert result.block is not None
    assert (result.block.first_ms, result.block.last_ms) == (min(row[0] for row in rows), max(row[0] for row in rows))
    fingerprints = [process_tables.verify(path).fingerprint for path in paths]
    assert result.block.sources == tuple(map(Source, map(os.path.basename, paths), fingerprints))
    assert result.skipped == ()
    sums = "SELECT count(*), sum(cpu_usec), sum(pid), count(DISTINCT comm), max(late_us), count(fds) FROM read_parquet("
    connection = duckdb.connect()
    assert connection.execute(f"{sums}'{path}')").fetchall() == connection.execute(f"{sums}{paths})").fetchall()


def test_tables_of_the_first_version_are_merged_with_those_of_this_one(tmp_path: Path) -> None:
    older = sorted(map(str, unpacked(tmp_path).glob("dt=*/*/processes-*.parquet")))
    header = process_tables.verify(older[0]).header
    newer = table(tmp_path, 0, [process(5, 7)], header=FileHeader(header.node_name, "x", 1000, 90))
    result, path = merged(tmp_path, *older, newer)

    rows = [row for path in (*older, newer) for row in process_tables.rows(path)]
    assert len(older) >= 2
    assert process_tables.rows(path) == sorted(rows, key=keys)
    assert result.block is not None
    assert result.block.header.format_version == 4


def test_rows_that_are_equal_count_once_and_rows_of_the_same_time_are_kept(tmp_path: Path) -> None:
    """A kill may leave a table and its journal, and a clock that was set back has a process twice at one time."""
    first = [process(second, 7) for second in range(0, 90, 10)]
    hour_paths = [table(tmp_path, 0, first), table(tmp_path, 1, [process(100, 8)])]
    _, hour = merged(tmp_path, *hour_paths)
    again = [first[2], first[3], first[3]._replace(cpu_usec=3.0), first[3]._replace(comm=""), process(15, 7)]
    late = table(tmp_path, 0, [*again, first[3]])
    result, path = merged(tmp_path, hour, late)

    assert sorted(process_tables.rows(path), key=repr) == sorted([*first, process(100, 8), *again[2:]], key=repr)
    assert process_tables.rows(path) == sorted(process_tables.rows(path), key=keys)
    assert result.block is not None
    assert [name for name, _ in result.block.sources] == [os.path.basename(path) for path in hour_paths]
    assert result.block.sources[0].fingerprint == process_tables.verify(late).fingerprint


def test_what_cannot_be_merged_is_left_out_and_named(tmp_path: Path) -> None:
    good = table(tmp_path, 0, [process(1, 7)])
    other = table(tmp_path, 1, [process(91, 7)])
    labelled = table(tmp_path, 2, [LabelledRow(START_MS, "node", None, None, None, None, None, None, "m", "sda", 1.0)])
    damaged = table(tmp_path, 3, [process(271, 7)])
    content = bytearray(Path(damaged).read_bytes())
    content[300] ^= 1
    Path(damaged).write_bytes(content)
    of_other_node = table(tmp_path, 4, [process(0, 7)], header=FileHeader("worker-4", "worker-3", 1000, 90))
    result, path = merged(tmp_path, good, other, labelled, damaged, of_other_node)

    assert process_tables.rows(path) == [process(1, 7), process(91, 7)]
    assert [(path, reason.split(" ")[-1]) for path, reason in result.skipped] == [
        (labelled, "labelled"),
        (damaged, "checksum"),
        (of_other_node, "worker-3"),
    ]
    assert merge_tables(file := io.BytesIO(), "processes", [damaged]).block is None
    assert file.getvalue() == b""


def test_only_the_rows_of_the_wanted_series_are_read(tmp_path: Path) -> None:
    rows: list[Row] = [process(second, pid, name) for name in CONTAINERS for pid in range(300) for second in range(20)]
    _, path = merged(tmp_path, table(tmp_path, 0, rows))
    with TableFile.open(path) as file:
        texts = file.of_runs("container_id")
        wanted = [value == CONTAINERS[1] for value in texts.values]
        columns = file.columns(("pid", "container_id"), lambda series: np.array(wanted)[series["container_id"].codes])
        pages = file.block.columns["pid"].pages
    # Damage in the pages of other containers is not met, because they are not read.
    assert len(pages) == 3
    content = bytearray(Path(path).read_bytes())
    content[pages[0].offset + 20] ^= 1
    Path(path).write_bytes(content)
    with TableFile.open(path) as file:
        again = file.columns(("pid",), lambda series: np.array(wanted)[series["container_id"].codes])
        with pytest.raises(BadFileError, match="column pid does not match its checksum"):
            file.columns(("pid",))

    assert columns["pid"].tolist() == again["pid"].tolist() == sorted(list(range(300)) * 20)  # type: ignore[union-attr]
    codes = columns["container_id"].codes.tolist()  # type: ignore[union-attr]
    assert codes == [1] * 6000
    with pytest.raises(BadFileError, match="checksum"):
        process_tables.verify(path)
