"""The collector as a process: signals, pauses, probes and exit codes."""

import itertools
import json
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockBuster

from fgm import __version__
from fgm.store.check.directory_check import check
from tests.support.captured_host import CONTAINERS, captured_host
from tests.support.collector.probe import probe
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port, run
from tests.support.recorded_files import instants, journals, missed_ticks, parquet_files

STOPPED_S = 4
NOT_NEEDED = {"bz2", "email", "fastparquet", "http.client", "lzma", "numpy.ma", "pandas", "shutil", "tempfile", "uuid"}
"""Modules of 0.1 to 30 MiB that an import or a call could bring. Without Kubernetes and engines, it needs no HTTP."""
NAME_MODULES = f"""
import sys
from fgm.collector.__main__ import main
status = main(sys.argv[1:])
print(*({NOT_NEEDED!r} & sys.modules.keys()))
sys.exit(status)
"""


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for another process here, so it may open files."""
    blockbuster.deactivate()


@pytest.mark.slow
async def test_a_paused_collector_leaves_a_gap_and_counts_missed_ticks(tmp_path: Path) -> None:
    data_dir, address = tmp_path / "data", ("127.0.0.1", free_port())
    flags = [*captured_host(tmp_path / "host").flags, "--data-dir", str(data_dir), "--rotation-seconds", "900"]
    flags += ["--health-host", address[0], "--health-port", str(address[1])]
    async with daemon("fgm.collector", *flags) as collector:
        await until(address, "/readyz", 200)
        assert await probe(address, "/healthz") == 200
        await more_ticks(data_dir)
        collector.send_signal(signal.SIGSTOP)
        await anyio.sleep(STOPPED_S)  # the length of the gap is the subject of this test
        collector.send_signal(signal.SIGCONT)
        await more_ticks(data_dir)
        collector.send_signal(signal.SIGTERM)
        with anyio.fail_after(10):
            assert await collector.wait() == 0

    times = [time_ms for file in parquet_files(data_dir) for time_ms in instants(file)]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) >= 1000 * (STOPPED_S - 1)
    assert sorted(gaps)[-2] <= 2000  # what was missed is not caught up
    assert missed_ticks(data_dir) >= STOPPED_S - 2
    assert check(str(data_dir)).problems == []

    session = json.loads((data_dir / "session.json").read_text())
    assert (session["version"], session["node"], session["cluster"]) == (__version__, "worker-3", "prod-eu")
    assert session["flags"]["rotation_seconds"] == 900
    assert session["cgroups"] == "cgroup v2"
    assert session["controllers"] == {"cpu": "v2", "memory": "v2", "io": "v2", "pids": "v2"}


@pytest.mark.slow
async def test_the_liveness_probe_fails_while_sampling_hangs_and_recovers_with_it(
    tmp_path: Path,
) -> None:
    """A named pipe in the place of a kernel file makes it hang: opening the pipe waits for a writer."""
    data_dir, address, host = tmp_path / "data", ("127.0.0.1", free_port()), captured_host(tmp_path / "host")
    flags = [*host.flags, "--data-dir", str(data_dir), "--health-host", address[0], "--health-port", str(address[1])]
    async with daemon("fgm.collector", *flags) as collector:
        await until(address, "/readyz", 200)
        new = tmp_path / "new"
        shutil.copytree(host.cgroup_root + CONTAINERS[0]["cgroup"], new)
        (new / "cpu.stat").unlink()
        os.mkfifo(new / "cpu.stat")
        new.rename(f"{host.cgroup_root}/system.slice/docker-{'ab' * 32}.scope")
        await until(address, "/healthz", 503)
        assert await probe(address, "/readyz") == 200

        os.close(os.open(f"{host.cgroup_root}/system.slice/docker-{'ab' * 32}.scope/cpu.stat", os.O_WRONLY))
        await until(address, "/healthz", 200)
        collector.send_signal(signal.SIGTERM)
        with anyio.fail_after(10):
            assert await collector.wait() == 0


@pytest.mark.slow
async def test_sigterm_ends_a_collector_that_waits_for_the_lock_even_as_process_1(tmp_path: Path) -> None:
    flags = [*captured_host(tmp_path / "host").flags, "--data-dir", str(tmp_path / "data")]
    async with daemon("fgm.collector", *flags):
        with anyio.fail_after(20):
            while not journals(tmp_path / "data"):
                await anyio.sleep(LOOK_AGAIN_S)
        unshare = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "fgm.collector", *flags]
        async with await anyio.open_process(unshare) as waiting:
            with anyio.fail_after(20):
                while not (pids := children_with_the_lock_open(waiting.pid)):
                    await anyio.sleep(LOOK_AGAIN_S)
            os.kill(pids[0], signal.SIGTERM)
            with anyio.fail_after(5):
                assert await waiting.wait() == 130


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.25, 0.3, 0.35, 0.4, 0.5, 0.7])
async def test_a_signal_at_any_moment_of_the_start_ends_the_collector_without_output(
    tmp_path: Path, after_s: float
) -> None:
    flags = [*captured_host(tmp_path / "host").flags, "--data-dir", str(tmp_path / "data"), "--log-level", "warning"]
    command = [sys.executable, "-m", "fgm.collector", *flags]
    async with await anyio.open_process(command, stdout=None) as starting:
        await anyio.sleep(after_s)  # the moment of the signal is the subject of this test
        starting.send_signal(signal.SIGTERM)
        with anyio.fail_after(10):
            status = await starting.wait()
        assert starting.stderr is not None
        assert b"".join([part async for part in starting.stderr]) == b""
    assert status in {0, 130, -signal.SIGTERM}


async def test_controllers_that_are_nowhere_or_not_enabled_are_logged_at_the_start(tmp_path: Path) -> None:
    host = captured_host(tmp_path / "host")
    host.show(
        {"sys/fs/cgroup/cgroup.controllers": "cpu io pids\n", "sys/fs/cgroup/cgroup.subtree_control": "cpu pids\n"}
    )
    command = [sys.executable, "-m", "fgm.collector", *host.flags, "--data-dir", str(tmp_path / "data")]
    async with await anyio.open_process(command, stdout=None) as collector:
        assert collector.stderr is not None
        log = b""
        with anyio.fail_after(20):
            while b"cgroup v2 does not enable" not in log:
                log += await collector.stderr.receive()
        collector.terminate()

    missing, not_enabled = (line for line in log.decode().splitlines() if "are null" in line)
    assert "WARNING" in missing
    assert 'controllers=memory metrics="memory, swap and OOM kills"' in missing
    assert 'controllers=io metrics="I/O of cgroups"' in not_enabled
    assert not_enabled.endswith("/sys/fs/cgroup/cgroup.subtree_control")
    session = json.loads((tmp_path / "data" / "session.json").read_text())
    assert session["controllers"] == {"cpu": "v2", "memory": None, "io": "v2", "pids": "v2"}


async def test_checking_the_settings_finds_a_wrong_health_address(
    tmp_path: Path,
) -> None:
    flags = [*captured_host(tmp_path / "host").flags, "--check-config", "--health-host", "192.0.2.1"]

    assert (await run("fgm.collector", *flags))[0] == 6


def children_with_the_lock_open(parent: int) -> list[int]:
    pids = []
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(OSError):
            names = [link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()]
            pids += [int(pid)] * (".lock" in names)
    return pids


async def more_ticks(data_dir: Path) -> None:
    """Wait until two more ticks are in the journal."""
    sizes: set[int] = set()
    with anyio.fail_after(20):
        while len(sizes) <= 2:
            sizes.add(sum(path.stat().st_size for path in journals(data_dir)))
            await anyio.sleep(LOOK_AGAIN_S)


async def until(address: tuple[str, int], path: str, status: int) -> None:
    """Wait for a response with a status; during its start the collector does not listen yet."""
    with anyio.fail_after(40):
        while True:
            with suppress(OSError):
                if await probe(address, path) == status:
                    return
            await anyio.sleep(LOOK_AGAIN_S)


async def test_a_wrong_health_address_is_an_error_that_names_the_flag(tmp_path: Path) -> None:
    flags = [
        *captured_host(tmp_path / "host").flags,
        "--data-dir",
        str(tmp_path / "data"),
        "--health-host",
        "192.0.2.1",
    ]
    status, words = await run("fgm.collector", *flags)

    assert status == 6
    assert "--health-host" in words


async def test_no_module_is_imported_that_is_not_needed(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    flags = [*captured_host(tmp_path / "host").flags, "--data-dir", str(data_dir), "--rotation-seconds", "900"]
    async with await anyio.open_process([sys.executable, "-c", NAME_MODULES, *flags], stderr=None) as collector:
        await more_ticks(data_dir)
        collector.send_signal(signal.SIGTERM)
        with anyio.fail_after(20):
            assert collector.stdout is not None
            output = b"".join([part async for part in collector.stdout])
            assert await collector.wait() == 0

    assert output == b"\n"
    assert parquet_files(data_dir)
