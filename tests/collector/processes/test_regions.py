"""The memory regions of the largest process."""

import ctypes
import mmap
import os
from pathlib import Path

import pytest

from fgm.collector.processes.host_units import Host
from fgm.collector.processes.proc_files import MAX_BYTES, REFUSED_REST_S
from fgm.collector.processes.regions import EVERY_S, TOP, RegionReader
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.processes.process import ProcessStat, pid_stat
from tests.support.collector.fake_proc import MIB, PAGE_BYTES, TICKS, FakeProc, Ticking, listing

SMAPS = "".join(
    f"{i:x}000-{i + 1:x}000 r--p 00000000 fe:00 1                     /lib/{i}.so\nSize: {100 + i} kB\nRss: {i} kB\n"
    for i in range(30)
)
STAT = ProcessStat(
    pid=7, comm="app", utime_ticks=0, stime_ticks=0, num_threads=3, starttime_ticks=90_000, rss_pages=256
)


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    proc = FakeProc(tmp_path)
    proc.add(7, started_s=900, smaps=SMAPS)
    return proc


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def reader(proc: FakeProc, clock: Ticking) -> RegionReader:
    return RegionReader(Host(proc.root, TICKS, PAGE_BYTES, 0, clock), ReadCounts())


def test_the_twenty_largest_regions_are_recorded_once_a_minute(reader: RegionReader, clock: Ticking) -> None:
    listings, start, seen = {"a": listing("a", 6, 7)}, clock.now, []
    for second in range(130):
        clock.now = start + second
        seen += [(second, row.region, row.rss_bytes) for row in reader.step(listings, {"a": STAT}, second)]

    assert [second for second, _, _ in seen] == [0] * TOP + [60] * TOP + [120] * TOP
    assert seen[:TOP] == [(0, f"{i}.so", i * 1024) for i in range(29, 9, -1)]


def test_a_reused_pid_and_an_ended_process_have_no_rows(reader: RegionReader) -> None:
    reused, ended = STAT._replace(starttime_ticks=5), STAT._replace(pid=8)
    listings = {"a": listing("a", 7), "b": listing("b", 8), "c": listing("c", 9)}

    assert reader.step(listings, {"a": reused, "b": ended}, 0) == []


def test_a_refused_process_is_tried_again_after_an_hour(proc: FakeProc, reader: RegionReader, clock: Ticking) -> None:
    listings, start = {"a": listing("a", 7)}, clock.now
    proc.refuse(7, "smaps")
    assert reader.step(listings, {"a": STAT}, 0) == []
    Path(proc.root, "7", "smaps").unlink()
    proc.add(7, started_s=900, smaps=SMAPS)
    clock.now = start + EVERY_S
    assert reader.step(listings, {"a": STAT}, 0) == []
    clock.now = start + REFUSED_REST_S
    assert len(reader.step(listings, {"a": STAT}, 0)) == TOP


def test_the_regions_of_a_real_process_include_its_mapped_file(tmp_path: Path, clock: Ticking) -> None:
    file = tmp_path / "mapped.bin"
    file.write_bytes(b"x" * 8 * MIB)
    stat = pid_stat(Path("/proc/self/stat").read_bytes())
    reader = RegionReader(Host("/proc", os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 0, clock), ReadCounts())
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped.find(b"y") == -1  # so that all of it is resident
        rows = {row.region: row for row in reader.step({"a": listing("a", stat.pid)}, {"a": stat}, 0)}

    assert rows["mapped.bin"].size_bytes == 8 * MIB
    assert rows["mapped.bin"].rss_bytes == pytest.approx(8 * MIB, rel=0.2)
    assert rows["mapped.bin"].comm == stat.comm


def test_a_process_with_too_many_mappings_is_counted_instead_of_summed_in_part(clock: Ticking) -> None:
    """Its smaps is longer than MAX_BYTES: every second page of an area is a mapping of its own."""
    stat, counts = pid_stat(Path("/proc/self/stat").read_bytes()), ReadCounts()
    reader = RegionReader(Host("/proc", os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), 0, clock), counts)
    pages = MAX_BYTES // 600
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as area:
        first = ctypes.addressof(ctypes.c_char.from_buffer(area))
        for page in range(0, pages, 2):
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(first + page * mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
        rows = reader.step({"a": listing("a", stat.pid)}, {"a": stat}, 0)

    assert rows == []
    assert counts.failed == {"pid/smaps": 1}
