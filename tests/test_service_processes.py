"""On a machine without containers, the real daemons show its services and their processes, also after a kill -9."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockBuster

from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.store.check.directory_check import check
from tests.support.processes import LOOK_AGAIN_S, daemon, free_port
from tests.support.viewer.http_client import Viewer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


@pytest.fixture
def service() -> Iterator[str]:
    """The path of a service: a cgroup that belongs to no container, with a busy process in it."""
    try:
        hierarchies = detect("/sys/fs/cgroup")
    except ForeignRootError as error:
        pytest.skip(str(error))
    path = f"/fgm-{secrets.token_hex(6)}.service"
    with ExitStack() as stack:
        for mount in hierarchies.searched:
            try:
                os.mkdir(f"{mount}{path}")
            except OSError as error:
                pytest.skip(f"no cgroups can be made here: {error}")
            stack.callback(os.rmdir, f"{mount}{path}")
        process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
        stack.callback(process.wait)
        stack.callback(process.kill)
        for mount in hierarchies.searched:
            Path(f"{mount}{path}/cgroup.procs").write_text(str(process.pid))
        yield path


async def test_a_service_has_its_processes_and_a_kill_loses_none_of_their_readings(
    service: str, tmp_path: Path
) -> None:
    viewer = Viewer(free_port())
    flags = ["--data-dir", str(tmp_path), "--rotation-seconds", "900", "--no-kubernetes", "--min-free", "0"]

    async def processes() -> list[dict[str, Any]]:
        status, answer = await viewer.get("/api/processes", id=f"cgroup:{service}", range="5m")
        return list(answer["processes"]) if status == 200 else []

    async with daemon("fgm.viewer", str(tmp_path), "--port", str(viewer.port), "--no-browser"):
        async with daemon("fgm.collector", *flags) as collector:
            await viewer.ready()
            with anyio.fail_after(40):
                while not (shown := await processes()) or shown[0]["readings"] < 2:
                    await anyio.sleep(LOOK_AGAIN_S)
            collector.send_signal(signal.SIGKILL)
            await collector.wait()
        assert shown[0]["comm"].startswith("python")
        assert shown[0]["cpu_millicores"] > 0
        assert (await processes())[0]["readings"] >= shown[0]["readings"]
    await to_thread.run_sync(check_files, tmp_path)


def check_files(data_dir: Path) -> None:
    assert [path.suffix for path in data_dir.glob("dt=*/*/processes-*")] == [".journal"]
    assert check(str(data_dir)).problems == []
