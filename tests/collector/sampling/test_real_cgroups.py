"""Behaviour of real cgroups that files in a folder do not have: kept files of a removed cgroup fail with ENODEV."""

import time
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from tests.support.cgroups import containers


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


@pytest.mark.slow
def test_a_cgroup_removed_within_a_sweep_has_no_row_and_no_failed_read(program: str) -> None:
    hierarchies = detect("/sys/fs/cgroup")
    with containers(hierarchies, 2, program) as ids:
        sampler = Sampler(
            CgroupFinder(hierarchies, (), "worker-3"),
            Node("worker-3", "/proc", "/sys", hierarchies),
            "/proc",
            1.0,
            time.monotonic,
        )
        before = sampler.tick(0, time.monotonic())
        assert set(ids) <= {series.key for series in before.series}
    sampler.readers._finder.refresh = set  # type: ignore[method-assign]  # they go after the walk, before the reads
    gone = sampler.tick(1000, time.monotonic())
    after = sampler.tick(2000, time.monotonic())

    assert {series.key for series in gone.series}.isdisjoint(ids)
    assert "node" in {series.key for series in after.series}
    assert sampler.counts.failed == {}
    sampler.close()
