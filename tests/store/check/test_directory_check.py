"""The check finds each kind of damage, and none in the files that a collector leaves at any moment."""

import json
import operator
import os
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from fgm import iso_time
from fgm.store.check.directory_check import check
from fgm.store.directory import atomic, layout
from fgm.store.index import index_file
from fgm.store.index.index_file import Index, IndexEntry
from fgm.store.journal.journal_writer import JournalWriter
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import ProcessRow

HEADER = FileHeader("node-1", "node-1", 1000, 90)
LONG = replace(HEADER, rotation_s=2100)  # a window from 15:45 to 16:20
COLUMNS = ("memory.current",)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
NODE = Series("node", node_name="node-1")
WINDOW, JOURNAL = "metrics-20251230T160000Z.parquet", "live-20251230T160130Z.journal"
OTHER_JOURNAL, NEXT = "live-20251230T170000Z.journal", "metrics-20251230T160130Z.parquet"
INSIDE, HOUR = "metrics-20251230T160030Z.parquet", "metrics-20251230T160000Z--PT1H.parquet"
HOUR_BEFORE = "metrics-20251230T150000Z--PT1H.parquet"
TOMORROW = "metrics-20251231T160000Z.parquet"
DETAILS = "processes-20251230T160000Z.parquet"
ID = "ab" * 32


def window(*seconds: int, columns: tuple[str, ...] = COLUMNS, header: FileHeader = HEADER) -> bytes:
    count = len(seconds)
    time_ms = START_MS + np.array(seconds, np.int64) * 1000
    chunk = Chunk(NODE, time_ms, np.zeros(count), {name: np.ones(count) for name in columns})
    return encode([chunk], dict.fromkeys(columns, "integer"), header)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of one writer, in a data directory with one closed window, one open one, an index and a lock."""
    folder = tmp_path / "dt=2025-12-30" / "identifier=node-1"
    atomic.make_folder(str(folder))
    atomic.publish(str(folder), WINDOW, window(*range(90)))
    journal = JournalWriter(str(folder / JOURNAL), HEADER, COLUMNS)
    for second in range(90, 100):
        journal.append(Tick(START_MS + second * 1000, (NODE,), np.ones((1, 2))))
    journal.close()
    entry = IndexEntry(ID, START_MS, START_MS + 90_000)
    index = Index({ID[:12]: entry}, START_MS, START_MS, START_MS + 90_000)
    atomic.publish(str(tmp_path), layout.INDEX_NAME, index_file.dump(index))
    (tmp_path / layout.LOCK_NAME).touch()
    (tmp_path / layout.LOCK_NAME).chmod(0o644)
    return folder


def test_the_files_of_a_recording_collector_are_in_order(folder: Path) -> None:
    report = check(str(folder.parent.parent))

    assert report.problems == []
    assert report.counts == {
        "Parquet files": 1,
        "rows": 90,
        "journals": 1,
        "containers": 1,
        "bytes of torn frames": 0,
    }
    assert report.summary.endswith("90 rows: all in order")


def test_a_directory_that_is_a_separate_disk_is_in_order(folder: Path) -> None:
    (folder.parent.parent / "lost+found").mkdir(mode=0o700)

    assert check(str(folder.parent.parent)).problems == []


def test_the_rest_of_a_kill_is_in_order_and_counted(folder: Path) -> None:
    with (folder / JOURNAL).open("ab") as journal:
        journal.write(b"\x40\0\0\0half")
    (folder / "metrics-20251230T160130Z.parquet.tmp").write_bytes(b"half")
    (folder.parent.parent / "index.json.tmp").touch()
    (folder.parent.parent / "index.json.tmp").chmod(0o644)
    (folder.parent.parent / ".lock.tmp").touch()
    (folder / f"bad-{WINDOW}").touch()

    report = check(str(folder.parent.parent))

    assert report.problems == []
    assert report.counts["bytes of torn frames"] == 8
    assert report.counts["temporary files"] == 1
    assert report.counts["files set aside"] == 1


def test_an_empty_directory_has_no_problems_and_a_missing_one_has(tmp_path: Path) -> None:
    assert check(str(tmp_path)).problems == []
    assert check(str(tmp_path / "none")).problems == [(str(tmp_path / "none"), "there is no such directory")]


def test_a_directory_without_data_is_summed_up_as_such(tmp_path: Path) -> None:
    empty, missing = check(str(tmp_path)), check(str(tmp_path / "none"))

    assert (empty.has_data, empty.summary) == (False, "no data found")
    assert (missing.has_data, missing.summary) == (False, "no intact data found: 1 problem")


def test_the_summary_counts_in_the_singular_and_the_plural_and_leaves_out_zeros(folder: Path) -> None:
    (folder / "notes.txt").touch()

    report = check(str(folder.parent.parent))

    assert report.has_data
    assert report.summary == "1 Parquet file, 1 container, 1 journal, 90 rows: 1 problem"


def flip_a_byte(folder: Path) -> None:
    data = bytearray((folder / WINDOW).read_bytes())
    data[200] ^= 1
    (folder / WINDOW).write_bytes(data)


def swap_for(data: bytes, name: str = WINDOW) -> Callable[[Path], None]:
    return lambda folder: atomic.publish(str(folder), name, data)


def make(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).touch()


def bad_index(*path: str, second: int) -> Callable[[Path], None]:
    """Set one time of a good index, at this path in the JSON; `dump` never writes such an index."""
    index = json.loads(
        index_file.dump(Index({ID[:12]: IndexEntry(ID, START_MS, START_MS)}, START_MS, START_MS, START_MS))
    )
    reduce(operator.getitem, path[:-1], index)[path[-1]] = iso_time.format_seconds(START_MS + second * 1000)
    return lambda folder: atomic.publish(str(folder.parent.parent), "index.json", json.dumps(index).encode())


@pytest.mark.parametrize(
    ("damage", "name", "sentence"),
    [
        (flip_a_byte, WINDOW, "checksum"),
        (lambda folder: os.truncate(folder / WINDOW, 500), WINDOW, "not a whole Parquet file"),
        (lambda folder: (folder / WINDOW).chmod(0o600), WINDOW, "its mode is 0600, not 0644"),
        (lambda folder: folder.chmod(0o700), "identifier=node-1", "its mode is 0700, not 0755"),
        (lambda folder: folder.parent.chmod(0o700), "dt=2025-12-30", "its mode is 0700, not 0755"),
        (make("notes.txt"), "notes.txt", "fgm creates nothing with this name here"),
        (make(f"{WINDOW}.tmp"), f"{WINDOW}.tmp", "fgm creates nothing with this name here"),
        (make("../../notes.txt"), "notes.txt", "fgm creates nothing with this name here"),
        (make("../notes"), "notes", "not an identifier= folder"),
        (lambda folder: (folder.parent.parent / "dt=2025-12-29").touch(), "dt=2025-12-29", "not a folder"),
        (lambda folder: (folder.parent / "identifier=x").touch(), "identifier=x", "not a folder"),
        (lambda folder: os.mkfifo(folder.parent.parent / "index.json.tmp"), "index.json.tmp", "not a regular file"),
        (lambda folder: (folder.parent.parent / "session.json").mkdir(), "session.json", "not a regular file"),
        (lambda folder: os.symlink(WINDOW, folder / OTHER_JOURNAL), OTHER_JOURNAL, "a symbolic link"),
        (lambda folder: (folder / OTHER_JOURNAL).mkdir(), OTHER_JOURNAL, "not a regular file"),
        (lambda folder: (folder / JOURNAL).rename(folder / OTHER_JOURNAL), OTHER_JOURNAL, "outside its window"),
        (swap_for(window(5), TOMORROW), TOMORROW, "outside its window"),
        (swap_for(window(5), TOMORROW), TOMORROW, "in the folder of another day"),
        (swap_for(window(-1, 5)), WINDOW, "rows of node are outside its window"),
        (swap_for(window(5, 90)), WINDOW, "rows of node are outside its window"),
        (swap_for(window(1, header=FileHeader("n", "node-2", 1000, 90))), WINDOW, "written by node-2"),
        (swap_for(window(91, columns=("memory.peak",)), NEXT), NEXT, "its columns differ from those of"),
        (swap_for(window(30, header=FileHeader("n", "node-1", 1000, 30)), INSIDE), INSIDE, f"that {WINDOW} also has"),
        (
            swap_for(window(-900, 5, header=LONG), HOUR_BEFORE),
            WINDOW,
            f"it has rows of node that {HOUR_BEFORE} also has",
        ),
        (lambda folder: (folder.parent.parent / "index.json").write_bytes(b"{"), "index.json", "not an index"),
        (bad_index("containers", ID[:12], "last_seen", second=-1), "index.json", "before it was first seen"),
        (bad_index("containers", ID[:12], "last_seen", second=1), "index.json", "after the latest data"),
        (bad_index("data_range", "latest", second=-1), "index.json", "ends before it begins"),
    ],
)
def test_each_kind_of_damage_is_reported(
    folder: Path, damage: Callable[[Path], object], name: str, sentence: str
) -> None:
    damage(folder)

    problems = check(str(folder.parent.parent)).problems
    assert [path for path, text in problems if os.path.basename(path) == name and sentence in text], problems


def processes(second: int = 0, header: FileHeader = HEADER) -> bytes:
    time_ms = START_MS + second * 1000
    row = ProcessRow(time_ms, ID, None, None, None, None, 7, START_MS, "app", 1.0, 1.0, 1.0, None)
    return process_tables.encode("processes", [row], header)


def test_the_tables_of_a_window_and_their_temporary_files_are_in_order(folder: Path) -> None:
    atomic.publish(str(folder), DETAILS, processes())
    (folder / f"{DETAILS}.tmp").write_bytes(b"half")
    report = check(str(folder.parent.parent))

    assert report.problems == []
    assert (report.counts["processes files"], report.counts["temporary files"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (DETAILS, b"PAR1 not really PAR1", "impossible"),
        (DETAILS, processes(90), "it has rows outside its window"),
        (DETAILS, processes(header=FileHeader("x", "x", 1000, 90)), "written by x, but in the folder of node-1"),
        (DETAILS.replace("20251230", "20251231"), processes(), "in the folder of another day"),
        (
            DETAILS.replace("processes", "regions"),
            processes(),
            "the name of a table of regions, but is a table of processes",
        ),
        (DETAILS, processes(header=FileHeader("x", "node-1", 1000, 0)), "a rotation interval of 0 s"),
    ],
)
def test_a_table_that_differs_from_its_name_is_reported(folder: Path, name: str, content: bytes, sentence: str) -> None:
    atomic.publish(str(folder), name, content)

    assert any(sentence in found for _, found in check(str(folder.parent.parent)).problems)


@pytest.mark.parametrize(
    ("series", "late_ms", "problems"),
    [
        (Series("container", ID), -600.0, []),
        (Series("sandbox", ID), -600.0, []),
        (Series("container", ID), -1600.0, [f"rows of {ID} were read earlier than the rows before them"]),
        (NODE, -600.0, ["rows of node were read before their tick"]),
    ],
)
def test_only_the_last_row_of_a_container_or_a_sandbox_may_have_been_read_before_its_tick(
    tmp_path: Path, series: Series, late_ms: float, problems: list[str]
) -> None:
    folder = tmp_path / "dt=2025-12-30" / "identifier=node-1"
    atomic.make_folder(str(folder))
    journal = JournalWriter(str(folder / JOURNAL), HEADER, COLUMNS)
    for second, late in ((90, 5.0), (91, late_ms)):
        journal.append(Tick(START_MS + second * 1000, (series,), np.array([[late, 1.0]])))
    journal.close()

    assert [sentence for path, sentence in check(str(tmp_path)).problems if path.endswith("journal")] == problems
