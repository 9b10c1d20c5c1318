"""/proc/<pid>: the resources of one process."""

from pathlib import Path

import pytest

from fgm.parse.errors import ParseError
from fgm.parse.processes import process
from fgm.parse.processes.process import ProcessStat, Region

REAL = Path(__file__).parents[2] / "data/procfs/pid"
KB = 1024


@pytest.mark.parametrize("comm", ["cat", "a b", "a) R 1", ") (", "", "tab\tnewline\n"])
def test_pid_stat_is_read_after_the_last_parenthesis(comm: str) -> None:
    tail = " S 7 0 0 0 0 0 0 0 11 0 13 14 0 0 20 0 17 0 19 0 21 0\n"

    assert process.pid_stat(f"784 ({comm}){tail}".encode()) == ProcessStat(
        pid=784, comm=comm, utime_ticks=13, stime_ticks=14, num_threads=17, starttime_ticks=19, rss_pages=21
    )


def test_a_comm_that_is_not_text_is_replaced_and_not_refused() -> None:
    assert process.pid_stat(b"7 (a\xffb) S" + b" 1" * 40).comm == "a�b"


def test_a_real_process_is_parsed() -> None:
    stat = process.pid_stat((REAL / "stat").read_bytes())

    assert (stat.pid, stat.comm, stat.num_threads, stat.starttime_ticks) == (784, "dd", 1, 5973)
    assert stat.rss_pages == 222
    assert process.statm((REAL / "statm").read_bytes()) == {
        "processes.resident_bytes": 222 * 4096,
        "processes.shared_bytes": 200 * 4096,
    }
    assert process.statm(b"740 222 200 14 0 89 0\n", page_size_bytes=65536)["processes.shared_bytes"] == 200 * 65536


@pytest.mark.parametrize("raw", [b"", b"784 (cat) S 7 0", b"x (cat) " + b"1 " * 40, b"784 (cat) S" + b" 1" * 20])
def test_a_stat_that_is_cut_off_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="pid/stat: "):
        process.pid_stat(raw)


@pytest.mark.parametrize("raw", [b"", b"740 222", b"740 222 many"])
def test_a_statm_that_is_cut_off_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="pid/statm: at least three integers expected"):
        process.statm(raw)


def test_a_real_rollup_gives_bytes() -> None:
    assert process.smaps_rollup((REAL / "smaps_rollup").read_bytes()) == {
        "smaps_rollup.pss": 422 * KB,
        "smaps_rollup.pss_anon": 108 * KB,
        "smaps_rollup.pss_file": 314 * KB,
        "smaps_rollup.pss_shmem": 0,
        "smaps_rollup.swap_pss": 0,
    }


def test_the_rollup_of_an_old_kernel_has_no_parts() -> None:
    assert process.smaps_rollup(b"0-f ---p 0 00:00 0 [rollup]\nRss: 9 kB\nPss:  3 kB\n") == {"smaps_rollup.pss": 3 * KB}


@pytest.mark.parametrize("raw", [b"", b"Rss: 3 kB\n", b"Pss: many kB\n", b"Pss:\n"])
def test_a_rollup_without_a_pss_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="pid/smaps_rollup: "):
        process.smaps_rollup(raw)


def test_mappings_are_summed_by_the_base_name_of_their_file() -> None:
    raw = (
        b"5577c32f2000-5577c32f4000 r--p 00000000 fe:00 260386                     /usr/lib/libc.so.6\n"
        b"Size: 8 kB\nRss: 7 kB\nPss: 6 kB\nPrivate_Dirty: 5 kB\nSwap: 4 kB\nSwapPss: 9 kB\nVmFlags: rd mr mw me\n"
        b"5577c32f4000-5577c32f5000 r-xp 00002000 fe:00 260386                     /opt/a b/libc.so.6\n"
        b"Size: 80 kB\nRss: 70 kB\nPss: 60 kB\nPrivate_Dirty: 50 kB\nSwap: 40 kB\n"
        b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \nSize: 1 kB\n"
        b"7f0000002000-7f0000003000 rw-p 00000000 00:00 0                          [anon:glibc: malloc]\nSize: 2 kB\n"
        b"7f0000004000-7f0000005000 rw-p 00000000 00:00 0                          [heap]\nSize: 3 kB\n"
        b"7f0000006000-7f0000007000 rw-s 00000000 00:01 7                          /dev/zero (deleted)\nSize: 4 kB\n"
    )

    assert process.smaps(raw) == [
        Region("libc.so.6", 88 * KB, 77 * KB, 66 * KB, 55 * KB, 44 * KB),
        Region("[anon]", 1 * KB),
        Region("[anon:glibc: malloc]", 2 * KB),
        Region("[heap]", 3 * KB),
        Region("zero (deleted)", 4 * KB),
    ]


def test_the_mappings_of_this_process_add_up_to_the_rollup_of_the_kernel() -> None:
    regions = process.smaps(Path("/proc/self/smaps").read_bytes())

    assert {"[heap]", "[stack]", "[anon]"} <= {region.name for region in regions}
    assert all(0 <= region.pss_bytes <= region.rss_bytes <= region.size_bytes for region in regions)


@pytest.mark.parametrize("raw", [b"Size: 8 kB\n", b"0-1 r--p 0 0:0 0\nRss: x kB\n"])
def test_malformed_mappings_are_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="pid/smaps: "):
        process.smaps(raw)
