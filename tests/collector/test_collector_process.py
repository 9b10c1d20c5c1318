"""The collector as a process: what it says of itself, and what being stopped for a while costs."""

import itertools
import json
import signal
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockBuster
from tests.captured_host import captured_host
from tests.collector.test_daemon import instants, missed_ticks
from tests.collector.test_heartbeat import ask
from tests.processes import LOOK_AGAIN_S, daemon, free_port, journals, parquet_files, run

from fgm import __version__
from fgm.store.check import check

STOPPED_S = 4


@pytest.fixture(autouse=True)
def unguarded(blockbuster: BlockBuster) -> None:
    """The loop here only waits for another process: it may touch files."""
    blockbuster.deactivate()


@pytest.mark.slow
async def test_a_stopped_process_leaves_a_gap_and_says_so(tmp_path: Path) -> None:
    data_dir, address = tmp_path / "data", ("127.0.0.1", free_port())
    flags = [*captured_host(tmp_path / "host").flags, "--data-dir", str(data_dir), "--rotation-seconds", "900"]
    flags += ["--health-host", address[0], "--health-port", str(address[1])]
    async with daemon("fgm.collector", *flags) as collector:
        with anyio.fail_after(20):
            while not journals(data_dir):
                await anyio.sleep(LOOK_AGAIN_S)
            while await ask(address, "/readyz") != 200:
                await anyio.sleep(LOOK_AGAIN_S)
        assert await ask(address, "/healthz") == 200
        await anyio.sleep(2)
        collector.send_signal(signal.SIGSTOP)
        await anyio.sleep(STOPPED_S)
        collector.send_signal(signal.SIGCONT)
        await anyio.sleep(2)
        collector.send_signal(signal.SIGTERM)
        with anyio.fail_after(10):
            assert await collector.wait() == 0

    (file,) = parquet_files(data_dir)
    times = instants(file)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) >= 1000 * (STOPPED_S - 1)
    assert sorted(gaps)[-2] <= 2000  # what was missed is not caught up
    assert missed_ticks(data_dir) >= STOPPED_S - 2
    assert check(str(data_dir)).problems == []

    session = json.loads((data_dir / "session.json").read_text())
    assert (session["version"], session["node"], session["cluster"]) == (__version__, "worker-3", "prod-eu")
    assert session["flags"]["rotation_seconds"] == 900
    assert session["cgroups"] == "cgroup v2"


async def test_an_address_for_probes_that_is_not_this_machines_ends_it_with_a_sentence(tmp_path: Path) -> None:
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
