"""Modified files are reported once; without watches nothing is, which is logged once."""

import errno
from pathlib import Path

import pytest

from fgm.collector.kernel.file_watch import FileWatch
from fgm.collector.kernel.inotify import Inotify, NoWatchError


def test_a_modified_file_is_reported_once(tmp_path: Path) -> None:
    first, second, missing = tmp_path / "first", tmp_path / "second", tmp_path / "missing"
    first.write_text("oom_kill 0\n")
    second.write_text("oom_kill 0\n")
    watch = FileWatch("later")

    assert [watch.add(str(path)) for path in (first, second, missing)] == [True, True, False]
    first.write_text("oom_kill 1\n")
    assert watch.modified() == {str(first)}
    assert watch.modified() == set()
    watch.remove(str(second))
    second.write_text("oom_kill 1\n")
    assert watch.modified() == set()
    watch.close()


def test_a_lack_of_watches_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise NoWatchError(errno.ENOSPC, "No space left on device")

    watch = FileWatch("exits are seen later")
    monkeypatch.setattr(Inotify, "add", fail)
    with caplog.at_level("INFO"):
        assert [watch.add(str(tmp_path)) for _ in range(2)] == [False, False]

    (record,) = caplog.records
    assert record.getMessage() == "no inotify watches left (fs.inotify.max_user_*)"
    assert record.__dict__["fields"] == {"reason": "No space left on device", "fallback": "exits are seen later"}
    watch.close()
