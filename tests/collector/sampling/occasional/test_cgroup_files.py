"""Files of a cgroup that are read every ten seconds, of a real cgroup where the kernel has them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.collector.sampling.occasional.cgroup_files import cgroup_files, node_pressure
from fgm.collector.sampling.read_counts import ReadCounts


@pytest.fixture
def real_cgroup() -> Iterator[Path]:
    try:
        folder = Path(detect("/sys/fs/cgroup").unified or "/none", f"fgm-test-{os.getpid()}")
        folder.mkdir()
    except (OSError, ForeignRootError) as error:
        pytest.skip(f"no cgroup of v2 can be made here: {error}")
    yield folder
    folder.rmdir()


def test_a_frozen_cgroup_has_the_time_for_which_it_was_frozen(real_cgroup: Path) -> None:
    if not (real_cgroup / "cgroup.stat.local").exists():
        pytest.skip("cgroup.stat.local is of Linux 6.18")
    group = cgroup_files({"unified": str(real_cgroup)}, ReadCounts())
    assert group is not None
    assert group.read()["cgroup.stat.local.frozen_usec"] == 0
    (real_cgroup / "cgroup.freeze").write_text("1")
    time.sleep(0.02)  # the span that is measured
    (real_cgroup / "cgroup.freeze").write_text("0")
    thawed = dict(group.read())
    assert thawed["cgroup.stat.local.frozen_usec"] >= 20_000
    assert group.read() == thawed
    group.close()


def test_files_that_exist_are_read(tmp_path: Path) -> None:
    (tmp_path / "pids.events.local").write_text("max 3\n")
    (tmp_path / "irq.pressure").write_text("full avg10=0.00 avg60=0.00 avg300=0.00 total=17\n")
    counts = ReadCounts()
    group = cgroup_files({"unified": str(tmp_path)}, counts)
    assert group is not None
    assert group.read() == {"pids.events.local.max": 3, "irq.pressure.full.total": 17}
    (tmp_path / "irq.pressure").write_text("full avg10=0.00\n")
    assert group.read() == {"pids.events.local.max": 3}
    assert counts.failed == {"irq.pressure": 1}
    assert cgroup_files({"unified": str(tmp_path / "none")}, counts) is None
    assert cgroup_files({"cpu": str(tmp_path)}, counts) is None
    group.close()


def test_the_node_has_the_pressure_of_interrupts_if_the_kernel_measures_them(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    assert node_pressure(str(tmp_path), ReadCounts()).read() == {}
    (tmp_path / "pressure/irq").write_text("full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n")
    assert node_pressure(str(tmp_path), ReadCounts()).read() == {"irq.pressure.full.total": 5}
