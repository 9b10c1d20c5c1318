"""The files of cgroup v1 under the names of v2."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fgm.metrics.catalogue import BY_NAME
from fgm.parse import cgroup1
from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import flat_keyed

REAL = Path(__file__).parents[1] / "data/cgroup1"

Parser = Callable[[bytes], dict[str, float]]

cpu_stat: Parser = partial(flat_keyed, keys=cgroup1.CPU_STAT, file="cpu.stat")
memory_stat: Parser = partial(flat_keyed, keys=cgroup1.MEMORY_STAT, file="memory.stat")
memory_oom_control: Parser = partial(flat_keyed, keys=cgroup1.OOM_CONTROL, file="memory.oom_control")


@pytest.mark.parametrize(
    ("parser", "raw", "expected"),
    [
        (cgroup1.memory_limit_in_bytes, b"67108864\n", {"memory.max": 67108864}),
        (cgroup1.memory_limit_in_bytes, b"9223372036854771712\n", {}),
        (cgroup1.memory_limit_in_bytes, b"9223372036854771711\n", {"memory.max": 2**63 - 4097}),
        (cgroup1.memory_limit_in_bytes, b"9223372036854775807\n", {}),
        (cgroup1.cpu_cfs_quota_us, b"-1\n", {}),
        (cgroup1.cpu_cfs_quota_us, b"25000\n", {"cpu_quota_usec": 25000}),
        (cpu_stat, b"nr_periods 2\nthrottled_time 1500\nwait_sum 7\n", {
            "cpu.stat.nr_periods": 2, "cpu.stat.throttled_usec": 1.5}),
        (memory_oom_control, b"oom_kill_disable 0\nunder_oom 0\n", {}),
        (memory_oom_control, b"oom_kill_disable 0\nunder_oom 1\noom_kill 2\n", {
            "memory.events.oom_kill": 2}),
        (memory_stat, b"cache 1\nrss 2\ntotal_cache 10\ntotal_rss 20\ntotal_pgpgin 30\n", {
            "memory.stat.file": 10, "memory.stat.anon": 20}),
        (memory_stat, b"cache 1\nrss 2\n", {}),
    ],
)  # fmt: skip
def test_a_file_gives_the_metrics_of_v2_with_the_same_meaning(
    parser: Parser, raw: bytes, expected: dict[str, float]
) -> None:
    assert parser(raw) == expected


@pytest.mark.parametrize(
    ("parser", "file", "expected"),
    [
        (cgroup1.memory_limit_in_bytes, "memory.limit_in_bytes", {"memory.max": 67108864}),
        (memory_oom_control, "memory.oom_control", {"memory.events.oom_kill": 0}),
        (memory_stat, "memory.stat", {"memory.stat.file": 8716288, "memory.stat.anon": 135168}),
        (cpu_stat, "cpu.stat", {"cpu.stat.nr_throttled": 21, "cpu.stat.throttled_usec": 1628815.123}),
        (cgroup1.cpu_cfs_quota_us, "cpu.cfs_quota_us", {"cpu_quota_usec": 20000}),
        (cgroup1.cpu_cfs_period_us, "cpu.cfs_period_us", {"cpu_period_usec": 100000}),
        (cgroup1.blkio_throttle_io_service_bytes_recursive, "blkio.throttle.io_service_bytes_recursive", {
            "io.stat.rbytes": 2097152, "io.stat.wbytes": 4194304, "io.stat.dbytes": 4194304}),
        (cgroup1.blkio_throttle_io_serviced_recursive, "blkio.throttle.io_serviced_recursive", {
            "io.stat.rios": 4, "io.stat.wios": 4, "io.stat.dios": 1}),
    ],
)  # fmt: skip
def test_a_real_file_gives_the_values_that_are_in_it(parser: Parser, file: str, expected: dict[str, float]) -> None:
    values = parser((REAL / file).read_bytes())
    assert expected.items() <= values.items()
    assert values.keys() <= BY_NAME.keys()


BYTES = b"""8:0 Read 100
8:0 Write 200
8:0 Sync 300
8:0 Total 300
253:0 Read 100
253:0 Write 200
253:0 Total 300
7:1 Read 50
(unknown) Read 7
Total 650
"""


@pytest.mark.parametrize(
    ("raw", "excluded", "expected"),
    [
        pytest.param(BYTES, {(253, 0)}, {"io.stat.rbytes": 100, "io.stat.wbytes": 200}, id="stacked left out"),
        pytest.param(BYTES, set(), {"io.stat.rbytes": 200, "io.stat.wbytes": 400}, id="all but loop and unknown"),
        pytest.param(b"7:1 Read 50\n", set(), {"io.stat.rbytes": 0}, id="only a loop device"),
        pytest.param(b"Total 0\n", set(), {}, id="nothing counted"),
        pytest.param(b"", set(), {}, id="empty"),
    ],
)
def test_blkio_sums_the_counted_devices(raw: bytes, excluded: set[tuple[int, int]], expected: dict[str, float]) -> None:
    assert cgroup1.blkio_throttle_io_service_bytes_recursive(raw, excluded) == expected


def test_only_writes_of_a_raid_with_parity_are_counted() -> None:
    sums = cgroup1.blkio_throttle_io_service_bytes_recursive(BYTES, write_only={(253, 0)})
    assert sums == {"io.stat.rbytes": 100, "io.stat.wbytes": 400}


@pytest.mark.parametrize("raw", [b"8:0 Read\n", b"8:0 Read many\n"])
def test_blkio_without_a_number_raises(raw: bytes) -> None:
    with pytest.raises(ParseError, match=r"blkio\.throttle\.io_serviced_recursive: a device, an operation and"):
        cgroup1.blkio_throttle_io_serviced_recursive(raw)


def test_every_metric_of_v1_is_in_the_catalogue() -> None:
    for keys in (cgroup1.MEMORY_STAT, cgroup1.OOM_CONTROL, cgroup1.CPU_STAT):
        assert {recorded.metric for recorded in keys.values() if recorded} <= BY_NAME.keys()
