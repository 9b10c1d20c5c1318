"""The two real daemons on a captured host: the API returns what the kernel files contain."""

import shutil
import signal
import time
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockBuster

from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from tests.support.captured_host import CONTAINERS, NEXT_SECOND, captured_host
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port, run
from tests.support.recorded_files import journals, parquet_files
from tests.support.viewer.http_client import Viewer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


QOS = {"guaranteed": "Guaranteed", "burstable": "Burstable", "besteffort": "BestEffort"}
NEW_ID = "cd" * 32


async def test_the_viewer_returns_what_the_files_of_the_host_contain(tmp_path: Path) -> None:
    """New values and new containers appear within 5 s, exited containers stay, and the files are intact."""
    host, data_dir, viewer = captured_host(tmp_path / "host"), tmp_path / "data", Viewer(free_port())
    cache = next(container for container in CONTAINERS if container["name"] == "cache")
    memory = Path(host.cgroup_root + cache["cgroup"]) / "memory.current"
    flags = ["--data-dir", str(data_dir), "--rotation-seconds", "10", *host.flags]
    async with (
        daemon("fgm.collector", *flags) as collector,
        daemon("fgm.viewer", str(data_dir), "--port", str(viewer.port), "--no-browser"),
    ):
        await viewer.ready()
        listed = await viewer.containers()
        by_full_id = {entry["container_id"]: entry for entry in listed.values() if entry["scope"] == "container"}
        assert by_full_id.keys() == {container["id"] for container in CONTAINERS}
        for container in CONTAINERS:
            entry = by_full_id[container["id"]]
            in_pod = container["layout"] != "docker"
            assert entry["id"] == container["id"][:12]
            assert entry["alive"] is True
            assert entry["cgroup"] == container["cgroup"]
            assert entry["pod_uid"] == (container["uid"] if in_pod else None)
            assert entry["qos_class"] == (QOS[container["qos"]] if in_pod else None)
        assert {"node"} <= {entry["scope"] for entry in listed.values()}

        first = int(memory.read_text())
        assert set((await viewer.series("memory.current", cache["id"][:12])).values()) == {float(first)}
        host.show(NEXT_SECOND)
        with anyio.fail_after(5):
            while float(memory.read_text()) not in (await viewer.series("memory.current", cache["id"][:12])).values():
                await anyio.sleep(LOOK_AGAIN_S)

        started = f"{host.cgroup_root}/system.slice/docker-{NEW_ID}.scope"
        shutil.copytree(host.cgroup_root + cache["cgroup"], started)
        with anyio.fail_after(5):
            while NEW_ID[:12] not in await viewer.containers():
                await anyio.sleep(LOOK_AGAIN_S)
        with anyio.fail_after(10):
            while len(await viewer.series("memory.current", NEW_ID[:12])) < 2:
                await anyio.sleep(LOOK_AGAIN_S)
        shutil.rmtree(started)
        with anyio.fail_after(10):
            while (await viewer.containers())[NEW_ID[:12]]["alive"]:
                await anyio.sleep(LOOK_AGAIN_S)
        assert len(await viewer.series("memory.current", NEW_ID[:12])) >= 2

        collector.send_signal(signal.SIGTERM)
        with anyio.fail_after(10):
            assert await collector.wait() == 0
        assert len(await viewer.series("memory.current", NEW_ID[:12])) >= 2

    report = check(str(data_dir))
    assert report.problems == []
    assert journals(data_dir) == []
    for path in parquet_files(data_dir):
        parsed = layout.parse_name(path.name)
        assert parsed is not None
        assert layout.window_at(parsed.start_ms, 10).start_ms == parsed.start_ms
        assert path.parent.name == "identifier=worker-3"


async def test_a_collector_killed_at_any_moment_loses_no_complete_tick_and_continues_in_one_file(
    tmp_path: Path,
) -> None:
    """The collector is killed five times. The viewer always responds, and no returned sample disappears."""
    host, data_dir, viewer = captured_host(tmp_path / "host"), tmp_path / "data", Viewer(free_port())
    flags = ["--data-dir", str(data_dir), "--interval-ms", "100", *host.flags]
    before: dict[int, float | None] = {}
    async with daemon("fgm.viewer", str(data_dir), "--port", str(viewer.port), "--no-browser"):
        for kill in range(5):
            async with daemon("fgm.collector", *flags) as collector:
                await viewer.ready()
                with anyio.fail_after(15):
                    while len(now := await viewer.series("memory.current", "node")) < len(before) + 3 + kill:
                        await anyio.sleep(LOOK_AGAIN_S)
                collector.kill()
                await collector.wait()
            assert now.items() >= before.items()
            before = await viewer.series("memory.current", "node")
            assert before.items() >= now.items()
        async with daemon("fgm.collector", *flags) as collector:
            started_ms = time.time_ns() // 1_000_000  # ticks of the previous run are older
            with anyio.fail_after(15):
                while max(await viewer.series("memory.current", "node")) <= started_ms:
                    await anyio.sleep(LOOK_AGAIN_S)
            collector.terminate()
            assert await collector.wait() == 0
        assert (await viewer.series("memory.current", "node")).items() >= before.items()

    assert check(str(data_dir)).problems == []
    windows = {layout.window_at(t, 90).start_ms for t in before}
    assert {layout.metrics_name(start) for start in windows} <= {path.name for path in parquet_files(data_dir)}


async def test_the_collector_continues_after_the_viewer_is_killed(tmp_path: Path) -> None:
    host, data_dir, viewer = captured_host(tmp_path / "host"), tmp_path / "data", Viewer(free_port())
    async with daemon("fgm.collector", "--data-dir", str(data_dir), *host.flags) as collector:
        async with daemon("fgm.viewer", str(data_dir), "--port", str(viewer.port), "--no-browser") as process:
            await viewer.ready()
            process.kill()
            await process.wait()
        journal = journals(data_dir)[-1]
        size = journal.stat().st_size
        with anyio.fail_after(10):
            while journal.exists() and journal.stat().st_size <= size:
                await anyio.sleep(LOOK_AGAIN_S)
        collector.terminate()
        assert await collector.wait() == 0
    assert check(str(data_dir)).problems == []


async def test_bad_input_gives_one_clear_sentence_and_a_documented_status(tmp_path: Path) -> None:
    host, data_dir = captured_host(tmp_path / "host"), tmp_path / "data"
    file = tmp_path / "a-file"
    file.write_text("")
    good = ["--data-dir", str(data_dir), *host.flags]
    cases = [
        (
            ["--data-dir", str(data_dir), "--cgroup-root", str(tmp_path)],
            3,
            f"cannot record from {tmp_path}",
        ),
        (["--data-dir", str(data_dir), "--cgroup-root", "/nowhere"], 3, "cannot record from /nowhere"),
        (["--data-dir", str(data_dir), "--proc-root", "/nowhere"], 3, "cannot record from /nowhere"),
        (["--data-dir", str(file), *host.flags], 4, f"cannot record into {file}"),
        ([*good, "--interval-ms", "soon"], 2, "--interval-ms is 'soon': give a whole number"),
        ([*good, "--no-such-flag"], 2, "unrecognized arguments: --no-such-flag"),
    ]
    for flags, status, sentence in cases:
        code, error = await run("fgm.collector", *flags)
        assert (code, sentence in error, "Traceback" in error) == (status, True, False), error


async def test_a_second_collector_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    host, data_dir = captured_host(tmp_path / "host"), tmp_path / "data"
    flags = ["--data-dir", str(data_dir), *host.flags]
    async with daemon("fgm.collector", *flags) as first:
        with anyio.fail_after(10):
            while not (data_dir / ".lock").exists() or not (data_dir / ".lock").read_text():
                await anyio.sleep(LOOK_AGAIN_S)
        code, error = await run("fgm.collector", *flags)

        assert code == 5
        assert f"another collector (pid {first.pid})" in error
