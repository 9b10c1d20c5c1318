"""Private folders are removed at the end, and those of a process that was killed by the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from fgm.viewer.packs.private_folder import MEMORY_FOLDER, private_folder

HOLDER = """
import sys
from fgm.viewer.packs.private_folder import private_folder
with private_folder("fgm-test-", in_memory=False) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def in_folder(blockbuster: BlockBuster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    blockbuster.deactivate()  # no event loop runs here
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_folder_is_private_and_removed_at_the_end(in_folder: Path) -> None:
    with private_folder("fgm-test-", in_memory=False) as folder:
        assert Path(folder).parent == in_folder
        assert Path(folder).stat().st_mode & 0o077 == 0
        (Path(folder) / "file").write_text("x")
    assert list(in_folder.iterdir()) == []


def test_a_folder_can_be_in_memory() -> None:
    with private_folder(f"fgm-test-{os.getpid()}-", in_memory=True) as folder:
        assert Path(folder).parent == Path(MEMORY_FOLDER)


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one_and_that_of_a_living_one_stays(
    in_folder: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        with private_folder("fgm-test-", in_memory=False):
            assert left.exists()
        holder.send_signal(signal.SIGKILL)
    assert left.exists()

    with private_folder("fgm-test-", in_memory=False) as folder:
        assert list(in_folder.iterdir()) == [Path(folder)]
