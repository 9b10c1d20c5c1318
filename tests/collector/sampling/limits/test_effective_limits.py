"""The smallest limits on the way up from a cgroup to the node."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import ForeignRootError, detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import LIMITS_SETTLE_TICKS, Sampler
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.tick import Tick
from tests.support.captured_host import CONTAINERS, CapturedHost, captured_host
from tests.support.cgroups import containers

MIB = 1 << 20
NODE_BYTES = 2976948 * 1024
(WEB,) = (container for container in CONTAINERS if container["name"] == "web")
DEPTH = WEB["cgroup"].count("/")
EFFECTIVE = (
    *("effective_memory_max", "effective_memory_max_depth", "effective_memory_high", "effective_memory_high_depth"),
    *("effective_cpu_limit_millicores", "effective_cpu_limit_depth"),
)


@pytest.fixture
def host(tmp_path: Path) -> CapturedHost:
    return captured_host(tmp_path)


def make_sampler(host: CapturedHost) -> Sampler:
    hierarchies = detect(host.cgroup_root)
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    return Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, host.proc_root, 1.0, lambda: 0.0)


def effective(tick: Tick, key: str) -> dict[str, float | None]:
    """The effective limits of a series."""
    (row,) = (row for series, row in zip(tick.series, tick.rows, strict=True) if series.key == key)
    return {name: value if (value := row[1 + COLUMNS.index(name)]) == value else None for name in EFFECTIVE}


def limit(host: CapturedHost, depth: int, **limits: str) -> None:
    """Write limits of the cgroup that is so deep on the way to the container web."""
    folder = Path(host.cgroup_root + "/".join(WEB["cgroup"].split("/")[: depth + 1]))
    for name, text in limits.items():
        (folder / name.replace("_", ".")).write_text(f"{text}\n")


def test_a_container_without_a_limit_has_those_of_its_pod_and_of_a_slice_that_is_not_recorded(
    host: CapturedHost,
) -> None:
    for depth in range(DEPTH - 1, DEPTH + 1):
        limit(host, depth, memory_max="max", cpu_max="max 100000")
    limit(host, DEPTH - 1, memory_max=str(512 * MIB), memory_high=str(400 * MIB))
    limit(host, 1, cpu_max="150000 100000", memory_max=str(900 * MIB))
    sampler = make_sampler(host)
    tick = sampler.tick(0, 0.0)

    assert effective(tick, WEB["id"]) == dict(
        zip(EFFECTIVE, (512 * MIB, DEPTH - 1, 400 * MIB, DEPTH - 1, 1500, 1), strict=True)
    )
    pod = f"pod:{WEB['uid']}"
    assert effective(tick, pod)["effective_memory_max_depth"] == DEPTH - 1
    assert effective(tick, "node") == dict(zip(EFFECTIVE, (NODE_BYTES, 0, None, None, 2000, 0), strict=True))


def test_of_equal_limits_the_one_further_up_counts_because_more_is_charged_to_it(host: CapturedHost) -> None:
    """A kubelet writes the limit of a pod into each container that has none."""
    for depth in (DEPTH - 1, DEPTH):
        limit(host, depth, memory_max=str(512 * MIB), cpu_max="50000 100000")
    tick = make_sampler(host).tick(0, 0.0)

    assert effective(tick, WEB["id"])["effective_memory_max_depth"] == DEPTH - 1
    assert effective(tick, WEB["id"])["effective_cpu_limit_depth"] == DEPTH - 1


def test_without_any_limit_the_node_has_it(host: CapturedHost) -> None:
    for depth in range(1, DEPTH + 1):
        limit(host, depth, memory_max="max", cpu_max="max 100000")
    tick = make_sampler(host).tick(0, 0.0)

    assert effective(tick, WEB["id"]) == dict(zip(EFFECTIVE, (NODE_BYTES, 0, None, None, 2000, 0), strict=True))


def test_a_limit_that_changes_further_up_is_seen_within_ten_ticks(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    limit(host, 1, memory_max=str(16 * MIB))
    seen = [effective(sampler.tick(1000 * i, i), WEB["id"])["effective_memory_max_depth"] for i in range(1, 11)]

    assert seen[-1] == 1
    limit(host, 1, memory_max="max")
    assert [effective(sampler.tick(1000 * i, i), WEB["id"]) for i in range(11, 21)][-1]["effective_memory_max"] != 16


def test_limits_are_read_at_the_next_tick_if_they_are_said_to_have_changed(host: CapturedHost) -> None:
    """A kubelet may write them after the API has the new ones, so they are read once more some ticks later."""
    sampler = make_sampler(host)
    ticks = iter(range(40))
    for _ in range(12):
        sampler.tick(1000 * next(ticks), 0.0)

    def seen() -> object:
        return effective(sampler.tick(1000 * next(ticks), 0.0), WEB["id"])["effective_memory_max"]

    before = seen()
    for depth in range(1, DEPTH + 1):
        limit(host, depth, memory_max=str(77 * MIB))
    sampler.read_limits()
    assert before != 77 * MIB
    assert seen() == 77 * MIB

    limit(host, DEPTH, memory_max=str(66 * MIB))
    assert [seen() for _ in range(LIMITS_SETTLE_TICKS)][-1] == 66 * MIB


def test_time_held_by_a_quota_is_read_only_below_a_group_that_has_one(host: CapturedHost) -> None:
    for depth in range(1, DEPTH + 1):
        limit(host, depth, cpu_max="max 100000")
    limit(host, DEPTH, cpu_stat_local="throttled_usec 7")
    sampler = make_sampler(host)
    column = 1 + COLUMNS.index("cpu.stat.local.throttled_usec")

    def held(second: int) -> float:
        tick = sampler.tick(1000 * second, second)
        return next(float(row[column]) for s, row in zip(tick.series, tick.rows, strict=True) if s.key == WEB["id"])

    assert held(0) != held(0)
    limit(host, DEPTH - 1, cpu_max="50000 100000")
    assert [held(second) for second in range(1, 13)][-1] == 7


def test_on_real_cgroups_the_limit_of_the_pod_bounds_its_containers(tmp_path: Path) -> None:
    program = tmp_path / "sleeper"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    with ExitStack() as stack:
        try:
            hierarchies = detect("/sys/fs/cgroup")
            ids = stack.enter_context(containers(hierarchies, 3, str(program)))
        except (OSError, ForeignRootError) as error:
            pytest.skip(f"no cgroups can be made here: {error}")
        node = Node("worker-3", "/proc", "/sys", hierarchies)
        sampler = Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, "/proc", 1.0, time.monotonic)
        stack.callback(sampler.close)
        (path,) = (s.cgroup for s in sampler.tick(0, time.monotonic()).series if s.key == ids[0])
        assert path is not None
        pod = path.rpartition("/")[0]
        for file, text in _limits_of(hierarchies.v1.get("memory"), hierarchies.v1.get("cpu"), hierarchies.unified):
            Path(file.format(pod=pod)).write_text(text)
        tick = [sampler.tick(1000 * second, time.monotonic()) for second in range(1, 12)][-1]

    for key, depth in ((ids[0], 3), (ids[1], 3), (ids[2], 0)):
        seen = effective(tick, key)
        assert (seen["effective_memory_max_depth"], seen["effective_cpu_limit_depth"]) == (depth, depth)
    assert effective(tick, ids[0])["effective_memory_max"] == 64 * MIB
    assert effective(tick, ids[0])["effective_cpu_limit_millicores"] == 250


def _limits_of(memory: str | None, cpu: str | None, unified: str | None) -> list[tuple[str, str]]:
    """The files for limits of 64 MiB and 250 millicores, with a place for the pod's path."""
    v1_memory = (f"{memory}{{pod}}/memory.limit_in_bytes", str(64 * MIB))
    v1_cpu = (f"{cpu}{{pod}}/cpu.cfs_quota_us", "25000")
    v2_memory = (f"{unified}{{pod}}/memory.max", str(64 * MIB))
    return [v1_memory if memory else v2_memory, v1_cpu if cpu else (f"{unified}{{pod}}/cpu.max", "25000 100000")]
