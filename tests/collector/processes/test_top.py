"""The top processes of a container by CPU and memory, with any names and any number of processes."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fgm.collector.processes.host_units import Host
from fgm.collector.processes.top import BUDGET_S_PER_S, EVERY_S, MAX_PER_ROUND, TOP, TopReader
from fgm.collector.sampling.read_counts import ReadCounts
from tests.support.collector.fake_proc import MIB, PAGE_BYTES, TICKS, FakeProc, Ticking, listing

BOOTED_MS = 1_700_000_000_000


class Watched:
    """A host, and the reader of its processes."""

    def __init__(self, root: Path, clock: Ticking) -> None:
        self.proc = FakeProc(root)
        self.clock = clock
        self.counts = ReadCounts()
        self.reader = TopReader(Host(self.proc.root, TICKS, PAGE_BYTES, BOOTED_MS, clock), self.counts)

    def round(self, *pids: int) -> list[int]:
        """Run the next round of a container with these processes; return its top processes."""
        self.clock.now += EVERY_S
        return [row.pid for row in self.reader.step({"a": listing("a", *pids)}, 5000)]


@pytest.fixture
def host(tmp_path: Path) -> Watched:
    return Watched(tmp_path, Ticking())


def test_a_row_identifies_a_process_and_has_its_usage(host: Watched) -> None:
    host.proc.add(7, comm="a) R\n1", cpu_s=1.5, started_s=900, resident=3 * MIB)
    (row,) = host.reader.step({"a": listing("a", 7)}, 5000)

    assert (row.time_ms, row.container_id, row.container_name, row.pod_name) == (5000, "a", "name-a", "pod")
    assert (row.pid, row.comm, row.start_time_ms) == (7, "a) R\n1", BOOTED_MS + 900_000)
    assert (row.cpu_usec, row.rss_bytes, row.threads) == (1_500_000, 3 * MIB, 3)


def test_only_the_ten_busiest_and_the_ten_largest_processes_are_recorded(host: Watched) -> None:
    pids = range(1, 101)
    for pid in pids:
        host.proc.add(pid, resident=pid * MIB, cpu_s=5.0, started_s=990)
    host.round(*pids)
    for pid in pids:
        host.proc.add(pid, resident=pid * MIB, cpu_s=5.0 + (0.1 * (31 - pid) if pid <= 30 else 0), started_s=990)

    assert host.round(*pids) == [*range(1, TOP + 1), *range(91, 101)]


def test_processes_are_ranked_by_processor_time_since_the_last_round(host: Watched) -> None:
    for pid in range(1, 21):
        host.proc.add(pid, cpu_s=1000.0 * pid, resident=0)
    host.round(*range(1, 21))
    host.proc.add(1, cpu_s=1000.5, resident=0)

    assert host.round(*range(1, 21)) == [1]


def test_a_reused_pid_is_another_process(host: Watched) -> None:
    host.proc.add(1, cpu_s=500.0, resident=0)
    host.proc.add(2, cpu_s=500.0, resident=0)
    host.round(1, 2)
    host.proc.add(1, cpu_s=0.2, started_s=host.clock.now + 9, resident=0)

    assert host.round(1, 2) == [1]


def test_a_round_begins_every_ten_seconds(host: Watched) -> None:
    host.proc.add(1)
    listings, start, seen = {"a": listing("a", 1)}, host.clock.now, []
    for second in range(40):
        host.clock.now = start + second
        seen += [second for _ in host.reader.step(listings, second * 1000)]

    assert seen == [0, 10, 20, 30]


def test_a_container_in_trouble_is_read_in_each_step_and_at_once(host: Watched) -> None:
    for pid in (1, 2):
        host.proc.add(pid)
    listings, start = {"a": listing("a", 1), "b": listing("b", 2)}, host.clock.now
    seen: dict[str, list[int]] = {"a": [], "b": []}
    for second in range(0, 24, 2):
        host.clock.now = start + second
        for row in host.reader.step(listings, second * 1000, {"a"} if 4 <= second < 10 else set()):
            seen[str(row.container_id)].append(second)

    assert seen == {"a": [0, 4, 6, 8, 10, 20], "b": [0, 10, 20]}


def test_a_container_in_trouble_does_not_take_the_time_of_others(tmp_path: Path) -> None:
    host = Watched(tmp_path, Ticking(step_s=0.0005))
    pids = range(1, 101)
    for pid in pids:
        host.proc.add(pid)
    listings, start = {"many": listing("many", *pids), "one": listing("one", 1)}, host.clock.now
    spent, rows = 0.0, 0
    for second in range(0, 60, 2):
        host.clock.now = max(host.clock.now, start + second)
        before = host.clock.now
        rows += sum(row.container_id == "one" for row in host.reader.step(listings, second, {"many"}))
        spent += host.clock.now - before

    assert rows >= 5
    assert spent < 60 * BUDGET_S_PER_S * 1.5  # the clock goes on with every look at it, also between reads


def test_a_long_round_takes_several_steps_within_the_budget(tmp_path: Path) -> None:
    host = Watched(tmp_path, Ticking(step_s=0.0005))
    pids = range(1, 101)
    for pid in pids:
        host.proc.add(pid)
    listings, start = {"many": listing("many", *pids), "one": listing("one", 1)}, host.clock.now
    rows: dict[str, int] = {}
    for second in range(60):
        host.clock.now = max(host.clock.now, start + second)
        for row in host.reader.step(listings, second):
            rows.setdefault(str(row.container_id), second)

    assert rows["one"] == 0
    assert rows["many"] > 20


def test_of_too_many_processes_the_top_ones_are_read_in_every_round_and_the_others_in_turn(host: Watched) -> None:
    pids = range(1, 2 * MAX_PER_ROUND + 1)
    host.proc.add(1, resident=MIB)
    host.proc.add(MAX_PER_ROUND + 1, resident=2 * MIB)

    assert host.round(*pids) == [1]
    assert host.round(*pids) == [1, MAX_PER_ROUND + 1]
    assert host.round(*pids) == [1, MAX_PER_ROUND + 1]


def test_of_too_many_processes_new_ones_are_read_in_the_next_round(host: Watched) -> None:
    """The kernel lists the newest last: cgroup v2 by its start, cgroup v1 by its pid."""
    pids = range(1, 3 * MAX_PER_ROUND + 1)
    newest = pids[-1]
    host.proc.add(newest, resident=MIB)
    assert host.round(*pids) == [newest]
    for _ in range(3):
        host.round(*pids)
    host.proc.add(newest + 1, resident=MIB)
    assert host.round(*pids, newest + 1) == [newest, newest + 1]
    host.proc.add(2, resident=2 * MIB)

    assert [host.round(*pids, newest + 1) for _ in range(3)][-1] == [2, newest, newest + 1]


def test_ended_processes_and_malformed_files_have_no_row(host: Watched) -> None:
    for pid in (1, 2, 3):
        host.proc.add(pid)
    shutil.rmtree(Path(host.proc.root, "1"))
    Path(host.proc.root, "2", "stat").write_text("2 (")

    assert host.round(1, 2, 3) == [3]
    assert host.counts.failed == {"pid/stat": 1}


def test_the_largest_process_is_forgotten_with_its_container(host: Watched) -> None:
    host.proc.add(1, resident=MIB)
    host.proc.add(2, resident=2 * MIB)
    host.round(1, 2)
    assert host.reader.largest["a"].pid == 2
    host.reader.step({}, 0)
    assert host.reader.largest == {}


@pytest.mark.dates
def test_the_rows_of_real_processes_are_right() -> None:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    booted_ms = round(time.time() * 1000 - time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
    clock = Ticking(now=time.clock_gettime(time.CLOCK_BOOTTIME))
    reader = TopReader(Host("/proc", ticks, page, booted_ms, clock), ReadCounts())
    code = "while True: pass"
    with subprocess.Popen([sys.executable, "-c", code]) as busy:
        try:
            listings = {"a": listing("a", os.getpid(), busy.pid)}
            first = {row.pid: row for row in reader.step(listings, 0)}
            while _cpu_ticks(busy.pid) < 5:
                os.sched_yield()
            clock.now += EVERY_S
            second = {row.pid: row for row in reader.step(listings, 10_000)}
        finally:
            busy.kill()

    own = second[os.getpid()]
    assert abs(own.start_time_ms - time.time() * 1000) < 3_600_000
    assert own.rss_bytes > 10 * MIB
    assert own.threads >= 1
    assert own.fds is None or own.fds == pytest.approx(len(os.listdir("/proc/self/fd")), abs=3)
    assert second[busy.pid].comm.startswith("python")
    assert second[busy.pid].cpu_usec > first.get(busy.pid, own._replace(cpu_usec=0)).cpu_usec
    assert second[busy.pid].start_time_ms == reader._host.start_ms(reader._containers["a"].visits[busy.pid].stat)


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_process_that_starts_short_lived_ones_has_their_processor_time() -> None:
    clock = Ticking(now=time.clock_gettime(time.CLOCK_BOOTTIME))
    host = Host("/proc", os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 0, clock)
    reader = TopReader(host, ReadCounts())
    with subprocess.Popen(["/bin/sh", "-c", "while :; do /bin/true; done"]) as storm:
        try:
            children = 0.0
            while not children:
                clock.now += EVERY_S
                rows = {row.pid: row for row in reader.step({"a": listing("a", storm.pid)}, 0)}
                children = (rows[storm.pid].children_cpu_usec or 0.0) if storm.pid in rows else 0.0
        finally:
            storm.kill()

    assert children >= 10_000
