"""The collector survives a disk that hangs, a file system that becomes read-only, and a clock that is set."""

from pathlib import Path

import pytest

from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.vm.project import RunInMachine
from tests.vm.upset import ROTATION_S

pytestmark = [pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(run_in_machine: RunInMachine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upset")
    done = run_in_machine("upset.py", share=folder, timeout_s=600)
    assert done.status == 0
    return folder


def test_the_data_directory_is_in_order(folder: Path) -> None:
    assert check(str(folder / "data")).problems == []
    assert list(data_files(str(folder / "data"), "journal")) == []


def test_a_disk_that_hangs_for_some_seconds_loses_no_tick(folder: Path) -> None:
    assert "the disk is too slow" not in (folder / "collector.log").read_text()


def test_ticks_lost_on_a_read_only_file_system_are_counted(folder: Path) -> None:
    missed = []
    for path in data_files(str(folder / "data"), "metrics"):
        file = WindowFile.open(path)
        missed += [file.chunks(["collector.missed_ticks"], {"node"})[0].values["collector.missed_ticks"].max()]
        file.close()

    assert max(missed) >= 3


def test_each_setting_of_the_clock_begins_a_window_of_its_own(folder: Path) -> None:
    log = (folder / "collector.log").read_text()
    starts = sorted(name.start_ms for path in data_files(str(folder / "data"), "metrics") if (name := parsed(path)))

    assert log.count("the wall clock was set; following it") == 3
    assert len(list((folder / "data").glob("dt=*/*/superseded-*.parquet"))) >= 1
    assert max(starts) - min(starts) > (86_400 - 3600) * 1000 - 60_000
    assert len(starts) == len(set(starts))
    for path in data_files(str(folder / "data"), "metrics"):
        file = WindowFile.open(path)
        (chunk,) = file.chunks((), {"node"})
        file.close()
        assert len(chunk.time_ms) <= ROTATION_S


def parsed(path: str) -> layout.ParsedName | None:
    return layout.parse_name(Path(path).name)
