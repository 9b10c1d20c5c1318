"""PSS is read rarely, within its budget, and never from a process that the read would delay."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.collector.processes.proc_files import REFUSED_REST_S
from fgm.collector.processes.sums import EVERY_S, SumReader
from fgm.collector.sampling.read_counts import ReadCounts
from tests.support.collector.fake_proc import MIB, PAGE_BYTES, FakeProc, Ticking, listing

KB = 1024


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path)


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def reader(proc: FakeProc, clock: Ticking) -> SumReader:
    return SumReader(proc.root, PAGE_BYTES, clock, ReadCounts())


def test_the_value_of_a_container_is_the_sum_over_its_processes(proc: FakeProc, reader: SumReader) -> None:
    proc.add(1, pss_kb=100)
    proc.add(2, pss_kb=30)
    proc.add(3, pss_kb=7)
    folder_bytes = Path(proc.root, "1", "fd").stat().st_size  # in the kernel's /proc the number of open files

    assert reader.step({"a": listing("a", 1, 2), "b": listing("b", 3)}) == {
        "a": {
            "processes.resident_bytes": 2 * MIB,
            "processes.shared_bytes": 20 * PAGE_BYTES,
            "processes.fd_count": 2 * folder_bytes,
            "smaps_rollup.pss": 130 * KB,
            "smaps_rollup.pss_anon": 128 * KB,
            "smaps_rollup.pids_read": 2,
            "smaps_rollup.pids_total": 2,
            "smaps_rollup.age_s": 0.0,
        },
        "b": {
            "processes.resident_bytes": MIB,
            "processes.shared_bytes": 10 * PAGE_BYTES,
            "processes.fd_count": folder_bytes,
            "smaps_rollup.pss": 7 * KB,
            "smaps_rollup.pss_anon": 6 * KB,
            "smaps_rollup.pids_read": 1,
            "smaps_rollup.pids_total": 1,
            "smaps_rollup.age_s": 0.0,
        },
    }


def test_a_process_is_read_at_most_every_thirty_seconds(proc: FakeProc, clock: Ticking, reader: SumReader) -> None:
    proc.add(1)
    listings, start = {"a": listing("a", 1)}, clock.now
    seen = []
    for second in range(100):
        clock.now = start + second
        seen += [second for _ in reader.step(listings)]

    assert seen == [0, EVERY_S, 2 * EVERY_S, 3 * EVERY_S]


def test_reading_stays_within_the_budget_and_the_age_is_the_duration_of_the_round(proc: FakeProc) -> None:
    clock = Ticking(step_s=0.001)  # each read lasts so long, and as much between two
    reader = SumReader(proc.root, PAGE_BYTES, clock, ReadCounts())
    for pid in range(1, 101):
        proc.add(pid, pss_kb=2)
    proc.add(1000)
    listings, start, done = {"many": listing("many", *range(1, 101)), "one": listing("one", 1000)}, clock.now, {}
    for second in range(12):
        clock.now = max(clock.now, start + second)
        for key, values in reader.step(listings).items():
            done[key] = (second, values)

    assert done["one"][0] == 0
    second, values = done["many"]
    assert 9 <= second <= 10  # 101 reads of 1 ms, 10 ms each second
    assert values["smaps_rollup.pss"] == 200 * KB
    assert values["smaps_rollup.age_s"] == pytest.approx(second, abs=0.1)


def test_a_large_process_is_counted_but_its_pss_is_not_read(proc: FakeProc, reader: SumReader) -> None:
    proc.add(1, pss_kb=100)
    proc.add(2, resident=257 * MIB)
    (values,) = reader.step({"a": listing("a", 1, 2)}).values()

    assert values["smaps_rollup.pss"] == 100 * KB
    assert (values["smaps_rollup.pids_read"], values["smaps_rollup.pids_total"]) == (1, 2)


def test_the_pss_of_only_large_processes_is_null(proc: FakeProc, reader: SumReader) -> None:
    proc.add(2, resident=257 * MIB)

    (values,) = reader.step({"a": listing("a", 2)}).values()

    assert smaps(values) == {"smaps_rollup.pids_read": 0, "smaps_rollup.pids_total": 1}
    assert values["processes.resident_bytes"] == 257 * MIB


def test_the_pss_of_a_large_process_in_huge_pages_is_read(proc: FakeProc, reader: SumReader) -> None:
    proc.add(1, resident=4096 * MIB, pss_kb=5)
    (values,) = reader.step({"a": listing("a", 1, huge_share=0.97)}).values()

    assert values["smaps_rollup.pss"] == 5 * KB


def test_an_ended_process_is_neither_read_nor_counted(proc: FakeProc, reader: SumReader) -> None:
    proc.add(1)
    (values,) = reader.step({"a": listing("a", 1, 2), "gone": listing("gone", 3)}).values()

    assert (values["smaps_rollup.pids_read"], values["smaps_rollup.pids_total"]) == (1, 1)


def test_other_sums_are_read_if_the_kernel_has_no_smaps_rollup(proc: FakeProc, reader: SumReader) -> None:
    proc.add(1)
    Path(proc.root, "1", "smaps_rollup").unlink()
    (values,) = reader.step({"a": listing("a", 1)}).values()

    assert values["processes.resident_bytes"] == MIB
    assert (values["smaps_rollup.pids_read"], values["smaps_rollup.pids_total"]) == (0, 1)
    assert "smaps_rollup.pss" not in values


def test_a_process_without_open_files_counts_none(clock: Ticking) -> None:
    with subprocess.Popen(["sh", "-c", "exec sleep 60 <&- >&- 2>&-"]) as process:
        while "(sleep) S" not in Path(f"/proc/{process.pid}/stat").read_text():
            os.sched_yield()  # it sleeps after its loader has closed the libraries
        reader = SumReader("/proc", os.sysconf("SC_PAGE_SIZE"), clock, ReadCounts())
        (values,) = reader.step({"a": listing("a", process.pid)}).values()
        process.kill()

    assert values["processes.fd_count"] == 0


def test_a_malformed_file_is_counted_as_failed_and_costs_only_its_own_values(proc: FakeProc, clock: Ticking) -> None:
    counts = ReadCounts()
    proc.add(1)
    proc.add(2)
    Path(proc.root, "2", "smaps_rollup").write_text("Pss: many kB\n")
    (values,) = SumReader(proc.root, PAGE_BYTES, clock, counts).step({"a": listing("a", 1, 2)}).values()

    assert (values["smaps_rollup.pids_read"], values["smaps_rollup.pids_total"]) == (1, 2)
    assert values["processes.resident_bytes"] == 2 * MIB
    assert counts.failed == {"smaps_rollup": 1}


def test_a_sum_that_would_lack_a_living_process_is_null(proc: FakeProc, clock: Ticking) -> None:
    counts = ReadCounts()
    for pid in (1, 2, 3):
        proc.add(pid)
    proc.refuse(2, "statm")
    seen = SumReader(proc.root, PAGE_BYTES, clock, counts).step({"a": listing("a", 1, 2), "b": listing("b", 3)})

    assert seen.keys() == {"b"}
    assert counts.failed == {"pid/statm": 1}


def test_a_refused_container_is_tried_again_after_an_hour_and_logged_once(
    proc: FakeProc, clock: Ticking, reader: SumReader, caplog: pytest.LogCaptureFixture
) -> None:
    for pid in (1, 2, 3):
        proc.add(pid)
    proc.refuse(1)
    proc.refuse(3)
    listings, start = {"a": listing("a", 1, 2), "b": listing("b", 3)}, clock.now
    with caplog.at_level(logging.INFO):
        assert list(map(smaps, reader.step(listings).values())) == [{}, {}]
        proc.add(4)
        Path(proc.root, "1", "smaps_rollup").unlink()
        proc.add(1)
        clock.now = start + REFUSED_REST_S - 1
        later = reader.step({**listings, "c": listing("c", 4)})
        assert [key for key, values in later.items() if smaps(values)] == ["c"]
        assert later["a"]["processes.resident_bytes"] == 2 * MIB
        clock.now = start + REFUSED_REST_S + EVERY_S
        assert [key for key, values in reader.step(listings).items() if smaps(values)] == ["a"]
    (record,) = caplog.records

    assert "CAP_SYS_PTRACE" in record.getMessage()


def smaps(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.startswith("smaps_rollup.")}


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process with 20 MB of private memory."""
    code = "memory = b'x' * 20_000_000; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_real_process_is_read_and_a_zombie_is_not(child: subprocess.Popen[bytes], clock: Ticking) -> None:
    reader = SumReader("/proc", os.sysconf("SC_PAGE_SIZE"), clock, ReadCounts())
    listings = {"a": listing("a", child.pid)}
    (values,) = reader.step(listings).values()
    assert values["smaps_rollup.pids_read"] == 1
    assert values["processes.fd_count"] == len(os.listdir(f"/proc/{child.pid}/fd"))
    assert values["processes.resident_bytes"] > 20_000_000 > values["processes.shared_bytes"] > 0
    parts = values["smaps_rollup.pss_anon"] + values["smaps_rollup.pss_file"] + values["smaps_rollup.pss_shmem"]
    assert values["smaps_rollup.pss"] == pytest.approx(parts, abs=4 * KB)
    assert values["smaps_rollup.pss_anon"] > 20_000_000

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    clock.now += EVERY_S
    assert reader.step(listings) == {}
    child.wait()
    clock.now += EVERY_S
    assert reader.step(listings) == {}


def test_a_process_that_becomes_another_program_is_read_again(clock: Ticking) -> None:
    reader = SumReader("/proc", os.sysconf("SC_PAGE_SIZE"), clock, ReadCounts())
    with subprocess.Popen(["sh", "-c", "read line; exec sleep 60"], stdin=subprocess.PIPE) as process:
        listings = {"a": listing("a", process.pid)}
        before = reader.step(listings)["a"]
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
            os.sched_yield()
        clock.now += EVERY_S
        after = reader.step(listings)["a"]
        process.kill()

    assert before["smaps_rollup.pids_read"] == after["smaps_rollup.pids_read"] == 1
