"""A kill at any step of a merge loses no sample and duplicates none, and the next round completes the work."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fgm.collector.merging import publishing
from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile
from tests.support.collector.merging import MERGED, job_of, merge
from tests.support.collector.windows import FOLDER, START_MS, SUPERSEDED, names, record_and_close, tick

MERGE_AND_DIE = """
import os, shutil, signal, sys
from pathlib import Path
from tests.support.collector.merging import merge

def counted(call):
    def instead(*arguments, **more):
        global left
        left -= call is not os_open or bool(arguments[1] & os.O_CREAT)
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **more)
    return instead

os_open = os.open
folder, status, steps = sys.argv[1], -1, 0
while status:
    shutil.copytree(f"{folder}/before", f"{folder}/{steps}")
    pid = os.fork()
    if not pid:
        left = steps
        for name in ("open", "fsync", "fchmod", "rename", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        merge(Path(folder, str(steps)))
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    steps += 1
"""


def samples(data_dir: Path) -> dict[int, float]:
    """Return what a reader shows: no window that is a source of a merged file, and no merged row in a later window."""
    files = [WindowFile.open(path) for path in data_files(str(data_dir), "metrics")]
    merged = {source for file in files for source in file.block.sources}
    in_use = [file for file in files if (os.path.basename(file.path), file.block.fingerprint) not in merged]
    shown: dict[int, float] = {}
    for file in sorted(in_use, key=lambda file: not file.block.sources):
        (chunk,) = file.chunks(["memory.current"])
        seconds = ((chunk.time_ms - START_MS) // 1000).tolist()
        if not file.block.sources:  # a window hides what a merged file has in its range
            first = seconds[0] // 90 * 90
            shown = {second: value for second, value in shown.items() if not first <= second < first + 90}
        else:
            assert not shown.keys() & set(seconds), "a sample is in two merged files"
        shown |= dict(zip(seconds, chunk.values["memory.current"].tolist(), strict=True))
        file.close()
    return shown


def new_hour(data_dir: Path) -> dict[int, float]:
    record_and_close(data_dir, tick(0), tick(30), tick(100))
    return {0: 1.0, 30: 1.0, 100: 1.0}


def hour_recorded_again(data_dir: Path) -> dict[int, float]:
    record_and_close(data_dir, tick(0), tick(80), tick(100))
    merge(data_dir)
    record_and_close(data_dir, tick(60, 7.0))
    return {60: 7.0, 100: 1.0}


@pytest.mark.parametrize("make", [new_hour, hour_recorded_again])
def test_a_kill_at_any_step_does_not_change_the_result(
    tmp_path: Path, make: Callable[[Path], dict[int, float]]
) -> None:
    (tmp_path / "before").mkdir()
    expected = make(tmp_path / "before")
    subprocess.run([sys.executable, "-c", MERGE_AND_DIE, str(tmp_path)], check=True)
    killed = sorted(path for path in tmp_path.iterdir() if path.name != "before")
    assert len(killed) > 8
    for data_dir in killed:
        assert samples(data_dir) == expected, data_dir.name
        assert check(str(data_dir)).problems == []
        publishing.remove_temporaries(str(data_dir / FOLDER))
        publishing.finish(str(data_dir / FOLDER))
        merge(data_dir)

        assert samples(data_dir) == expected, data_dir.name
        assert job_of(data_dir) is None
        assert set(names(data_dir)) <= {MERGED, SUPERSEDED.format(1)}
        assert check(str(data_dir)).problems == []
