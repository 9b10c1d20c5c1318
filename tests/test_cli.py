"""`fgm run` records and shows this machine, `fgm check` lists the problems of a directory, `fgm stat` its contents."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockBuster

from fgm import cli
from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.store.check.directory_check import check
from fgm.store.directory.lock import DirectoryLock
from tests.support import process_recording
from tests.support.collector.windows import FOLDER, names, record_and_close, tick
from tests.support.derived_in_sql import compare
from tests.support.packs import pack_of
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port
from tests.support.recorded_files import journals
from tests.support.viewer.http_client import Viewer

CGROUP_ROOT = "/sys/fs/cgroup"


def can_record() -> bool:
    try:
        detect(CGROUP_ROOT)
    except ForeignRootError:
        return False
    return True


needs_cgroups = pytest.mark.skipif(not can_record(), reason=f"no cgroups at {CGROUP_ROOT}")


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


@needs_cgroups
@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_run_shows_the_load_of_this_machine_and_stops_both_processes_on_ctrl_c(tmp_path: Path) -> None:
    data_dir, viewer = tmp_path / "data", Viewer(free_port())
    flags = ["run", "--data-dir", str(data_dir), "--port", str(viewer.port), "--no-browser"]
    async with daemon("fgm", *flags) as process:
        await viewer.ready()

        async def highest_usage() -> float:
            used = await viewer.series("total_cpu_usage_millicores", "node", "10s")
            return max((value for value in used.values() if value is not None), default=0)

        with anyio.fail_after(15):
            while not await highest_usage():
                await anyio.sleep(LOOK_AGAIN_S)
        loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        try:
            with anyio.fail_after(15):
                while await highest_usage() < 800:
                    await anyio.sleep(LOOK_AGAIN_S)
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
        process.send_signal(signal.SIGINT)
        with anyio.fail_after(20):
            assert await process.wait() == 0

    assert check(str(data_dir)).problems == []
    assert journals(data_dir) == []
    assert compare(data_dir)["total_cpu_usage_millicores"] > 0


@needs_cgroups
@pytest.mark.slow
async def test_run_prints_the_address_for_any_spelling_of_the_directory_and_takes_a_free_port(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fgm", "run", "--data-dir", "some/../data/", "--port", "0", "--no-browser"]
    async with await anyio.open_process(command, cwd=tmp_path, stdout=None) as process:
        assert process.stderr is not None
        output = b""
        with anyio.fail_after(30):
            while (match := re.search(rb"open http://127.0.0.1:(\d+)/", output)) is None:
                output += await process.stderr.receive()
        assert (await Viewer(int(match[1])).ready())["data_dir"] == str(tmp_path / "data")
        process.send_signal(signal.SIGINT)
        with anyio.fail_after(20):
            assert await process.wait() == 0


@needs_cgroups
@pytest.mark.slow
async def test_run_names_a_process_that_cannot_start(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        flags = ["run", "--data-dir", str(tmp_path / "data"), "--port", port, "--no-browser"]
        completed = await anyio.run_process([sys.executable, "-m", "fgm", *flags], check=False)

    output = completed.stderr.decode()
    assert completed.returncode == 1
    assert "the viewer stopped with exit code" in output
    assert port in output
    assert "Traceback" not in output


def test_check_names_and_counts_each_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dt=2025-12-30" / "identifier=worker-3"
    folder.mkdir(parents=True)
    (folder / "metrics-20251230T160000Z.parquet").write_bytes(b"PAR1")
    (folder / "notes.txt").write_text("")

    assert cli.main(["check", str(tmp_path)]) == 1
    output = capsys.readouterr().out.splitlines()
    assert any("metrics-20251230T160000Z.parquet: not a whole Parquet file" in line for line in output)
    assert any("notes.txt: fgm creates nothing with this name here" in line for line in output)
    assert output[-1].endswith("2 problems")


def test_check_of_a_directory_that_does_not_exist_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "/nowhere"]) == 1
    output = capsys.readouterr().out
    assert output == "/nowhere: there is no such directory\nno intact data found: 1 problem\n"


def test_check_of_an_empty_directory_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "no data found\n"


def test_stat_shows_days_and_metrics_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_and_close(tmp_path, tick(0), tick(90))

    assert cli.main(["stat", str(tmp_path), "--metrics", "3"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^2025-12-30 +2 +0 ", text, re.MULTILINE)
    assert re.search(r"^and \d+ smaller ones", text, re.MULTILINE)
    assert cli.main(["stat", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["files"]["windows"] == 2


def test_stat_of_a_directory_without_files_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stat", str(tmp_path)]) == 1
    assert cli.main(["stat", str(tmp_path / "missing")]) == 1
    assert "cannot list" in capsys.readouterr().err


def test_merge_leaves_one_file_for_each_hour_and_refuses_while_a_collector_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_and_close(tmp_path, tick(0), tick(100), tick(3600))
    with DirectoryLock(str(tmp_path)).acquire(wait_s=0):
        assert cli.main(["merge", str(tmp_path)]) == 1
    assert "It merges the hours by itself" in capsys.readouterr().err
    assert len(names(tmp_path)) == 3

    assert cli.main(["merge", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "merged 2 hours and the minutes of 1 day\n"
    assert names(tmp_path) == [f"metrics-20251230T1{hour}0000Z--PT1H.parquet" for hour in (6, 7)]
    assert cli.main(["merge", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "there is nothing to merge\n"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere", "there is no such directory"),
        ("/proc/version", "it is not a directory"),
        ("/proc/self", "cannot write into /proc/self: No such file or directory"),
    ],
)
def test_merge_says_why_a_directory_cannot_be_used(path: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["merge", path]) == 1
    output = capsys.readouterr()
    assert f"{reason}\n" in output.err
    assert "--data-dir" not in output.err


def test_merge_names_an_hour_that_cannot_be_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_and_close(tmp_path, tick(0))
    (tmp_path / FOLDER / "metrics-20251230T160130Z.parquet").write_bytes(b"PAR1" * 10)

    assert cli.main(["merge", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.out == "merged 0 hours; 1 could not be merged\n"
    assert "not a whole Parquet file" in output.err or "footer" in output.err


def test_merge_of_a_directory_that_does_not_exist_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["merge", str(tmp_path / "none")]) == 1
    assert "there is no such directory" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_check_and_stat_read_packs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = tmp_path / "pack.html"
    pack.write_bytes(pack_of(process_recording.unpacked(tmp_path)))

    assert cli.main(["check", str(pack)]) == 0
    assert cli.main(["stat", str(pack), "--json"]) == 0
    assert "all in order" in capsys.readouterr().out

    assert cli.main(["save", str(pack), "--metric", "memory.current", "-o", str(pack)]) == 0
    whole = pack.read_bytes()
    at = whole.index(b">", whole.index(b'data-name="samples/memory.current"')) + 40
    pack.write_bytes(whole[:at] + (b"B" if whole[at : at + 1] == b"A" else b"A") + whole[at + 1 :])

    assert cli.main(["check", str(pack)]) == 1, "a part that only a page reads"
    assert "the pack is damaged: part samples/memory.current cannot be" in capsys.readouterr().err

    pack.write_text("<!doctype html>")

    assert cli.main(["check", str(pack)]) == 1
    assert capsys.readouterr().err == f"fgm: {pack}: the file is not a pack of fgm\n"


def test_help_loads_nothing_that_only_one_command_needs() -> None:
    code = "import sys\nfrom fgm import cli\ncli._make_parser().format_help()\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"anyio", "h11", "http.client", "numpy", "obstore", "quart", "subprocess", "tqdm"}.intersection(loaded)


def test_flags_may_be_between_the_other_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "missing")

    assert cli.main(["ask", "14:32", "--at-once", "1", missing, "--json"]) == 1
    assert capsys.readouterr().err.startswith(f"fgm: {missing} is neither a directory nor a pack")
    assert cli.main(["stat", "--metrics", "3", missing, "--json"]) == 1
    capsys.readouterr()

    with pytest.raises(SystemExit, match="2"):
        cli.main(["ask", "--json"])
    assert "the following arguments are required: TIME" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value", "allowed"),
    [
        ("--at-once", "0", "'0' is not a number of nodes: give 1 to 100"),
        ("--at-once", "x", "'x' is not a number of nodes: give 1 to 100"),
        ("--timeout", "nan", "'nan' is not a number of seconds: give 0 to 3600"),
        ("--timeout", "0", "0 s are too short for an answer"),
        ("--timeout", "-1", "'-1' is not a number of seconds: give 0 to 3600"),
        ("--timeout", "soon", "'soon' is not a number of seconds: give 0 to 3600"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    flag: str, value: str, allowed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["ask", "14:32", f"{flag}={value}"])
    assert allowed in capsys.readouterr().err
