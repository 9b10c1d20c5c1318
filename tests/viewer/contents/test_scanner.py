import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fgm.store.index.index_file import Index, dump
from fgm.store.samples.series import Series
from fgm.viewer.contents.scanner import Scanner
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.start_up import ScanResult
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, container, counting, id_of


class Watching:
    """A library as the daemon drives it."""

    def __init__(self, root: Path) -> None:
        self.clock, self.skipped = FakeClock(), SkippedFiles()
        files = DataFiles(str(root), self.clock)
        self.scanner = Scanner(files, Journals(files, self.clock, self.skipped), self.skipped)

    def look(self) -> ScanResult:
        self.clock.stall(5)
        found = self.scanner.scan()
        while not self.scanner.is_all_read:
            found = self.scanner.read_more()
        return found

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
def watching(root: Path) -> Watching:
    return Watching(root)


ONE, TWO = container(1), container(2)


def test_an_empty_directory_has_no_data(watching: Watching) -> None:
    found = watching.look()
    index, note = watching.index

    assert found == ScanResult()
    assert index == "missing"
    assert note is not None
    assert "there is no directory" in note
    assert "still listed" not in note, "there never was anything"


def test_an_index_is_enough(data: DataDirectory, watching: Watching) -> None:
    data.write_index((ONE, T0, T0 + 5000))

    assert watching.look().index
    assert watching.index == ("ok", None)
    assert watching.ids == {id_of(1)}


def test_services_and_the_node_come_from_the_newest_files(data: DataDirectory, watching: Watching) -> None:
    """The index names containers only."""
    service = Series("cgroup", cgroup="/system.slice/a.service")
    data.write_index((ONE, T0, T0 + 90_000))
    data.parquet(counting(NODE, T0, 90), counting(service, T0 + 10_000, 20), counting(ONE, T0, 90))
    watching.look()
    registered = watching.scanner.holdings().series
    known = registered.by_id["cgroup:/system.slice/a.service"]

    assert watching.ids == {id_of(1), "node", "cgroup:/system.slice/a.service"}
    assert (known.first_seen_ms, registered.last_seen(known)) == (T0 + 10_000, T0 + 29_000)


def test_metrics_are_those_with_a_value_somewhere(data: DataDirectory, watching: Watching) -> None:
    data.write_index()
    data.parquet(counting(ONE, T0, 3))
    watching.look()

    assert watching.scanner.holdings().metrics == {USAGE, MEMORY}


def test_without_an_index_the_files_are_read(data: DataDirectory, watching: Watching) -> None:
    data.parquet(counting(ONE, T0, 100), counting(TWO, T0 + 95_000, 60))
    found = watching.look()
    holdings = watching.scanner.holdings()

    assert found == ScanResult(files=True, indexed=True)
    assert watching.ids == {id_of(1), id_of(2)}
    assert holdings.index == "rebuilt"
    assert holdings.index_note is not None
    assert "all 2 files" in holdings.index_note
    assert (holdings.oldest_ms, holdings.newest_ms) == (T0, T0 + 154_000)


def test_answers_begin_before_all_files_are_read(data: DataDirectory, watching: Watching) -> None:
    data.parquet(counting(ONE, T0, 60 * 90))
    looks = [watching.scanner.scan()]
    while not watching.scanner.is_all_read:
        looks.append(watching.scanner.read_more())

    assert [(found.files, found.indexed) for found in looks] == [
        (True, False),
        (True, False),
        (True, False),
        (True, True),
        (True, True),
    ]
    assert watching.scanner.holdings().oldest_ms == T0


def test_a_journal_alone_is_enough(data: DataDirectory, watching: Watching) -> None:
    data.journal(counting(ONE, T0, 3))

    assert watching.look() == ScanResult(files=True, indexed=True)
    assert watching.ids == {id_of(1)}


def test_files_that_cannot_be_read_are_not_data(data: DataDirectory, watching: Watching) -> None:
    (path,) = data.parquet(counting(ONE, T0, 3))
    whole = path.read_bytes()
    path.write_bytes(b"nonsense")

    assert not watching.look().files
    assert len(watching.skipped) == 1

    path.write_bytes(whole)

    assert watching.look() == ScanResult(files=True, indexed=True)
    assert len(watching.skipped) == 0


def test_an_index_that_appears_later_is_used(data: DataDirectory, watching: Watching) -> None:
    data.parquet(counting(ONE, T0, 3))
    watching.look()
    data.write_index((TWO, T0, T0 + 1000))

    assert watching.look().index
    assert watching.index == ("ok", None)
    assert watching.ids == {id_of(1), id_of(2)}


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'{"schema_version": 99}', b"\xff" * 100])
def test_an_index_that_becomes_bad_removes_nothing(data: DataDirectory, watching: Watching, garbage: bytes) -> None:
    data.write_index((ONE, T0, T0 + 1000))
    watching.look()
    data.index.write_bytes(garbage)
    watching.look()
    index, note = watching.index

    assert index == "bad"
    assert note is not None
    assert "before is still listed" in note
    assert watching.ids == {id_of(1)}

    data.write_index((ONE, T0, T0 + 1000), (TWO, T0, T0 + 2000))
    watching.look()

    assert watching.index == ("ok", None)
    assert watching.ids == {id_of(1), id_of(2)}


def test_an_index_that_was_always_bad_counts_as_missing(data: DataDirectory, watching: Watching) -> None:
    data.index.write_bytes(b"nonsense")

    assert watching.look() == ScanResult()
    assert watching.index[0] == "bad"

    data.parquet(counting(ONE, T0, 3))

    assert watching.look() == ScanResult(files=True, indexed=True)
    assert watching.index[0] == "rebuilt"


def test_an_index_is_read_as_soon_as_it_can_be_read(data: DataDirectory, watching: Watching) -> None:
    """Correcting its mode changes neither its inode, nor its size, nor its mtime."""
    data.write_index((ONE, T0, T0 + 1000))
    whole, status = data.index.read_bytes(), data.index.stat()
    data.index.rename(data.index.with_name("kept"))
    data.index.symlink_to("kept")
    watching.look()

    assert watching.index[0] == "bad"

    data.index.unlink()
    data.index.with_name("kept").rename(data.index)

    assert (data.index.read_bytes(), data.index.stat().st_mtime_ns) == (whole, status.st_mtime_ns)
    assert watching.look().index
    assert watching.index == ("ok", None)


def test_an_index_behind_a_link_is_not_read(data: DataDirectory, watching: Watching, tmp_path: Path) -> None:
    data.write_index((ONE, T0, T0))
    data.index.rename(tmp_path / "elsewhere.json")
    data.index.symlink_to(tmp_path / "elsewhere.json")

    assert not watching.look().index
    assert watching.index[0] == "bad"


def test_a_directory_that_disappears_is_reported_and_may_come_back(
    data: DataDirectory, root: Path, watching: Watching, tmp_path: Path
) -> None:
    data.write_index((ONE, T0, T0 + 1000))
    data.parquet(counting(ONE, T0, 3))
    watching.look()
    root.rename(tmp_path / "away")
    watching.look()
    index, note = watching.index

    assert index == "missing"
    assert note is not None
    assert "there is no directory" in note
    assert watching.ids == {id_of(1)}

    shutil.move(tmp_path / "away", root)
    watching.look()

    assert watching.index == ("ok", None)


def test_a_container_that_starts_is_known_from_the_journal(data: DataDirectory, watching: Watching) -> None:
    data.write_index((ONE, T0, T0))
    data.journal(counting(ONE, T0, 3))
    watching.look()
    data.journal(counting(ONE, T0 + 3000, 2), counting(TWO, T0 + 4000, 1))
    watching.clock.stall(0.5)
    watching.scanner.follow()
    registered = watching.scanner.holdings().series

    assert set(registered.by_id) == {id_of(1), id_of(2)}
    assert registered.by_id[id_of(2)].first_seen_ms == T0 + 4000
    assert registered.last_seen(registered.by_id[id_of(1)]) == T0 + 4000
    assert watching.scanner.holdings().newest_ms == T0 + 4000


def test_a_window_that_appears_without_a_journal_is_noticed(data: DataDirectory, watching: Watching) -> None:
    data.parquet(counting(ONE, T0, 3))
    watching.look()
    data.parquet(counting(TWO, T0 + 90_000, 3))
    watching.look()

    assert watching.ids == {id_of(1), id_of(2)}
    assert watching.scanner.holdings().newest_ms == T0 + 92_000


def test_names_of_the_index_win_over_older_files(data: DataDirectory, watching: Watching) -> None:
    bare = Series("container", container_id=ONE.container_id)
    data.write_index((ONE, T0, T0 + 100_000))
    data.parquet(counting(bare, T0, 90))
    watching.look()

    assert watching.scanner.holdings().series.by_id[id_of(1)].series.container_name == "name-1"


def test_of_two_nodes_in_one_directory_only_the_newest_is_shown(
    data: DataDirectory, root: Path, watching: Watching
) -> None:
    """Their series have the same names, so that a mixture would show no real node."""
    other = DataDirectory(root)
    other.header = replace(other.header, node_name="node-2", identifier="node-2")
    data.parquet(counting(NODE, T0, 90), counting(ONE, T0, 90))
    other.parquet(counting(NODE, T0 - 90_000, 90), counting(TWO, T0 - 90_000, 90))
    watching.look()

    assert watching.ids == {"node", id_of(1)}
    assert watching.scanner.holdings().oldest_ms == T0
    assert len(watching.skipped) == 0, "nothing is wrong with the other node's files"
    note = watching.index[1]
    assert note is not None
    assert "only node-1 is shown, not node-2" in note

    other.parquet(counting(NODE, T0 + 360_000, 90), counting(TWO, T0 + 360_000, 90))
    watching.look()
    watching.look()

    assert watching.ids == {"node", id_of(2)}
    assert watching.scanner.holdings().node_name == "node-2"
    assert "only node-2 is shown, not node-1" in str(watching.index[1])


def test_a_pod_that_was_replaced_on_its_node_goes_on(data: DataDirectory, root: Path, watching: Watching) -> None:
    """Another identifier, the same node."""
    other = DataDirectory(root)
    other.header = replace(other.header, identifier="another-pod")
    data.parquet(counting(ONE, T0, 90))
    other.parquet(counting(TWO, T0 + 90_000, 90))
    watching.look()

    assert watching.ids == {id_of(1), id_of(2)}
    assert len(watching.skipped) == 0


def test_damage_inside_a_journal_is_reported_and_the_part_before_it_is_served(
    data: DataDirectory, watching: Watching
) -> None:
    path = data.journal(counting(ONE, T0, 20))
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 0xFF
    path.write_bytes(content)
    watching.look()

    assert watching.ids == {id_of(1)}
    assert [skipped["reason"] for skipped in watching.skipped.newest()] == [
        "damaged before its end; what is before the damage is served"
    ]


def test_an_index_without_containers_is_a_good_index(data: DataDirectory, watching: Watching) -> None:
    """A machine without containers, before its first window is closed."""
    data.index.write_bytes(dump(Index()))
    data.journal(counting(NODE, T0, 5))
    watching.look()

    assert watching.index == ("ok", None)
