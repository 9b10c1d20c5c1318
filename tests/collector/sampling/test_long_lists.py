"""A container with thousands of processes: all are counted, and the busiest one is among the top processes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.processes.host_units import Host
from fgm.collector.processes.top import TopReader
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.sampler import Sampler
from fgm.metrics.catalogue import COLUMNS
from tests.support.cgroups import containers
from tests.support.crowd import BUSY_CPU_S, can_make_cgroups, crowd_program, wait_for

PROCESSES = 2000
MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/pids")
PID_COUNT = 1 + COLUMNS.index("container.pid_count")


@pytest.fixture
def container(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The id of a container, and the pid of its newest process."""
    with containers(detect("/sys/fs/cgroup"), 1, crowd_program(tmp_path, PROCESSES)) as ids:
        wait_for(tmp_path / "ready")
        yield ids[0], int((tmp_path / "ready").read_text())


@pytest.mark.slow
@pytest.mark.skipif(not any(map(can_make_cgroups, MOUNTS)), reason="no cgroups can be made")
def test_all_processes_are_counted_and_the_newest_is_among_the_busiest(container: tuple[str, int]) -> None:
    container_id, newest = container
    hierarchies = detect("/sys/fs/cgroup")
    sampler = Sampler(
        CgroupFinder(hierarchies, (), "worker-3"),
        Node("worker-3", "/proc", "/sys", hierarchies),
        "/proc",
        1.0,
        time.monotonic,
    )
    tick = sampler.tick(0, time.monotonic())
    counts = {series.key: count for series, count in zip(tick.series, tick.rows[:, PID_COUNT], strict=True)}
    listing = sampler.readers.listings()[container_id]
    sampler.close()

    assert counts[container_id] == PROCESSES
    assert len(set(listing.pids)) == PROCESSES
    assert newest in busiest(listing)


def busiest(listing: Listing) -> set[int]:
    """Return the top processes of the first round, which reads only some of them."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    host = Host("/proc", os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 0, lambda: now)
    rows = TopReader(host, ReadCounts()).step({listing.series.key: listing}, 0)
    return {row.pid for row in rows if row.cpu_usec >= 1e6 * BUSY_CPU_S / 2}
