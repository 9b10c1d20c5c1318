"""A container that lives for three seconds, in a real cgroup of this host, is recorded with its name."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
from blockbuster import BlockBuster

from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.store.check.directory_check import check
from fgm.store.index.index_file import load
from fgm.store.parquet.window_file import WindowFile
from tests.support.cgroups import containers
from tests.support.collector.api_server import ApiServer
from tests.support.collector.pods import pod_json, running
from tests.support.processes import LOOK_AGAIN_S, daemon
from tests.support.recorded_files import events, journals, parquet_files

LIFE_S = 3.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """The event loop only waits for other processes here, so it may open files."""
    blockbuster.deactivate()


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "sleeper"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def life(program: str) -> Iterator[ExitStack]:
    """A stack in which a test starts a container; the container exits when the stack is closed."""
    try:
        with containers(detect("/sys/fs/cgroup"), 1, program):
            pass
    except (OSError, ForeignRootError) as error:
        pytest.skip(f"no cgroups can be made here: {error}")
    with ExitStack() as stack:
        yield stack


def kinds_of(data_dir: Path, container_id: str) -> set[str]:
    """Return the kinds of the events of a container."""
    return {event.kind for event in events(data_dir) if event.series == container_id}


async def test_a_container_of_three_seconds_is_recorded_with_its_name(
    tmp_path: Path, program: str, life: ExitStack
) -> None:
    data_dir = tmp_path / "data"
    async with ApiServer().running() as server:
        flags = ["--data-dir", str(data_dir), "--kubernetes-url", server.url, "--node-name", "worker-3"]
        flags += ["--min-free", "0"]  # the disk of this test may be full
        async with daemon("fgm.collector", *flags) as collector:
            with anyio.fail_after(20):
                while not journals(data_dir):
                    await anyio.sleep(LOOK_AGAIN_S)
                await server.watched()
            (container,) = life.enter_context(containers(detect("/sys/fs/cgroup"), 1, program))
            status = running("job", 0) | {"containerID": f"containerd://{container}"}
            await server.put(pod_json("short", 0, status))
            await anyio.sleep(LIFE_S)  # the length of the life is the subject of this test
            life.close()
            with anyio.fail_after(20):
                while "exit" not in kinds_of(data_dir, container):
                    await anyio.sleep(LOOK_AGAIN_S)
            collector.terminate()
            with anyio.fail_after(20):
                assert await collector.wait() == 0

    rows = 0
    for path in parquet_files(data_dir):
        file = WindowFile.open(str(path))
        for chunk in file.chunks(["pids.current"], {container}):
            assert (chunk.series.container_name, chunk.series.pod_name) == ("job", "short")
            assert chunk.series.runtime == "containerd"  # the path of this cgroup has only the id
            rows += len(chunk.time_ms)
        file.close()
    assert rows >= LIFE_S - 1
    index = load(str(data_dir / "index.json"))
    entry = index.entries[index.keys[container]]
    assert (entry.facts["container_name"], entry.facts["pod_name"]) == ("job", "short")
    assert entry.facts["runtime"] == "containerd"
    assert kinds_of(data_dir, container) >= {"start", "exit"}
    assert check(str(data_dir)).problems == []
