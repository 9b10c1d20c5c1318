"""A journal of a table gives back every row that was appended, wherever a kill cut it off."""

from pathlib import Path

import pytest

from fgm.store.errors import BadFileError
from fgm.store.journal.frame import pack_frame
from fgm.store.journal.payload import pack_json
from fgm.store.samples.header import FileHeader
from fgm.store.tables import table_journal
from fgm.store.tables.table_journal import TableJournal
from fgm.store.tables.table_rows import ProcessRow, RegionRow, Row

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
REGION = RegionRow(START_MS, "c" * 64, None, None, None, None, 7, START_MS, "app", "[heap]", 5.0, 4.0, 3.0, 2.0, 1.0)


def process(second: int) -> ProcessRow:
    names = ("c" * 64, None, "pod", "ns", None)
    numbers = (1e6, 4096.0, 3.0, None)
    return ProcessRow(START_MS + second * 1000, *names, 7, START_MS - 5, "a) ü\n", *numbers, "/a", 1.5)


def rows(path: Path) -> list[Row]:
    return [row for _, group in table_journal.read(str(path)) for row in group]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "processes-20251230T160000Z.journal"


def test_rows_are_read_while_they_are_appended(path: Path) -> None:
    journal = TableJournal(str(path), "processes", HEADER)
    assert rows(path) == []
    journal.append([process(0), process(1)])
    assert rows(path) == [process(0), process(1)]
    journal.append([process(2)])
    journal.close()

    assert [(header, len(group)) for header, group in table_journal.read(str(path))] == [(HEADER, 2), (HEADER, 1)]
    assert path.stat().st_mode & 0o777 == 0o644


def test_wherever_a_kill_cuts_it_off_whole_groups_are_read_and_it_can_be_continued(path: Path) -> None:
    journal = TableJournal(str(path), "processes", HEADER)
    ends = [path.stat().st_size]
    for second in range(3):
        journal.append([process(second)])
        ends.append(path.stat().st_size)
    journal.close()
    whole = path.read_bytes()
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        expected = [process(second) for second in range(sum(size >= end for end in ends) - 1)]
        assert rows(path) == expected
        continued = TableJournal(str(path), "processes", HEADER)
        assert continued.count == len(expected)
        continued.append([process(9)])
        continued.close()
        assert rows(path) == [*expected, process(9)]


def test_regions_have_journals_too(path: Path) -> None:
    journal = TableJournal(str(path), "regions", HEADER)
    journal.append([REGION])
    journal.close()

    assert rows(path) == [REGION]


def test_another_file_is_refused_and_left_as_it_is(path: Path) -> None:
    content = pack_frame(b"R" + pack_json([[1]]))
    path.write_bytes(content)
    with pytest.raises(BadFileError, match="not expected"):
        rows(path)
    with pytest.raises(BadFileError):
        TableJournal(str(path), "processes", HEADER)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "wrong",
    [{"pid": "7"}, {"time_ms": 1.5}, {"time_ms": 1 << 63}, {"cpu_usec": 10**400}, {"comm": None}, {"cgroup": ["/a"]}],
)
def test_a_row_with_a_value_of_another_type_is_malformed(path: Path, wrong: dict[str, object]) -> None:
    journal = TableJournal(str(path), "processes", HEADER)
    journal.append([process(0)])
    journal.append([process(1), process(2)._replace(**wrong)])  # type: ignore[arg-type] # the fault
    journal.close()
    groups = table_journal.read(str(path))

    assert next(groups) == (HEADER, [process(0)])
    with pytest.raises(BadFileError, match=f"malformed frame: {next(iter(wrong))} has a"):
        next(groups)


def test_rows_before_a_damaged_frame_are_read_and_the_damage_is_told(path: Path) -> None:
    journal = TableJournal(str(path), "processes", HEADER)
    journal.append([process(0)])
    end = path.stat().st_size
    journal.append([process(1)])
    journal.append([process(2)])
    journal.close()
    content = bytearray(path.read_bytes())
    content[end + 20] ^= 1
    path.write_bytes(content)
    groups = table_journal.read(str(path))

    assert next(groups) == (HEADER, [process(0)])
    with pytest.raises(BadFileError, match="damaged"):
        next(groups)
    with pytest.raises(BadFileError, match="damaged"):
        TableJournal(str(path), "processes", HEADER)
    assert path.read_bytes() == content
