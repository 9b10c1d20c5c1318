"""An OOM kill names the process that died, by the kernel's log or by the readings before it."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.collector.kernel.kernel_log import KernelLog
from fgm.collector.processes.host_units import Host
from fgm.collector.processes.top import TopReader, Visit
from fgm.collector.processes.victims import LOOKS, Victims
from fgm.collector.sampling.process_list import FolderListing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.processes.process import ProcessStat
from fgm.store.events.event import Event
from fgm.store.samples.series import Series
from tests.support.collector.fake_proc import MIB, PAGE_BYTES, TICKS, FakeProc, Ticking

KEY = "ab" * 32


class NoLog(KernelLog):
    def __init__(self) -> None:
        self._fd = -1


class Logged(NoLog):
    """A log with one kill in each of these cgroups, of the pid and the name."""

    def __init__(self, *kills: tuple[str, int, str]) -> None:
        super().__init__()
        self._kills = list(kills)

    def new_records(self) -> Iterator[bytes]:
        kills, self._kills = self._kills, []
        for cgroup, pid, name in kills:
            task = f"task_memcg={cgroup},task={name},pid={pid},uid=0"
            yield f"6,1,1,-;oom-kill:constraint=X,oom_memcg=/,{task}\n".encode()
            usage = "total-vm:9kB, anon-rss:10240kB, file-rss:0kB, shmem-rss:0kB"
            yield f"3,1,1,-;Memory cgroup out of memory: Killed process {pid} ({name}) {usage}\n".encode()


def kill(key: str = KEY, killed: int = 1) -> Event:
    return Event(1000, "oom_kill", key, "OOM kill; memory was 1", {}, {"killed": killed})


def visits(**resident: int) -> Mapping[int, Visit]:
    """Return readings of processes with a pid each, from 1 on, by name with their MiB, ten seconds after the boot."""
    return {
        pid: Visit(ProcessStat(pid, name, 0, 0, 1, 0, mib * MIB // PAGE_BYTES), 10.0, 0.0)
        for pid, (name, mib) in enumerate(resident.items(), 1)
    }


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


def named(proc: FakeProc, seen: Mapping[int, Visit], log: KernelLog, event: Event) -> Event:
    host = Host(proc.root, TICKS, PAGE_BYTES, 0, Ticking(now=14.0))
    (result,) = Victims(host, lambda key: seen if key == KEY else {}, log, lambda _: None).name([event])
    return result


def test_the_largest_process_that_is_gone_since_the_last_reading_is_named(proc: FakeProc) -> None:
    proc.add(1, comm="main", resident=20 * MIB)
    event = named(proc, visits(main=20, worker=310, small=100), NoLog(), kill())

    assert event.what == "OOM kill: worker (pid 2), gone since it was last seen with 310 MiB 4 s before; memory was 1"
    assert event.after == {"killed": 1, "victim": "worker", "victim_pid": 2, "victim_rss_bytes": 310 * MIB}


def test_a_process_that_has_not_ended_yet_is_waited_for(proc: FakeProc) -> None:
    """The kernel counts a kill before the process has ended, which takes longer the more memory it has."""
    proc.add(1, comm="worker", resident=310 * MIB)
    looks: list[float] = []

    def end_at_the_third(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            proc.add(1, comm="worker", resident=0)

    host, seen = Host(proc.root, TICKS, PAGE_BYTES, 0, Ticking(now=14.0)), visits(worker=310)
    (event,) = Victims(host, lambda _: seen, NoLog(), end_at_the_third).name([kill()])

    assert event.after["victim"] == "worker"
    assert len(looks) == 3


def test_many_kills_at_once_are_not_waited_for_one_by_one(proc: FakeProc) -> None:
    proc.add(1, comm="worker", resident=310 * MIB)
    looks: list[float] = []
    host, seen = Host(proc.root, TICKS, PAGE_BYTES, 0, Ticking(now=14.0)), visits(worker=310)
    victims = Victims(host, lambda _: seen, NoLog(), looks.append)

    assert victims.name([kill()] * 100) == [kill()] * 100
    assert len(looks) == LOOKS
    victims.name([kill()])
    assert len(looks) == 2 * LOOKS


def test_a_pid_of_another_process_and_a_process_without_memory_are_gone(proc: FakeProc) -> None:
    proc.add(1, started_s=9.0, resident=300 * MIB)
    proc.add(2, resident=0)
    event = named(proc, visits(one=310, two=200), NoLog(), kill(killed=5))

    assert ": one (pid 1), two (pid 2), gone since it was last seen with 310 MiB in the first 4 s before;" in event.what


def test_of_many_processes_some_are_named(proc: FakeProc) -> None:
    event = named(proc, visits(a=9, b=8, c=7, d=6, e=5), NoLog(), kill(killed=5))

    assert "a (pid 1), b (pid 2), c (pid 3) and 2 others, gone since" in event.what


def test_a_small_process_that_ended_is_not_taken_for_the_victim(proc: FakeProc) -> None:
    proc.add(1, resident=300 * MIB)

    assert named(proc, visits(large=300, job=10), NoLog(), kill()) == kill()
    assert named(proc, {}, NoLog(), kill()) == kill()


@pytest.mark.parametrize(
    ("cgroup", "key"),
    [
        (f"/kubepods/pod1/{KEY}/nested", KEY),
        ("/system.slice/a.service", "cgroup:/system.slice/a.service"),
        ("/system.slice/a.service/x", "cgroup:/system.slice/a.service"),
        ("/kubepods.slice/kubepods-pod12_34.slice/x", "pod:12-34"),
        ("/anywhere", "node"),
    ],
)
def test_the_kernels_log_is_exact(proc: FakeProc, cgroup: str, key: str) -> None:
    log = Logged(("/other", 4, "other") if key != "node" else (cgroup, 9, "java"), (cgroup, 9, "java"))
    event = named(proc, visits(worker=310), log, kill(key))

    assert event.what == "OOM kill: java (pid 9), with 10 MiB; memory was 1"
    assert event.after["victim_pid"] == 9


def test_kills_of_a_group_are_all_taken_and_those_of_containers_are_not_the_nodes(proc: FakeProc) -> None:
    """The kernel kills the first process of a group twice."""
    group = f"/kubepods/{KEY}"
    log = Logged((group, 1, "a"), (group, 1, "a"), (group, 2, "b"), (f"/kubepods/{'cd' * 32}", 3, "c"))
    victims = Victims(Host(proc.root, TICKS, PAGE_BYTES, 0, Ticking()), lambda _: {}, log, lambda _: None)
    first, node, second = victims.name([kill(killed=2), kill("node"), kill()])

    assert "a (pid 1), b (pid 2), with 10 MiB in the first" in first.what
    assert (node, second) == (kill("node"), kill())


def test_other_events_are_left_as_they_are(proc: FakeProc) -> None:
    event = Event(1000, "start", KEY, "started")

    assert named(proc, visits(worker=310), Logged((f"/{KEY}", 9, "java")), event) == event


_WORKERS = """
import ctypes, os, sys, time
for number in range(4):
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"report" if number == 2 else b"cart")
        kept = [bytearray(os.urandom(4 << 20))]
        if number == 2:
            kept.append(bytearray(os.urandom(20 << 20)))
            while not os.path.exists(sys.argv[1]): time.sleep(0.02)
            while True: kept.append(bytearray(os.urandom(1 << 20)))
        time.sleep(60)
time.sleep(60)
"""


@pytest.mark.parametrize("has_log", [False, True])
def test_a_real_kill_in_a_container_of_several_processes_names_the_process(tmp_path: Path, *, has_log: bool) -> None:
    try:
        memory = detect("/sys/fs/cgroup").v1["memory"]
    except (ForeignRootError, KeyError):
        pytest.skip("the memory controller is not on cgroup v1 here")
    folder, go = Path(memory, f"fgm-{secrets.token_hex(8)}"), tmp_path / "go"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroups can be made here: {error}")
    log = KernelLog("/dev/kmsg") if has_log else NoLog()
    if has_log and log._fd < 0:
        pytest.skip("the kernel's log cannot be read here")
    key = f"cgroup:/{folder.name}"
    listing = FolderListing(Series("cgroup", cgroup=f"/{folder.name}"), (str(folder),), is_recursive=True)
    enter = f"echo $$ >{folder}/cgroup.procs; exec {sys.executable} -c '{_WORKERS}' {go}"
    (folder / "memory.limit_in_bytes").write_text(str(96 * MIB))
    clock = time.CLOCK_BOOTTIME
    host = Host("/proc", os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 0, lambda: time.clock_gettime(clock))
    top = TopReader(host, ReadCounts())
    with subprocess.Popen(["/bin/sh", "-c", enter]) as process:
        try:
            names: set[str] = set()
            while not any(row.rss_bytes > 24 * MIB for row in top.step({key: listing}, 1000)):
                top._turns.hasten([key], host.since_boot())
                time.sleep(0.05)
            names = {visit.stat.comm for visit in top.last_seen(key).values()}
            go.touch()
            while "oom_kill 1\n" not in (folder / "memory.oom_control").read_text():
                time.sleep(0.02)
            (event,) = Victims(host, top.last_seen, log).name([kill(key)])
        finally:
            for pid in [*listing.pids, process.pid]:
                os.kill(pid, signal.SIGKILL)
    while listing.pids:
        time.sleep(0.02)
    folder.rmdir()
    log.close()

    assert names >= {"report", "cart"}
    assert event.after["victim"] == "report"
    assert ("OOM kill: report (pid " if has_log else "gone since it was last seen with") in event.what
