"""A viewer that sleeps, as real processes: questions, kills, and what is left behind."""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockBuster

from tests.support.processes import LOOK_AGAIN_S, free_port, run
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting, id_of
from tests.support.viewer.http_client import Viewer
from tests.support.viewer.sleeping_viewer import SleepingViewer, sleeping_viewer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

QUESTIONS = 10
"""Number of random questions; each follows a sleep, a kill, or the question before."""


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


async def record(data_dir: Path) -> None:
    from_ms = (time.time_ns() // 1_000_000_000 - 200) * 1000
    series = [counting(NODE, from_ms, 150), counting(container(1), from_ms, 150)]
    await to_thread.run_sync(lambda: DataDirectory(data_dir).parquet(*series))


async def answer(sleeping: SleepingViewer) -> str:
    """Ask a question; return "answered", or "cut" if the connection ended without a response."""
    with anyio.fail_after(30):
        try:
            status, _ = await sleeping.viewer.get("/api/health")
        except (OSError, IndexError, anyio.BrokenResourceError):
            return "cut"
    assert status == 200
    return "answered"


async def test_a_question_wakes_it_and_it_sleeps_again_until_the_next(tmp_path: Path) -> None:
    data_dir, log = tmp_path / "data", tmp_path / "log"
    await to_thread.run_sync(data_dir.mkdir)
    async with sleeping_viewer(data_dir, log) as sleeping:
        assert await sleeping.probe("/healthz") == 200
        assert await sleeping.probe("/readyz") == 503
        assert sleeping.children() == []

        await record(data_dir)
        descriptors = sleeping.descriptors()
        assert await sleeping.probe("/readyz") == 200
        assert sleeping.children() == []

        for _ in range(2):
            await sleeping.viewer.ready()
            viewer = await sleeping.until_awake()
            assert sleeping.name(viewer) == "fgm-viewer"
            inherited = set(sleeping.descriptors(viewer).values()) & set(descriptors.values())
            assert sorted(link.partition(":")[0] for link in inherited) == sorted(["/dev/null", str(log), "socket"])
            assert set(await sleeping.viewer.containers()) == {"node", id_of(1)}
            await sleeping.until_asleep()

        assert sleeping.descriptors() == descriptors
        assert sleeping.name() == "fgm-asleep"


async def test_no_question_is_lost_and_nothing_is_left_after_random_sleeps_and_kills(tmp_path: Path) -> None:
    """A connection that a kill cuts is the only one that may end without a response; repeating the question helps."""
    chance, outcomes = random.Random(19), Counter[str]()
    async with sleeping_viewer(tmp_path, tmp_path / "log", sleep_after_s=0.05, retry_s=0.01) as sleeping:
        assert await answer(sleeping) == "answered"
        await sleeping.until_asleep()
        descriptors = sleeping.descriptors()
        for _ in range(QUESTIONS):
            async with anyio.create_task_group() as group:

                async def ask() -> None:
                    outcomes[await answer(sleeping)] += 1

                group.start_soon(ask)
                if is_killed := chance.random() < 0.4:
                    pid = await sleeping.until_awake()
                    await anyio.sleep(chance.uniform(0, 0.5))  # the moment of the kill is what is tested
                    if pid in sleeping.children():
                        os.kill(pid, signal.SIGKILL)
            if not is_killed:
                assert outcomes["cut"] + outcomes["answered"] > 0
                assert outcomes["cut"] <= outcomes["killed"]
            outcomes["killed"] += is_killed
            await anyio.sleep(chance.choice((0, 0.05, 0.2)))  # it is awake, falling asleep, or asleep

        assert await answer(sleeping) == "answered"
        await sleeping.until_asleep()
        assert sleeping.descriptors() == descriptors
        assert outcomes["cut"] <= outcomes["killed"]
        sleeping.process.send_signal(signal.SIGTERM)
        assert await sleeping.process.wait() == 0


async def test_a_connection_that_is_used_again_and_again_keeps_it_awake(tmp_path: Path) -> None:
    async with sleeping_viewer(tmp_path, tmp_path / "log", sleep_after_s=0.1) as sleeping:
        async with await anyio.connect_tcp("127.0.0.1", sleeping.viewer.port) as stream:
            for _ in range(10):
                await stream.send(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                response = await stream.receive()
                while not response.endswith(b"}"):
                    response += await stream.receive()
                assert response.startswith(b"HTTP/1.1 200")
                await anyio.sleep(0.1)  # as long as it takes to fall asleep
            assert len(sleeping.children()) == 1
        await sleeping.until_asleep()

        assert (tmp_path / "log").read_text().count("waking the viewer") == 1


async def test_a_viewer_that_hangs_is_killed_and_the_next_question_wakes_another(tmp_path: Path) -> None:
    async with sleeping_viewer(tmp_path, tmp_path / "log", sleep_after_s=60, beat_check_s=1.0) as sleeping:
        assert await answer(sleeping) == "answered"
        pid = await sleeping.until_awake()
        os.kill(pid, signal.SIGSTOP)
        assert await sleeping.probe("/healthz") == 200
        with anyio.fail_after(30):
            while pid in sleeping.children():
                await anyio.sleep(LOOK_AGAIN_S)

        assert await answer(sleeping) == "answered"
        assert "the viewer hangs; killing it" in (tmp_path / "log").read_text()


async def test_a_viewer_that_cannot_start_is_started_again_and_then_kubernetes_shows_it(tmp_path: Path) -> None:
    """The question waits meanwhile. It is answered as soon as the viewer starts, and cut if it never does."""
    data_dir, log = tmp_path / "data", tmp_path / "log"
    await to_thread.run_sync(data_dir.touch)
    async with sleeping_viewer(data_dir, log, retry_s=0.1, sleep_after_s=0.1) as sleeping:

        async def repair() -> None:
            while "trying again" not in log.read_text():
                await anyio.sleep(LOOK_AGAIN_S)
            data_dir.unlink()
            data_dir.mkdir()

        async with anyio.create_task_group() as group:
            group.start_soon(repair)
            assert await answer(sleeping) == "answered"
        await sleeping.until_asleep()

        await to_thread.run_sync(data_dir.rmdir)
        await to_thread.run_sync(data_dir.touch)
        assert await answer(sleeping) == "cut"
        with anyio.fail_after(10):
            assert await sleeping.process.wait() == 4
    assert "the viewer cannot start; giving up failed_starts=5 exit_code=2" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_the_viewer_ends_with_the_sleeper(tmp_path: Path, number: signal.Signals) -> None:
    async with sleeping_viewer(tmp_path, tmp_path / "log", sleep_after_s=60) as sleeping:
        assert await answer(sleeping) == "answered"
        pid = await sleeping.until_awake()
        sleeping.process.send_signal(number)
        with anyio.fail_after(20):
            assert await sleeping.process.wait() == (-9 if number is signal.SIGKILL else 0)
            while await anyio.Path(f"/proc/{pid}").exists():
                await anyio.sleep(LOOK_AGAIN_S)


async def test_the_command_line_starts_asleep_after_it_has_checked_the_address(tmp_path: Path) -> None:
    port = str(free_port())
    flags = (str(tmp_path), "--no-browser", "--sleep-after-seconds", "60", "--port", port)
    command = [sys.executable, "-m", "fgm.viewer", *flags]
    async with await anyio.open_process(command, stdout=None, stderr=None) as process:
        comm = anyio.Path(f"/proc/{process.pid}/comm")
        with anyio.fail_after(20):
            while await comm.read_text() != "fgm-asleep\n":
                await anyio.sleep(LOOK_AGAIN_S)

        status, text = await run("fgm.viewer", *flags)
        assert (status, f"port {port} of 127.0.0.1 is taken" in text) == (3, True)

        assert (await Viewer(int(port)).get("/api/health"))[0] == 200
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
