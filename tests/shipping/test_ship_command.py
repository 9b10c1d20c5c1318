"""`fgm ship` as a process: what it prints, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fgm.store.directory import layout
from tests.support.collector.windows import FOLDER, HOUR, START_MS, merge, record_and_close, tick

LOOK_AGAIN_S = 0.05


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    record_and_close(data, *map(tick, range(0, 100, 10)))
    path = merge(data)
    os.utime(path, ns=(1, 1))
    return data


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "fgm", "ship", *map(str, arguments)]


def fgm_ship(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False)


def test_it_ships_once_under_the_name_that_the_collector_has(data: Path, tmp_path: Path) -> None:
    (data / layout.SESSION_NAME).write_text(json.dumps({"cluster": "green"}))
    done = fgm_ship(data, f"file://{tmp_path}/out", "--once", "--log-format", "json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["files"] for line in done.stderr.splitlines()] == [1]
    shipped = tmp_path / "out" / "metrics" / "cluster=green" / FOLDER / HOUR
    assert shipped.read_bytes() == (data / FOLDER / HOUR).read_bytes()


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_shipped(data: Path, tmp_path: Path) -> None:
    os.mkfifo(data / FOLDER / layout.table_hour_name("processes", layout.day_start(START_MS)))
    done = fgm_ship(data, f"file://{tmp_path}/an archive%20", "--cluster", "a", "--once")
    assert done.returncode == 1
    assert "cannot read a file to ship" in done.stderr
    assert (tmp_path / "an archive%20" / "metrics" / "cluster=a" / FOLDER / HOUR).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--once"], "give --cluster with"),
        (["--once", "--cluster", "a/b"], "'a/b' is not a name of a cluster"),
        (["--once", "--cluster", "a", "--max-megabytes-per-second", "0"], "it must be 0.01 to 10000"),
        (["--once", "--cluster", "a", "--unmerged-after-hours", "nan"], "it must be 0 to 10000"),
    ],
)
def test_a_wrong_setting_is_named(data: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = fgm_ship(data, f"file://{tmp_path}/out", *arguments)
    assert (done.returncode, message in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = fgm_ship(tmp_path / "none", f"file://{tmp_path}/out", "--cluster", "a", "--once")
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_stopped(data: Path, tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(command(data, f"file://{tmp_path}/out", "--cluster", "a")) as process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("out/shipped/**/files.json")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(LOOK_AGAIN_S)
        process.send_signal(number)
        assert process.wait(10) == 0
