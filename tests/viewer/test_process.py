"""The viewer as a process: its start, its memory maps and its exit codes."""

import contextlib
import signal
import sys
import time
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockBuster

from fgm.listening import listen
from tests.support import process_recording
from tests.support.packs import pack_of
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port, run
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting, id_of
from tests.support.viewer.http_client import Viewer

pytestmark = [pytest.mark.slow]
LATER = (
    "fgm.events",
    "fgm.store.tables.process_tables",
    "fgm.viewer.api.at",
    "fgm.viewer.api.analysis.changes",
    "fgm.viewer.api.events",
    "fgm.viewer.api.labelled",
    "fgm.viewer.api.openapi",
    "fgm.viewer.api.processes",
    "fgm.viewer.api.response.progress",
    "fgm.viewer.files.tables.table_files",
    "fgm.viewer.query.change",
    "fgm.viewer.query.comparing.comparison",
    "fgm.viewer.query.event_query",
    "fgm.viewer.query.labelled",
    "fgm.viewer.query.processes",
)
"""Modules that a question for samples does not need."""


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


def ms_ago(seconds: int) -> int:
    return (time.time_ns() // 1_000_000_000 - seconds) * 1000


@pytest.mark.dates
async def test_it_reads_files_without_loading_pandas_or_fastparquet(tmp_path: Path) -> None:
    """It reads columns with its own code, because fastparquet and pandas would exceed its memory limit."""
    data, from_ms, viewer = DataDirectory(tmp_path), ms_ago(200), Viewer(free_port())
    await to_thread.run_sync(lambda: data.parquet(counting(NODE, from_ms, 150), counting(container(1), from_ms, 150)))
    started = time.monotonic()
    async with daemon("fgm.viewer", str(tmp_path), "--no-browser", "--port", str(viewer.port)) as process:
        await viewer.ready()
        ready_s = time.monotonic() - started
        status, answer = await viewer.get("/api/timeseries", metric="total_cpu_usage_millicores", range="5m")
        maps = await anyio.Path(f"/proc/{process.pid}/maps").read_text()
        process.send_signal(signal.SIGTERM)
        with anyio.fail_after(5):
            assert await process.wait() == 0
    print(f"ready after {ready_s:.2f} s")

    assert status == 200
    assert {series["id"] for series in answer["series"]} == {"node", id_of(1)}
    assert "numpy" in maps
    assert "pandas" not in maps
    assert "fastparquet" not in maps


@pytest.mark.dates
async def test_the_first_question_is_answered_before_what_it_does_not_need_is_imported(tmp_path: Path) -> None:
    """A viewer that was started by a question has to import a lot; with a tenth of a processor every module counts."""
    data, from_ms, viewer = DataDirectory(tmp_path), ms_ago(200), Viewer(free_port())
    await to_thread.run_sync(lambda: data.parquet(counting(NODE, from_ms, 150)))
    command = [sys.executable, "-X", "importtime", "-m", "fgm.viewer", str(tmp_path), "--no-browser"]
    command += ["--port", str(viewer.port)]
    async with await anyio.open_process(command, stdout=None) as process:
        with anyio.fail_after(30):
            while True:
                with contextlib.suppress(OSError):
                    status, answer = await viewer.get("/api/timeseries", metric="memory.current", range="5m")
                    break
                await anyio.sleep(LOOK_AGAIN_S)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            log = b"".join([part async for part in process.stderr]).decode()

    imported = {line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")}

    assert (status, len(answer["series"])) == (200, 1)
    assert {"quart", "numpy", "fgm.viewer.api.response.encoding"} <= imported
    assert {name for name in imported if name.startswith(LATER)} == set()


async def test_ctrl_c_stops_it_with_exit_code_0(tmp_path: Path) -> None:
    viewer = Viewer(free_port())
    async with daemon("fgm.viewer", str(tmp_path), "--no-browser", "--port", str(viewer.port)) as process:
        with anyio.fail_after(20):
            while True:
                try:
                    await viewer.get("/api/health")
                    break
                except OSError:
                    await anyio.sleep(0.05)
            process.send_signal(signal.SIGINT)

            assert await process.wait() == 0


async def test_ctrl_c_twice_stops_it_without_a_stack_trace(tmp_path: Path) -> None:
    viewer = Viewer(free_port())
    command = [sys.executable, "-m", "fgm.viewer", str(tmp_path), "--no-browser", "--port", str(viewer.port)]
    async with await anyio.open_process(command, stdout=None) as process:
        with anyio.fail_after(20):
            while True:
                with contextlib.suppress(OSError):
                    await viewer.get("/api/health")
                    break
                await anyio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            await anyio.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
        assert process.stderr is not None
        assert b"Traceback" not in b"".join([part async for part in process.stderr])


async def test_bad_input_is_one_sentence_and_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with listen("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        for arguments, code, message in (
            ((str(tmp_path), "--no-browser", "--port", port), 3, f"port {port} of 127.0.0.1 is taken"),
            ((str(tmp_path / "note.txt"),), 2, "is neither a directory nor a Parquet file"),
            ((str(tmp_path), "--nonsense"), 2, "unrecognized arguments: --nonsense"),
            ((), 2, "DATA"),
        ):
            status, text = await run("fgm.viewer", *arguments)

            assert status == code
            assert message in text.splitlines()[-1]
            assert "Traceback" not in text


async def test_it_shows_a_pack_and_removes_what_it_has_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it is terminated; a file that is no pack is refused with a sentence."""
    temporary, pack, viewer = tmp_path / "tmp", tmp_path / "pack.html", Viewer(free_port())
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    await to_thread.run_sync(lambda: pack.write_bytes(pack_of(process_recording.unpacked(tmp_path))))
    async with daemon("fgm.viewer", str(pack), "--no-browser", "--port", str(viewer.port)) as process:
        health = await viewer.ready()
        _, instance = await viewer.get("/api/instance")
        assert [path.name[:11] for path in temporary.iterdir()] == ["fgm-opened-"]
        process.send_signal(signal.SIGTERM)
        with anyio.fail_after(5):
            assert await process.wait() == 0

    assert health["data_dir"] == str(pack)
    assert [each["file"] for each in instance["packs"]] == ["pack.html"]
    assert list(temporary.iterdir()) == []

    pack.write_bytes(pack.read_bytes()[:-9000])

    status, message = await run("fgm.viewer", str(pack), "--no-browser", "--port", "0")

    assert status == 2
    assert message.startswith(f"fgm-viewer: error: {pack}: the pack is incomplete: it was cut off")
    assert list(temporary.iterdir()) == []
