"""The scanner finds series, metrics and the extent of the data in the index and in the files."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fgm.store.index.index_file import Index, dump
from fgm.store.samples.series import Series
from fgm.viewer.contents.scanner import Scanner
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.start_up import ScanResult
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, container, counting, id_of


class ScannerRunner:
    """A scanner of one directory, called as the daemon calls it, with 5 s between two scans."""

    def __init__(self, root: Path) -> None:
        self.clock, self.skipped = FakeClock(), SkippedFiles()
        files = DataFiles(str(root), self.clock)
        self.scanner = Scanner(
            Sources(files, Journals(files, self.clock, self.skipped), self.skipped, MinuteFiles(files))
        )

    def scan(self) -> ScanResult:
        self.clock.stall(5)
        result = self.scanner.scan()
        while not self.scanner.has_nothing_to_read:
            result = self.scanner.read_more()
        return result

    @property
    def ids(self) -> set[str]:
        return set(self.scanner.holdings().series.by_id)

    @property
    def index(self) -> tuple[str, str | None]:
        return self.scanner.holdings().index, self.scanner.holdings().index_note


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def data(root: Path) -> DataDirectory:
    root.mkdir()
    return DataDirectory(root)


@pytest.fixture
def runner(root: Path) -> ScannerRunner:
    return ScannerRunner(root)


ONE, TWO = container(1), container(2)


def test_an_empty_directory_has_no_data(runner: ScannerRunner) -> None:
    result = runner.scan()
    index, note = runner.index

    assert result == ScanResult()
    assert index == "missing"
    assert note is not None
    assert "there is no directory" in note
    assert "still shown" not in note, "there was never any data"


def test_an_index_alone_lists_the_containers(data: DataDirectory, runner: ScannerRunner) -> None:
    data.write_index((ONE, T0, T0 + 5000))

    assert runner.scan().index
    assert runner.index == ("ok", None)
    assert runner.ids == {id_of(1)}


def test_services_and_the_node_come_from_the_newest_files(data: DataDirectory, runner: ScannerRunner) -> None:
    """The index contains only containers."""
    service = Series("cgroup", cgroup="/system.slice/a.service")
    data.write_index((ONE, T0, T0 + 90_000))
    data.parquet(counting(NODE, T0, 90), counting(service, T0 + 10_000, 20), counting(ONE, T0, 90))
    runner.scan()
    registered = runner.scanner.holdings().series
    entry = registered.by_id["cgroup:/system.slice/a.service"]

    assert runner.ids == {id_of(1), "node", "cgroup:/system.slice/a.service"}
    assert (entry.first_seen_ms, registered.last_seen(entry)) == (T0 + 10_000, T0 + 29_000)


def test_metrics_are_those_that_have_a_value_in_a_file(data: DataDirectory, runner: ScannerRunner) -> None:
    data.write_index()
    data.parquet(counting(ONE, T0, 3))
    runner.scan()

    assert runner.scanner.holdings().metrics == {USAGE, MEMORY}


def test_without_an_index_the_files_are_read(data: DataDirectory, runner: ScannerRunner) -> None:
    data.parquet(counting(ONE, T0, 100), counting(TWO, T0 + 95_000, 60))
    result = runner.scan()
    holdings = runner.scanner.holdings()

    assert result == ScanResult(files=True, indexed=True)
    assert runner.ids == {id_of(1), id_of(2)}
    assert holdings.index == "rebuilt"
    assert holdings.index_note is not None
    assert "all 2 files" in holdings.index_note
    assert (holdings.oldest_ms, holdings.newest_ms) == (T0, T0 + 154_000)


def test_answers_begin_before_all_files_are_read(data: DataDirectory, runner: ScannerRunner) -> None:
    data.parquet(counting(ONE, T0, 60 * 90))
    results = [runner.scanner.scan()]
    while not runner.scanner.has_nothing_to_read:
        results.append(runner.scanner.read_more())

    assert [(result.files, result.indexed) for result in results] == [
        (True, False),
        (True, False),
        (True, False),
        (True, True),
        (True, True),
    ]
    assert runner.scanner.holdings().oldest_ms == T0


def test_a_journal_alone_lists_the_series(data: DataDirectory, runner: ScannerRunner) -> None:
    data.journal(counting(ONE, T0, 3))

    assert runner.scan() == ScanResult(files=True, indexed=True)
    assert runner.ids == {id_of(1)}


def test_files_that_cannot_be_read_are_not_data(data: DataDirectory, runner: ScannerRunner) -> None:
    (path,) = data.parquet(counting(ONE, T0, 3))
    content = path.read_bytes()
    path.write_bytes(b"nonsense")

    assert not runner.scan().files
    assert len(runner.skipped) == 1

    path.write_bytes(content)

    assert runner.scan() == ScanResult(files=True, indexed=True)
    assert len(runner.skipped) == 0


def test_an_index_that_appears_later_is_used(data: DataDirectory, runner: ScannerRunner) -> None:
    data.parquet(counting(ONE, T0, 3))
    runner.scan()
    data.write_index((TWO, T0, T0 + 1000))

    assert runner.scan().index
    assert runner.index == ("ok", None)
    assert runner.ids == {id_of(1), id_of(2)}


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"schema_version": 99}', b"\xff" * 100])
def test_an_index_that_becomes_bad_removes_nothing(data: DataDirectory, runner: ScannerRunner, garbage: bytes) -> None:
    data.write_index((ONE, T0, T0 + 1000))
    runner.scan()
    data.index.write_bytes(garbage)
    runner.scan()
    index, note = runner.index

    assert index == "bad"
    assert note is not None
    assert "before is still shown" in note
    assert runner.ids == {id_of(1)}

    data.write_index((ONE, T0, T0 + 1000), (TWO, T0, T0 + 2000))
    runner.scan()

    assert runner.index == ("ok", None)
    assert runner.ids == {id_of(1), id_of(2)}


def test_an_index_that_was_always_bad_counts_as_missing(data: DataDirectory, runner: ScannerRunner) -> None:
    data.index.write_bytes(b"nonsense")

    assert runner.scan() == ScanResult()
    assert runner.index[0] == "bad"

    data.parquet(counting(ONE, T0, 3))

    assert runner.scan() == ScanResult(files=True, indexed=True)
    assert runner.index[0] == "rebuilt"


def test_an_index_is_read_as_soon_as_it_can_be_read(data: DataDirectory, runner: ScannerRunner) -> None:
    """Correcting its mode changes neither its inode, nor its size, nor its mtime."""
    data.write_index((ONE, T0, T0 + 1000))
    content, status = data.index.read_bytes(), data.index.stat()
    data.index.rename(data.index.with_name("kept"))
    data.index.symlink_to("kept")
    runner.scan()

    assert runner.index[0] == "bad"

    data.index.unlink()
    data.index.with_name("kept").rename(data.index)

    assert (data.index.read_bytes(), data.index.stat().st_mtime_ns) == (content, status.st_mtime_ns)
    assert runner.scan().index
    assert runner.index == ("ok", None)


def test_an_index_behind_a_link_is_not_read(data: DataDirectory, runner: ScannerRunner, tmp_path: Path) -> None:
    data.write_index((ONE, T0, T0))
    data.index.rename(tmp_path / "elsewhere.json")
    data.index.symlink_to(tmp_path / "elsewhere.json")

    assert not runner.scan().index
    assert runner.index[0] == "bad"


def test_a_directory_that_disappears_is_reported_and_may_come_back(
    data: DataDirectory, root: Path, runner: ScannerRunner, tmp_path: Path
) -> None:
    data.write_index((ONE, T0, T0 + 1000))
    data.parquet(counting(ONE, T0, 3))
    runner.scan()
    root.rename(tmp_path / "away")
    runner.scan()
    index, note = runner.index

    assert index == "missing"
    assert note is not None
    assert "there is no directory" in note
    assert runner.ids == {id_of(1)}

    shutil.move(tmp_path / "away", root)
    runner.scan()

    assert runner.index == ("ok", None)


def test_a_new_container_is_registered_from_the_journal(data: DataDirectory, runner: ScannerRunner) -> None:
    data.write_index((ONE, T0, T0))
    data.journal(counting(ONE, T0, 3))
    runner.scan()
    data.journal(counting(ONE, T0 + 3000, 2), counting(TWO, T0 + 4000, 1))
    runner.clock.stall(0.5)
    runner.scanner.follow()
    registered = runner.scanner.holdings().series

    assert set(registered.by_id) == {id_of(1), id_of(2)}
    assert registered.by_id[id_of(2)].first_seen_ms == T0 + 4000
    assert registered.last_seen(registered.by_id[id_of(1)]) == T0 + 4000
    assert runner.scanner.holdings().newest_ms == T0 + 4000


def test_a_window_that_appears_without_a_journal_is_read(data: DataDirectory, runner: ScannerRunner) -> None:
    data.parquet(counting(ONE, T0, 3))
    runner.scan()
    data.parquet(counting(TWO, T0 + 90_000, 3))
    runner.scan()

    assert runner.ids == {id_of(1), id_of(2)}
    assert runner.scanner.holdings().newest_ms == T0 + 92_000


def test_names_of_the_index_have_priority_over_those_of_older_files(data: DataDirectory, runner: ScannerRunner) -> None:
    bare = Series("container", container_id=ONE.container_id)
    data.write_index((ONE, T0, T0 + 100_000))
    data.parquet(counting(bare, T0, 90))
    runner.scan()

    assert runner.scanner.holdings().series.by_id[id_of(1)].series.container_name == "name-1"


def test_of_two_nodes_in_one_directory_only_the_newest_is_shown(
    data: DataDirectory, root: Path, runner: ScannerRunner
) -> None:
    """Their series have the same names, so that an answer from both would describe neither."""
    other = DataDirectory(root)
    other.header = replace(other.header, node_name="node-2", identifier="node-2")
    data.parquet(counting(NODE, T0, 90), counting(ONE, T0, 90))
    other.parquet(counting(NODE, T0 - 90_000, 90), counting(TWO, T0 - 90_000, 90))
    runner.scan()

    assert runner.ids == {"node", id_of(1)}
    assert runner.scanner.holdings().oldest_ms == T0
    assert len(runner.skipped) == 0, "nothing is wrong with the other node's files"
    note = runner.index[1]
    assert note is not None
    assert "only node-1 is shown, not node-2" in note

    other.parquet(counting(NODE, T0 + 360_000, 90), counting(TWO, T0 + 360_000, 90))
    runner.scan()
    runner.scan()

    assert runner.ids == {"node", id_of(2)}
    assert runner.scanner.holdings().node_name == "node-2"
    assert "only node-2 is shown, not node-1" in str(runner.index[1])


def test_the_series_of_a_node_continue_after_its_pod_was_replaced(
    data: DataDirectory, root: Path, runner: ScannerRunner
) -> None:
    """The new pod has another identifier on the same node."""
    other = DataDirectory(root)
    other.header = replace(other.header, identifier="another-pod")
    data.parquet(counting(ONE, T0, 90))
    other.parquet(counting(TWO, T0 + 90_000, 90))
    runner.scan()

    assert runner.ids == {id_of(1), id_of(2)}
    assert len(runner.skipped) == 0


def test_damage_inside_a_journal_is_reported_and_the_part_before_it_is_served(
    data: DataDirectory, runner: ScannerRunner
) -> None:
    path = data.journal(counting(ONE, T0, 20))
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 0xFF
    path.write_bytes(content)
    runner.scan()

    assert runner.ids == {id_of(1)}
    assert [skipped["reason"] for skipped in runner.skipped.newest()] == [
        "damaged; only the ticks before the damage are shown"
    ]


def test_an_index_without_containers_is_valid(data: DataDirectory, runner: ScannerRunner) -> None:
    """A machine without containers has such an index before its first window is closed."""
    data.index.write_bytes(dump(Index()))
    data.journal(counting(NODE, T0, 5))
    runner.scan()

    assert runner.index == ("ok", None)


HOUR_MS = 3_600_000


@pytest.fixture
def present(root: Path) -> ScannerRunner:
    """Return a scanner whose time is two minutes after T0."""
    runner = ScannerRunner(root)
    runner.clock.step_wall(T0 / 1000 + 120 - runner.clock.wall_ns() / 1e9)
    return runner


@pytest.mark.parametrize("ahead_ms", [2 * HOUR_MS, 240 * HOUR_MS])
def test_data_of_a_clock_that_was_ahead_is_not_the_newest(
    data: DataDirectory, present: ScannerRunner, ahead_ms: int
) -> None:
    """A container that exited meanwhile has a `last_seen` in the future; the journal is not among the newest files."""
    data.parquet(counting(NODE, T0, 30), counting(ONE, T0, 30), counting(TWO, T0, 30))
    data.parquet(counting(NODE, T0 + ahead_ms, 1800), counting(TWO, T0 + ahead_ms, 1800))
    data.journal(counting(NODE, T0 + 90_000, 20), counting(ONE, T0 + 90_000, 20))
    data.write_index(
        (ONE, T0, T0 + ahead_ms), (TWO, T0, T0 + ahead_ms), (container(3), T0 + ahead_ms, T0 + ahead_ms + 9)
    )
    present.scan()
    holdings = present.scanner.holdings()

    assert holdings.newest_ms == T0 + 109_000
    assert present.ids == {id_of(1), id_of(2), "node"}
    snapshot = holdings.series
    last_seen_ms = {each.id: snapshot.last_seen(each) for each in snapshot.by_id.values()}
    assert last_seen_ms == {id_of(1): T0 + 109_000, id_of(2): T0 + 29_000, "node": T0 + 109_000}
    two = snapshot.find(id_of(2))
    assert two is not None
    assert snapshot.is_within(two, T0 + 60_000, T0 + 70_000)  # its true end is unknown
    assert "times that have not come yet" in (holdings.index_note or "")


def test_a_clock_that_is_set_back_makes_the_scanner_start_again(data: DataDirectory, present: ScannerRunner) -> None:
    present.clock.step_wall(7200)
    data.parquet(counting(NODE, T0 + 2 * HOUR_MS, 60), counting(TWO, T0 + 2 * HOUR_MS, 60))
    present.scan()
    assert present.scanner.holdings().newest_ms == T0 + 2 * HOUR_MS + 59_000

    present.clock.step_wall(-7200)
    data.journal(counting(NODE, T0 + 90_000, 30), counting(ONE, T0 + 90_000, 30))
    present.scanner.follow()
    assert present.scanner.holdings().newest_ms == T0 + 119_000
    present.scan()
    assert present.ids == {id_of(1), "node"}

    present.clock.step_wall(7200)
    present.scan()
    assert present.ids == {id_of(1), id_of(2), "node"}


def test_a_window_that_is_recorded_again_shows_nothing_of_its_earlier_rows(
    data: DataDirectory, present: ScannerRunner
) -> None:
    """The clock was set back within a window. A container ended before that, at a time that has not come yet."""
    data.parquet(counting(NODE, T0 + 90_000, 80), counting(TWO, T0 + 90_000, 60))
    present.scan()
    assert present.ids == {id_of(2), "node"}

    journal = data.journal(counting(NODE, T0 + 100_000, 20), counting(ONE, T0 + 100_000, 20), supersedes=True)
    for _ in range(2):
        present.scan()
    assert present.ids == {id_of(1), "node"}

    journal.unlink()
    present.scanner.follow()
    data.parquet(counting(NODE, T0 + 100_000, 80), counting(TWO, T0 + 170_000, 5))
    present.clock.stall(60)
    present.scan()
    assert present.ids == {id_of(1), id_of(2), "node"}


def test_if_all_data_is_in_the_future_the_clock_of_this_machine_is_behind(
    data: DataDirectory, runner: ScannerRunner
) -> None:
    data.parquet(counting(NODE, T0, 90))
    runner.scan()

    assert runner.scanner.holdings().newest_ms == T0 + 89_000
    assert "come yet" not in (runner.index[1] or "")


def test_a_series_begins_when_the_index_says_even_if_a_file_has_an_earlier_time(
    data: DataDirectory, present: ScannerRunner
) -> None:
    """The clock was set forward while it ran, and the collector has moved its beginning with the clock."""
    data.parquet(counting(NODE, 1_000_000, 30), counting(ONE, 1_000_000, 30), counting(ONE, T0 + 90_000, 10))
    data.write_index((ONE, T0 + 60_000, T0 + 99_000))
    present.scan()
    snapshot = present.scanner.holdings().series

    assert [each.first_seen_ms for each in snapshot.by_id.values() if each.series == ONE] == [T0 + 60_000]
