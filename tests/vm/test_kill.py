"""A collector that is killed on a real cgroup v2 host loses no complete tick and leaves no unreadable file."""

from pathlib import Path

import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile
from tests.support.vm.project import RunInMachine
from tests.vm.kill import ROTATION_S

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 4
Sample = tuple[str, int]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    done = run_in_machine("kill.py", str(KILLS), share=folder, timeout_s=400)
    assert done.status == 0
    return folder


def test_a_kill_leaves_a_data_directory_in_order(folder: Path) -> None:
    for i in range(KILLS):
        assert check(str(folder / f"killed-{i}")).problems == []


def test_every_complete_tick_is_kept(folder: Path) -> None:
    kept = in_parquet(folder / "data")

    for i in range(KILLS):
        before_kill = in_journals(folder / f"killed-{i}")
        assert before_kill
        assert before_kill <= kept


def test_the_window_continues_in_one_file(folder: Path) -> None:
    windows = {layout.window_at(time_ms, ROTATION_S).start_ms for _, time_ms in in_parquet(folder / "data")}
    files = list(data_files(str(folder / "data"), "metrics"))

    assert [Path(path).name for path in sorted(files)] == [layout.metrics_name(start) for start in sorted(windows)]
    assert list(data_files(str(folder / "data"), "journal")) == []
    assert check(str(folder / "data")).problems == []


def in_journals(data_dir: Path) -> set[Sample]:
    samples: set[Sample] = set()
    for path in data_files(str(data_dir), "journal"):
        reader = JournalReader(path)
        samples |= {(chunk.series.key, time_ms) for chunk in reader.chunks(()) for time_ms in chunk.time_ms.tolist()}
        reader.close()
    return samples


def in_parquet(data_dir: Path) -> set[Sample]:
    samples: set[Sample] = set()
    for path in data_files(str(data_dir), "metrics"):
        file = WindowFile.open(path)
        samples |= {(chunk.series.key, time_ms) for chunk in file.chunks(()) for time_ms in chunk.time_ms.tolist()}
        file.close()
    return samples
