"""/proc: the node under the names of a cgroup."""

from pathlib import Path

import pytest

from fgm.metrics.catalogue import BY_NAME
from fgm.parse import procfs
from fgm.parse.errors import ParseError

REAL = Path(__file__).parents[1] / "data/procfs"


def test_proc_stat_turns_ticks_into_microseconds_without_idle_iowait_steal_and_guest() -> None:
    line = b"cpu  1 2 4 1000 1000 8 16 1000 1000 1000\ncpu0 9 9 9 9 9 9 9 9 9 9\n"
    assert procfs.proc_stat(line) == {
        "cpu.stat.usage_usec": 310_000,
        "cpu.stat.user_usec": 30_000,
        "cpu.stat.system_usec": 280_000,
        "effective_cpu_limit_millicores": 1000,
        "effective_cpu_limit_depth": 0,
    }
    assert procfs.proc_stat(line, ticks_per_second=1000)["cpu.stat.usage_usec"] == 31_000
    assert procfs.proc_stat((REAL / "stat").read_bytes())["cpu.stat.usage_usec"] == 93_630_000


@pytest.mark.parametrize("raw", [b"", b"cpu  1 2 3\n", b"cpu  1 2 3 4 5 6 x\n", b"cpu0 1 2 3 4 5 6 7\n"])
def test_proc_stat_without_its_first_line_raises(raw: bytes) -> None:
    with pytest.raises(ParseError, match="stat: "):
        procfs.proc_stat(raw)


def test_meminfo_counts_all_that_is_not_free() -> None:
    values = procfs.meminfo((REAL / "meminfo").read_bytes())
    kib = {name: value / 1024 for name, value in values.items()}
    assert kib["memory.current"] == 2976948 - 2589004
    assert kib["memory.max"] == 2976948
    assert kib["memory.stat.anon"] == 137012
    assert kib["memory.stat.file"] == 180104 + 3892
    assert kib["memory.stat.inactive_file"] == 137384
    assert kib["memory.stat.shmem"] == 12512
    assert kib["memory.stat.slab_reclaimable"] == 17988
    assert kib["memory.stat.slab_unreclaimable"] == 15724
    assert kib["memory.swap.current"] == 0
    assert values.keys() <= BY_NAME.keys()


def test_meminfo_of_another_kernel_gives_the_lines_that_it_has() -> None:
    assert procfs.meminfo(b"MemTotal:  8 kB\nNovelty: x\nHugePages_Total:  0\nSlab: 4 kB") == {
        "memory.max": 8192,
        "memory.stat.slab": 4096,
        "effective_memory_max": 8192,
        "effective_memory_max_depth": 0,
    }
    assert procfs.meminfo(b"") == {}


@pytest.mark.parametrize("raw", [b"MemTotal:\n", b"MemFree: much kB\n"])
def test_meminfo_without_a_number_raises(raw: bytes) -> None:
    with pytest.raises(ParseError, match="meminfo: a name and an integer in kB expected"):
        procfs.meminfo(raw)


def test_vmstat_gives_faults_and_oom_kills() -> None:
    raw = b"pgfault 7\nthp_pgmajfault 1\npgmajfault 8\ndirect_map_level2_splits 5\noom_kill 9\n"
    assert procfs.vmstat(raw) == {
        "memory.stat.pgfault": 7,
        "memory.stat.pgmajfault": 8,
        "memory.events.oom_kill": 9,
    }
    assert procfs.vmstat(b"xpgfault 7\n") == {}
    real = procfs.vmstat((REAL / "vmstat").read_bytes())
    assert real.keys() == {"memory.stat.pgfault", "memory.stat.pgmajfault", "memory.events.oom_kill"}
    with pytest.raises(ParseError, match="vmstat: a key and one integer expected, got b'pgfault many'"):
        procfs.vmstat(b"nr_free_pages 1\npgfault many\n")


def these(*names: bytes) -> procfs.Counted:
    return lambda listed: [name for name in names if name in listed]


def test_diskstats_gives_the_counters_of_the_counted_disks() -> None:
    raw = (
        b"   8       0 sda 10 0 100 0 20 0 200 0 0 0 0 30 0 300 0 1 1\n"
        b"   8       1 sda1 10 0 100 0 20 0 200 0 0 0 0 30 0 300 0 1 1\n"
        b"   8      16 sdb 1 0 2 0 3 0 4 0 0 0 0\n"
        b" 104       0 cciss/c0d0 5 0 6 0 7 0 8 0 0 0 0\n"
    )
    names = [f"io.stat.{key}" for key in ("rios", "rbytes", "wios", "wbytes", "dios", "dbytes")]
    assert list(procfs.DISKSTATS) == names
    assert procfs.diskstats(raw, these(b"sda", b"sdb", b"cciss/c0d0")) == {
        b"sda": [10, 100 * 512, 20, 200 * 512, 30, 300 * 512],
        b"sdb": [1, 2 * 512, 3, 4 * 512],
        b"cciss/c0d0": [5, 6 * 512, 7, 8 * 512],
    }
    assert procfs.diskstats(raw, these(b"nvme0n1")) == {}
    real = procfs.diskstats((REAL / "diskstats").read_bytes(), these(b"vda"))
    assert real[b"vda"][3] == 1357544 * 512


@pytest.mark.parametrize("raw", [b"8 0 sda 1 2 3\n", b"8 0 sda a b c d e f g h i j k\n"])
def test_diskstats_with_a_malformed_counted_line_raises(raw: bytes) -> None:
    assert procfs.diskstats(raw, these(b"sdb")) == {}
    with pytest.raises(ParseError, match="diskstats: a device and at least eleven integers expected"):
        procfs.diskstats(raw, these(b"sda"))


def test_loadavg_gives_all_threads_of_the_node() -> None:
    assert procfs.loadavg((REAL / "loadavg").read_bytes()) == {"pids.current": 90}
    for raw in (b"", b"0.1 0.2 0.3 5 6\n", b"0.1 0.2 0.3 5/x 6\n"):
        with pytest.raises(ParseError, match="loadavg: running/all"):
            procfs.loadavg(raw)


def test_net_dev_gives_the_counters_of_the_counted_interfaces() -> None:
    raw = (
        b"Inter-| Receive | Transmit\n face |bytes packets errs drop|bytes packets\n"
        b"    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n"
        b"  eth0:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"
        b"eth0:1: 10 20 30 40 0 0 0 0 50 60 70 80 0 0 0 0\n"
    )
    names = [f"network.{way}_{what}" for way in ("rx", "tx") for what in ("bytes", "packets", "errs", "drop")]
    assert list(procfs.NET_DEV) == names
    assert procfs.net_dev(raw, these(b"eth0", b"eth0:1", b"eth7")) == {
        b"eth0": [1, 2, 3, 4, 5, 6, 7, 8],
        b"eth0:1": [10, 20, 30, 40, 50, 60, 70, 80],
    }
    real = procfs.net_dev((REAL / "net/dev").read_bytes(), these(b"eth0"))
    assert (real[b"eth0"][0], real[b"eth0"][5]) == (597845631, 10269)
    assert procfs.net_dev(b"eth1: x\n", these(b"eth0")) == {}
    for malformed in (b"eth0: 1 2 3\n", b"eth0: a b c d 5 6 7 8 9 10 11 12\n"):
        with pytest.raises(ParseError, match="net/dev: an interface and at least twelve integers expected"):
            procfs.net_dev(malformed, these(b"eth0"))
