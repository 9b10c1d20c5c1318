"""Behaviour of real cgroups that files in a folder do not have: kept files of a removed cgroup fail with ENODEV."""

import os
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio
import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, Hierarchies, detect
from fgm.collector.event_recording.event_recorder import EventRecorder
from fgm.collector.sampling.additions import FinalRow
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.metrics.catalogue import COLUMNS
from fgm.store.events.event import decode
from tests.support.cgroups import containers, restarted


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "sleeper"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    try:
        with containers(detect("/sys/fs/cgroup"), 1, str(path)):
            pass
    except (OSError, ForeignRootError) as error:
        pytest.skip(f"no cgroups can be made here: {error}")
    return str(path)


def real_sampler(hierarchies: Hierarchies) -> Sampler:
    return Sampler(
        CgroupFinder(hierarchies, (), "worker-3"),
        Node("worker-3", "/proc", "/sys", hierarchies),
        "/proc",
        1.0,
        time.monotonic,
    )


@pytest.mark.slow
def test_each_restart_of_a_container_between_two_ticks_is_an_event(program: str, tmp_path: Path) -> None:
    """The container keeps its id and its path, as after `docker restart`; its cgroup is another one."""
    hierarchies = detect("/sys/fs/cgroup")
    ticks = []
    with ExitStack() as stack:
        restarted_id, other_id = stack.enter_context(containers(hierarchies, 2, program))
        sampler = real_sampler(hierarchies)
        stack.callback(sampler.close)
        for second in range(8):
            if 1 <= second <= 6:
                stack.enter_context(restarted(hierarchies, restarted_id, program))
            ticks.append(sampler.tick(second * 1000, time.monotonic()))
            assert {restarted_id, other_id} <= {series.key for series in ticks[-1].series}

    async def record() -> None:
        recorder = EventRecorder(str(tmp_path), "worker-3", 1000, "worker-3", oom_watch=None)
        for tick in ticks:
            recorder.add_tick(tick)
        recorder.end()
        await recorder.run()

    anyio.run(record)
    lines = b"".join(path.read_bytes() for path in tmp_path.glob("dt=*/*/events.jsonl"))
    events = [decode(line) for line in lines.splitlines(keepends=True)]
    assert [(event.time_ms, event.kind) for event in events if event.series == restarted_id] == [
        (second * 1000, kind) for second in range(1, 7) for kind in ("exit", "restart")
    ]
    assert [event for event in events if event.series == other_id] == []


@contextmanager
def hybrid_container(hierarchies: Hierarchies) -> Iterator[tuple[str, list[str]]]:
    """Make a container in the memory hierarchy and, with another path, on v2; yield its id and its folders."""
    container_id = secrets.token_hex(32)
    folders = [f"{hierarchies.v1['memory']}/{container_id}", f"{hierarchies.unified}/docker-{container_id}.scope"]
    with ExitStack() as stack:
        for folder in folders:
            os.mkdir(folder)
            stack.callback(os.rmdir, folder)
        yield container_id, folders


@contextmanager
def entered(folders: Sequence[str], command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a shell command in cgroups. It is in them when the block begins."""
    procs = [f"{folder}/cgroup.procs" for folder in folders]
    script = f'for procs; do echo $$ >"$procs"; done; echo; {command}'
    with subprocess.Popen(["sh", "-c", script, "sh", *procs], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def exited(sampler: Sampler, container_id: str) -> FinalRow:
    """Wait until the kernel reports the exit of a container, and return its last row. Other tests may end others."""
    assert sampler.readers.exits.fd is not None
    while True:
        assert select.select([sampler.readers.exits.fd], [], [], 10)[0]
        for final in sampler.read_exited():
            if final.series.key == container_id:
                return final


@pytest.mark.usefixtures("program")
def test_on_a_hybrid_host_an_oom_kill_on_v1_is_in_the_last_row() -> None:
    """Without it, the kill would be lost if the runtime removes the cgroup before the next tick."""
    hierarchies = detect("/sys/fs/cgroup")
    if hierarchies.unified is None or "memory" not in hierarchies.v1:
        pytest.skip("needs a host with the memory controller in a v1 hierarchy, and a v2 mount")
    with ExitStack() as stack:
        container_id, folders = stack.enter_context(hybrid_container(hierarchies))
        Path(folders[0], "memory.limit_in_bytes").write_text(str(16 << 20))
        process = stack.enter_context(entered(folders, "read line; exec tail /dev/zero"))
        sampler = real_sampler(hierarchies)
        stack.callback(sampler.close)
        sampler.tick(0, time.monotonic())
        process.communicate(b"\n")
        final = exited(sampler, container_id)

    assert process.returncode == -signal.SIGKILL
    assert final.row[1 + COLUMNS.index("memory.events.oom_kill")] == 1


@pytest.mark.usefixtures("program")
def test_on_a_hybrid_host_the_exit_of_a_container_is_seen_between_ticks() -> None:
    hierarchies = detect("/sys/fs/cgroup")
    if hierarchies.unified is None or hierarchies.is_v2:
        pytest.skip("needs a host with controllers in v1 hierarchies and a v2 mount")
    with ExitStack() as stack:
        container_id, folders = stack.enter_context(hybrid_container(hierarchies))
        process = stack.enter_context(entered(folders, "exec cat"))
        sampler = real_sampler(hierarchies)
        stack.callback(sampler.close)
        first = sampler.tick(0, time.monotonic())
        (row,) = (row for series, row in zip(first.series, first.rows, strict=True) if series.key == container_id)
        assert row[1 + COLUMNS.index("cgroup.events.populated")] == 1
        assert row[1 + COLUMNS.index("memory.current")] > 0
        assert container_id not in {final.series.key for final in sampler.read_exited()}
        process.communicate()
        final = exited(sampler, container_id)

    assert final.row[1 + COLUMNS.index("cgroup.events.populated")] == 0


@pytest.mark.slow
def test_a_cgroup_removed_within_a_sweep_has_no_row_and_no_failed_read(program: str) -> None:
    hierarchies = detect("/sys/fs/cgroup")
    with containers(hierarchies, 2, program) as ids:
        sampler = real_sampler(hierarchies)
        before = sampler.tick(0, time.monotonic())
        assert set(ids) <= {series.key for series in before.series}
    sampler.readers._finder.refresh = set  # type: ignore[method-assign]  # they go after the walk, before the reads
    gone = sampler.tick(1000, time.monotonic())
    after = sampler.tick(2000, time.monotonic())

    assert {series.key for series in gone.series}.isdisjoint(ids)
    assert "node" in {series.key for series in after.series}
    assert sampler.counts.failed == {}
    sampler.close()


def test_a_service_has_the_processes_below_it_and_a_slice_only_through_its_services(program: str) -> None:
    hierarchies = detect("/sys/fs/cgroup")
    mount = hierarchies.v1.get("memory", hierarchies.unified)
    top = f"/fgm-{secrets.token_hex(6)}.slice"
    names = ("", "/a.service", "/a.service/inner", "/b.service")
    with ExitStack() as stack:
        started = {}
        for name in names:
            os.mkdir(f"{mount}{top}{name}")
            stack.callback(os.rmdir, f"{mount}{top}{name}")
        for name in names[1:]:
            process = stack.enter_context(subprocess.Popen([program]))
            stack.callback(process.wait)
            stack.callback(process.kill)
            Path(f"{mount}{top}{name}/cgroup.procs").write_text(str(process.pid))
            started[name] = process.pid
        finder = CgroupFinder(hierarchies, (top, f"{top}/*"), "worker-3")
        sampler = Sampler(finder, Node("worker-3", "/proc", "/sys", hierarchies), "/proc", 1.0, time.monotonic)
        stack.callback(sampler.close)
        sampler.tick(1000, time.monotonic())
        listed = {key.removeprefix(f"cgroup:{top}"): list_ for key, list_ in sampler.readers.other_listings().items()}

        own = {key: sorted(found.pids) for key, found in listed.items() if key in names}
        assert own == {
            "/a.service": sorted([started["/a.service"], started["/a.service/inner"]]),
            "/b.service": [started["/b.service"]],
        }
    assert all(found.pids == [] for key, found in listed.items() if key in names)
