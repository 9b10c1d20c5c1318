"""The files of a cgroup v2 directory: a good one, an ugly one and a real one of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fgm.parse import cgroup2
from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import flat_keyed

REAL = Path(__file__).parents[1] / "data/cgroup2/container"

Parser = Callable[[bytes], dict[str, float]]

cpu_stat: Parser = partial(flat_keyed, keys=cgroup2.CPU_STAT, file="cpu.stat")
cpu_stat_local: Parser = partial(flat_keyed, keys=cgroup2.CPU_STAT_LOCAL, file="cpu.stat.local")
memory_stat: Parser = partial(flat_keyed, keys=cgroup2.MEMORY_STAT, file="memory.stat")
memory_swap_events: Parser = partial(flat_keyed, keys=cgroup2.MEMORY_SWAP_EVENTS, file="memory.swap.events")
pids_events: Parser = partial(flat_keyed, keys=cgroup2.PIDS_EVENTS, file="pids.events")
cgroup_events: Parser = partial(flat_keyed, keys=cgroup2.CGROUP_EVENTS, file="cgroup.events")
cgroup_stat: Parser = partial(flat_keyed, keys=cgroup2.CGROUP_STAT, file="cgroup.stat")


@pytest.mark.parametrize(
    ("parser", "raw", "expected"),
    [
        (cpu_stat_local, b"throttled_usec 1873044\n", {"cpu.stat.local.throttled_usec": 1873044}),
        (cpu_stat_local, b"", {}),  # without the controller (Linux 6.18)
        (cpu_stat, b"usage_usec 9\nlocal.throttled_usec 7\n", {"cpu.stat.usage_usec": 9}),
        (cgroup2.cpu_max, b"max 100000\n", {"cpu_period_usec": 100000}),
        (cgroup2.cpu_max, b"50000 100000\n", {"cpu_quota_usec": 50000, "cpu_period_usec": 100000}),
        (cgroup2.memory_max, b"max\n", {}),
        (cgroup2.memory_max, b"100663296\n", {"memory.max": 100663296}),
        (cgroup2.memory_high, b"max\n", {}),
        (cgroup2.memory_high, b"1048576\n", {"memory.high": 1048576}),
        (cgroup2.memory_min, b"0\n", {"memory.min": 0}),
        (cgroup2.memory_low, b"max\n", {}),
        (cgroup2.memory_swap_max, b"0\n", {"memory.swap.max": 0}),
        (cgroup2.memory_swap_max, b"max\n", {}),
        (memory_swap_events, b"high 0\nmax 1\nfail 2\n", {
            "memory.swap.events.high": 0, "memory.swap.events.max": 1, "memory.swap.events.fail": 2}),
        (cgroup2.memory_events, b"low 0\noom_kill 3\nsock_throttled 9\n", {
            "memory.events.low": 0, "memory.events.oom_kill": 3, "memory.events.sock_throttled": 9}),
        (cgroup2.pids_max, b"max\n", {}),
        (cgroup2.pids_max, b"4915\n", {"pids.max": 4915}),
        (pids_events, b"max 2\n", {"pids.events.max": 2}),
        (cgroup2.cgroup_procs, b"", {"container.pid_count": 0}),
        (cgroup2.cgroup_procs, b"1\n17\n", {"container.pid_count": 2}),
        (cgroup2.cgroup_procs, b"0\n0\n", {"container.pid_count": 2}),
        (cgroup_events, b"populated 1\nfrozen 0\n", {
            "cgroup.events.populated": 1, "cgroup.events.frozen": 0}),
        (cgroup_stat, b"nr_descendants 2\nnr_subsys_cpu 3\nnr_dying_descendants 1\n", {
            "cgroup.stat.nr_descendants": 2, "cgroup.stat.nr_dying_descendants": 1}),
        (memory_stat, b"anon 8192\nmemory_of_tomorrow 42\npgfault 20\n", {
            "memory.stat.anon": 8192, "memory.stat.pgfault": 20}),
    ],
)  # fmt: skip
def test_a_file_gives_recorded_metrics(parser: Parser, raw: bytes, expected: dict[str, float]) -> None:
    assert parser(raw) == expected


USAGE = b"usage_usec 30\nuser_usec 10\nsystem_usec 20\n"
THROTTLING = b"nr_periods 4\nnr_throttled 5\nthrottled_usec 6\n"
BURSTS = b"nr_bursts 7\nburst_usec 8\n"


@pytest.mark.parametrize(
    ("raw", "keys"),
    [
        (USAGE, "usage user system"),
        (USAGE + b"core_sched.force_idle_usec 0\n", "usage user system"),
        (USAGE + b"core_sched.force_idle_usec 0\nnice_usec 1\n", "usage user system"),
        (USAGE + BURSTS + THROTTLING, "usage user system nr_bursts burst nr_periods nr_throttled throttled"),
        (USAGE + b"nice_usec 1\n" + THROTTLING + BURSTS,
         "usage user system nr_periods nr_throttled throttled nr_bursts burst"),
    ],
    ids=["3 keys", "4 keys", "5 keys", "8 keys", "9 keys"],
)  # fmt: skip
def test_cpu_stat_has_as_many_keys_as_the_kernel_and_its_controllers_give(raw: bytes, keys: str) -> None:
    names = [f"cpu.stat.{key}" if key.startswith("nr_") else f"cpu.stat.{key}_usec" for key in keys.split()]
    assert list(cpu_stat(raw)) == names


def test_a_period_counter_that_overflowed_in_the_kernel_is_negative() -> None:
    assert cpu_stat(b"nr_periods -2147483648\n") == {"cpu.stat.nr_periods": -(2**31)}


@pytest.mark.parametrize(
    ("parser", "raw", "message"),
    [
        (cpu_stat, b"usage_usec\n", "cpu.stat: a key and one integer expected, got b'usage_usec'"),
        (cgroup2.cpu_max, b"max\n", "cpu.max: a quota and a period expected"),
        (cgroup2.cpu_max, b"many 100000\n", "cpu.max: a quota and a period expected"),
        (cgroup2.cpu_max, b"", "cpu.max: a quota and a period expected"),
        (cgroup2.memory_max, b"most\n", 'memory.max: one number or "max" expected'),
        (cgroup2.pids_max, b"", 'pids.max: one number or "max" expected'),
        (cgroup_events, b"populated yes\n", "cgroup.events: a key and one integer expected"),
    ],
)
def test_a_malformed_file_raises_an_error_with_the_expected_form(parser: Parser, raw: bytes, message: str) -> None:
    with pytest.raises(ParseError) as raised:
        parser(raw)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("parser", "file", "expected"),
    [
        (
            cpu_stat,
            "cpu.stat",
            {"cpu.stat.usage_usec": 6914950, "cpu.stat.nr_throttled": 121, "cpu.stat.burst_usec": 0},
        ),
        (cgroup2.cpu_max, "cpu.max", {"cpu_quota_usec": 30000, "cpu_period_usec": 100000}),
        (cgroup2.memory_max, "memory.max", {"memory.max": 100663296}),
        (cgroup2.memory_high, "memory.high", {}),
        (cgroup2.memory_events, "memory.events", {"memory.events.max": 1522, "memory.events.oom_group_kill": 0}),
        (memory_swap_events, "memory.swap.events", {"memory.swap.events.fail": 0}),
        (cgroup2.pids_max, "pids.max", {}),
        (pids_events, "pids.events", {"pids.events.max": 0}),
        (cgroup2.cgroup_procs, "cgroup.procs", {"container.pid_count": 1}),
        (cgroup_events, "cgroup.events", {"cgroup.events.populated": 1, "cgroup.events.frozen": 0}),
        (cgroup_stat, "cgroup.stat", {"cgroup.stat.nr_descendants": 0, "cgroup.stat.nr_dying_descendants": 0}),
    ],
)
def test_a_real_file_gives_the_values_that_are_in_it(parser: Parser, file: str, expected: dict[str, float]) -> None:
    values = parser((REAL / file).read_bytes())
    assert expected.items() <= values.items()
    assert bool(expected) == bool(values)


@pytest.mark.parametrize("path", [REAL, REAL.parent / "root"], ids=["container", "root"])
def test_every_line_of_a_real_memory_stat_is_recorded(path: Path) -> None:
    raw = (path / "memory.stat").read_bytes()
    expected = {f"memory.stat.{line.split()[0]}": int(line.split()[1]) for line in raw.decode().splitlines()}
    assert memory_stat(raw) == expected


def test_every_key_of_a_newer_memory_stat_but_the_unknown_one_is_recorded() -> None:
    raw = (REAL.parents[1] / "memory-stat-6.12").read_bytes()
    values = memory_stat(raw)
    assert len(values) == raw.count(b"\n") - 1
    assert values["memory.stat.pgdemote_kswapd"] == 8
