"""A kill at any step of closing a window loses no tick and duplicates none, and the next start completes the work."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fgm.collector.windows.closing import close_window
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.metrics.catalogue import COLUMNS
from fgm.store.check.directory_check import check
from tests.support.collector.windows import (
    FIRST,
    FOLDER,
    HEADER,
    HOUR,
    SUPERSEDED,
    merge,
    names,
    record,
    record_and_close,
    recorded,
    tick,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CLOSE_AND_DIE = """
import os, shutil, signal, sys
from fgm.collector.windows.closing import close_window

def counted(call):
    def instead(*arguments, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **more)
    return instead

(folder, journal), status, steps = sys.argv[1:], -1, 0
while status:
    shutil.copytree(f"{folder}/before", f"{folder}/{steps}")
    pid = os.fork()
    if not pid:
        left = steps
        for name in ("open", "fsync", "fchmod", "rename", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        close_window(f"{folder}/{steps}/{journal}", 3)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    steps += 1
"""


def plain(data_dir: Path) -> str:
    (journal,) = record(data_dir, tick(0), tick(1))
    return journal


def merged(data_dir: Path) -> str:
    close_window(plain(data_dir), 3)
    (journal,) = record(data_dir, tick(1, 7.0), tick(2))
    return journal


def superseding(data_dir: Path) -> str:
    recorder = TickRecorder(str(data_dir), HEADER, COLUMNS, 3)
    for each in (tick(10), tick(5, 7.0)):
        closed = recorder.close_before(each.time_ms)
        if closed is not None:
            close_window(closed, 3)
        recorder.append(each)
    return recorder.close() or ""


def superseding_in_an_hour(data_dir: Path) -> str:
    record_and_close(data_dir, tick(10), tick(100))
    merge(data_dir)
    (journal,) = record(data_dir, tick(5, 7.0))
    return journal


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (plain, {FIRST: {0: 1.0, 1: 1.0}}),
        (merged, {FIRST: {0: 1.0, 1: 7.0, 2: 1.0}}),
        (superseding, {FIRST: {5: 7.0}, SUPERSEDED.format(1): {10: 1.0}}),
        (
            superseding_in_an_hour,
            {FIRST: {5: 7.0}, SUPERSEDED.format(1): {10: 1.0}, HOUR: {10: 1.0, 100: 1.0}},
        ),
    ],
    ids=["a new window", "one that goes on", "one that the clock was set back into", "the same in a merged hour"],
)
def test_a_kill_at_any_step_does_not_change_the_result(
    tmp_path: Path, make: Callable[[Path], str], result: dict[str, dict[int, float]]
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    journal = Path(make(before)).relative_to(before)
    subprocess.run([sys.executable, "-c", CLOSE_AND_DIE, str(tmp_path), str(journal)], check=True)
    killed = [path for path in tmp_path.iterdir() if path != before]
    assert len(killed) > 8
    for data_dir in killed:
        assert check(str(data_dir)).problems == []
        if os.path.exists(data_dir / journal):
            close_window(str(data_dir / journal), 3)
        assert names(data_dir) == sorted(result)
        assert {name: recorded(data_dir / FOLDER / name) for name in result} == result
