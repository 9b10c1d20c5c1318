"""The processes of a container, and the recognition of a sandbox by its only process."""

import time
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import KernelFile
from fgm.collector.sampling.process_list import Listing, ProcessList, runs_only_pause
from fgm.collector.sampling.read_counts import ReadCounts
from tests.support.collector.fake_proc import listing
from tests.support.crowd import can_make_cgroups, cgroup, crowd_in

V1 = "/sys/fs/cgroup/pids"


def test_a_listing_has_no_processes_of_other_pid_namespaces() -> None:
    processes = Listing(listing("a").series, (b"12\n0\n13\n", b"14\n"))
    assert processes.pids == [12, 13, 14]
    assert [pid for pid in (1, 2, 3, 4, 12, 13, 14, 120) if pid in processes] == processes.pids


@pytest.mark.parametrize(
    ("comm", "pids", "expected"),
    [
        ("pause\n", [7], True),
        ("pause-server\n", [7], False),
        ("pause\n", [7, 8], False),
        ("pause\n", [], False),
        ("pause\n", [9], False),
    ],
    ids=["pause", "another name", "two processes", "no process", "an ended process"],
)
def test_a_sandbox_runs_nothing_but_pause(tmp_path: Path, comm: str, pids: list[int], *, expected: bool) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text(comm)

    assert runs_only_pause(str(tmp_path), pids) is expected


@pytest.mark.slow
@pytest.mark.skipif(not can_make_cgroups(V1), reason="no cgroup v1 can be made")
def test_processes_that_start_and_end_after_the_first_read_are_counted(tmp_path: Path) -> None:
    """On cgroup v1, an open cgroup.procs that is read every second shows the processes of its first read for ever."""
    with cgroup(V1) as folder:
        processes = ProcessList([[str(folder)]], ReadCounts().count_failure)
        seen = [follow(processes)]
        with crowd_in(folder, tmp_path, 5):
            seen.append(follow(processes))
        seen.append(follow(processes))
        processes.close()

    assert seen == [0, 5, 0]


@pytest.mark.skipif(not can_make_cgroups(V1), reason="no cgroup v1 can be made")
def test_the_first_process_of_a_cgroup_is_seen_at_the_next_tick(tmp_path: Path) -> None:
    """A runtime makes the cgroup first. The kernel would remember for a second that it has no process."""
    with cgroup(V1) as folder:
        processes = ProcessList([[str(folder)]], ReadCounts().count_failure)
        for tick in range(3):
            processes.read_if_due(tick / 10, parse)
        assert processes.count == 0
        with crowd_in(folder, tmp_path, 2):
            processes.read_if_due(0.3, parse)
            assert processes.count == 2
        processes.close()


def follow(processes: ProcessList) -> float:
    """Read the processes at four ticks, a second apart, which is how long the kernel remembers them."""
    for _ in range(4):
        processes.read_if_due(time.monotonic(), parse)
        time.sleep(1)
    return processes.count


def parse(file: KernelFile, text: bytes | OSError) -> None:
    assert isinstance(text, bytes)
    file.parse(text)
