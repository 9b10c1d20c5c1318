"""A tick has every series of the host, with the numbers of its files."""

import fcntl
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.kernel.handles import RESERVED_DESCRIPTORS
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from tests.support.captured_host import CONTAINERS, FIRST_SECOND, NEXT_SECOND, CapturedHost, captured_host
from tests.support.collector.captured_sampler import NEW_ID, OF_NODE, make_sampler, values

QOS = {"guaranteed": "Guaranteed", "burstable": "Burstable", "besteffort": "BestEffort"}
RUNTIMES = {
    "containerd-systemd": "containerd",
    "containerd-cgroupfs": None,
    "crio": "cri-o",
    "docker": "docker",
    "kind": "containerd",
}


@pytest.fixture
def host(tmp_path: Path) -> CapturedHost:
    return captured_host(tmp_path)


def test_containers_of_all_five_layouts_have_their_pod_qos_class_and_runtime(host: CapturedHost) -> None:
    tick = make_sampler(host).tick(0, 0.0)
    containers = {series.container_id: series for series in tick.series if series.scope == "container"}

    assert {series.container_id for series in tick.series if series.scope == "sandbox"} == {
        container["pause"] for container in CONTAINERS if container["pause"]
    }
    assert containers.keys() == {container["id"] for container in CONTAINERS}
    for container in CONTAINERS:
        series = containers[container["id"]]
        in_pod = container["layout"] != "docker"
        assert series.cgroup == container["cgroup"]
        assert series.runtime == RUNTIMES[container["layout"]]
        assert series.pod_uid == (container["uid"] if in_pod else None)
        assert series.qos_class == (QOS[container["qos"]] if in_pod else None)


def test_the_values_of_a_container_are_those_of_its_files(host: CapturedHost) -> None:
    (cache,) = (container for container in CONTAINERS if container["name"] == "cache")
    folder = Path(host.cgroup_root + cache["cgroup"])
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    host.show(NEXT_SECOND)
    row = values(sampler.tick(1000, 1.0), cache["id"])

    assert row["memory.current"] == int((folder / "memory.current").read_text())
    assert row["memory.max"] == cache["memory"] == 96 << 20
    assert row["cpu_quota_usec"] / row["cpu_period_usec"] == cache["cpu"]
    assert "memory.high" not in row  # "max" is no limit, and no limit is null
    for file in ("memory.stat", "cpu.stat", "memory.events"):
        for line in (folder / file).read_text().splitlines():
            key, value = line.split()
            assert row[f"{file}.{key}"] == int(value)
    assert row["container.pid_count"] == len((folder / "cgroup.procs").read_text().split())
    device = dict(field.split("=") for field in (folder / "io.stat").read_text().split()[1:])
    assert row["io.stat.rbytes"] == int(device["rbytes"])


def test_the_node_is_a_series_like_the_others(host: CapturedHost) -> None:
    row = values(make_sampler(host).tick(0, 0.0), "node")

    assert row["memory.max"] == 2976948 * 1024
    assert row["memory.current"] < row["memory.max"]
    assert row["io.stat.rbytes"] > 0
    assert row["cpu.pressure.some.total"] > 0


def test_other_cgroups_are_recorded_only_if_included(host: CapturedHost) -> None:
    assert "cgroup" not in {series.scope for series in make_sampler(host).tick(0, 0.0).series}

    tick = make_sampler(host, "/system.slice").tick(0, 0.0)
    assert [series.key for series in tick.series if series.scope == "cgroup"] == ["cgroup:/system.slice"]


def test_series_are_the_same_tuple_while_nothing_changed(host: CapturedHost) -> None:
    sampler = make_sampler(host)

    assert sampler.tick(0, 0.0).series is sampler.tick(1000, 1.0).series


def test_series_have_the_newest_names_and_stay_the_same_objects_without_new_ones(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    sampler.name_by(lambda series: series if series.pod_name else replace(series, pod_name="cart"))
    named = sampler.tick(1000, 1.0)

    assert {series.pod_name for series in named.series if series.scope != "outside"} == {"cart"}
    assert sampler.tick(2000, 2.0).series is named.series


def test_a_new_container_has_its_name_in_its_first_row(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.name_by(lambda series: replace(series, container_name="app") if series.container_id == NEW_ID else series)
    sampler.tick(0, 0.0)
    old = Path(host.cgroup_root + CONTAINERS[0]["cgroup"])
    shutil.copytree(old, old.parent / NEW_ID)
    tick = sampler.tick(1000, 1.0)

    assert [series.container_name for series in tick.series if series.container_id == NEW_ID] == ["app"]


def test_services_have_the_metrics_of_their_few_files_and_slices_too(host: CapturedHost) -> None:
    service = Path(host.cgroup_root) / "system.slice/sshd.service"
    shutil.copytree(host.cgroup_root + CONTAINERS[0]["cgroup"], service)
    shutil.copytree(service, service.parent / "boot.mount")
    sampler = make_sampler(host, with_services=True)
    tick = sampler.tick(0, 0.0)

    # The files of the other slices were not captured.
    assert [series.cgroup for series in tick.series if series.scope == "cgroup"] == [
        *("/system.slice", "/system.slice/sshd.service")
    ]
    row = values(tick, "cgroup:/system.slice/sshd.service")
    assert row["memory.current"] == int((service / "memory.current").read_text())
    assert {"cpu.stat.usage_usec", "memory.events.oom_kill", "memory.stat.anon", "pids.current"} <= row.keys()
    assert row.keys().isdisjoint({"memory.stat.pgfault", "cpu.pressure.some.total", "memory.peak"})
    assert tick.series[-1].key == "outside"
    sampler.close()


def test_a_malformed_file_costs_only_its_own_values_and_is_counted(host: CapturedHost) -> None:
    (web,) = (container for container in CONTAINERS if container["name"] == "web")
    sampler = make_sampler(host)
    whole = values(sampler.tick(0, 0.0), web["id"])
    (Path(host.cgroup_root + web["cgroup"]) / "memory.current").write_text("many\n")
    row = values(sampler.tick(1000, 1.0), web["id"])

    assert whole.keys() - row.keys() == {"memory.current"}
    assert sampler.counts.failed == {"memory.current": 1}


def test_a_limit_is_repeated_between_its_reads(host: CapturedHost) -> None:
    (web,) = (container for container in CONTAINERS if container["name"] == "web")
    limit = Path(host.cgroup_root + web["cgroup"]) / "memory.max"
    sampler = make_sampler(host)
    seen = [values(sampler.tick(0, 0.0), web["id"])["memory.max"]]
    limit.write_text("1073741824\n")
    seen += [values(sampler.tick(second * 1000, float(second)), web["id"])["memory.max"] for second in range(1, 11)]

    assert seen[0] == web["memory"]
    assert set(seen) == {web["memory"], 1073741824}
    assert sorted(seen) == seen


def test_only_files_that_every_tick_reads_are_kept_open(host: CapturedHost) -> None:
    """Each open file that was read holds a page of kernel memory."""
    sampler = make_sampler(host)
    for second in range(11):
        sampler.tick(second * 1000, float(second))
    reads = dict(sampler.reads())
    kept = {path for path in open_for_reading() if path.startswith(str(host.folder))}

    assert kept == {path for path, every_ticks in reads.items() if every_ticks == 1}
    assert {path.rpartition("/")[2] for path in reads.keys() - kept} >= {"memory.max", "cpu.max", "pids.max"}
    sampler.close()


def test_swap_of_cgroups_is_read_slowly_as_long_as_the_machine_has_no_swap_space(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    meminfo = FIRST_SECOND["proc/meminfo"]
    with_swap = meminfo.replace("SwapTotal:             0 kB", "SwapTotal:       1048576 kB")
    intervals, ticks = [], []
    for second, text in enumerate([meminfo, with_swap, with_swap, with_swap, meminfo, meminfo, meminfo]):
        host.show({"proc/meminfo": text})
        ticks.append(sampler.tick(second * 1000, float(second)))
        intervals.append({every for path, every in sampler.reads() if "/memory.swap." in path and ".max" not in path})
    sampler.close()

    assert with_swap != meminfo
    assert intervals == [{10}, {10}, {1}, {1}, {1}, {10}, {10}], "the node's memory is known after the tick"
    keys = {series.key for series in ticks[0].series}
    for tick in ticks:
        assert {series.key for series in tick.series} == keys
        assert tick.opened == frozenset()
        for container in CONTAINERS:
            assert values(tick, container["id"]).keys() >= {"memory.swap.current", "memory.swap.events.fail"}
    assert sampler.counts.failed == {}


def test_without_descriptors_files_are_opened_for_each_read(host: CapturedHost) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + RESERVED_DESCRIPTORS + 20, before[1]))
    try:
        sampler = make_sampler(host)
        tick = sampler.tick(0, 0.0)
        assert {c["id"] for c in CONTAINERS} <= {series.key for series in tick.series}
        assert values(tick, "node")["memory.max"] > 0
        sampler.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert sampler.counts.failed == {}


def open_for_reading() -> Iterator[str]:
    """Yield the path of each file that this process has open, except by O_PATH, as a handle."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            if not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH:
                yield os.readlink(f"/proc/self/fd/{fd}")


def test_a_name_that_is_not_utf8_is_recorded_with_escaped_bytes(host: CapturedHost) -> None:
    odd = os.fsencode(host.cgroup_root) + b"/odd\xff\n.slice"
    os.mkdir(odd)
    with open(odd + b"/cpu.stat", "wb") as file:
        file.write(b"usage_usec 7\n")
    tick = make_sampler(host, "/odd*").tick(0, 0.0)

    assert values(tick, "cgroup:/odd\\xff\n.slice") == {"cpu.stat.usage_usec": 7} | OF_NODE


def test_listings_have_the_processes_of_containers_but_not_of_sandboxes(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    listings = sampler.readers.listings()

    assert listings.keys() == {container["id"] for container in CONTAINERS}
    for container in CONTAINERS:
        text = (Path(host.cgroup_root + container["cgroup"]) / "cgroup.procs").read_text()
        assert listings[container["id"]].pids == [int(pid) for pid in text.split()]
        assert listings[container["id"]].series.cgroup == container["cgroup"]
    (cache,) = (container for container in CONTAINERS if container["name"] == "cache")
    stat = Path(host.cgroup_root + cache["cgroup"]) / "memory.stat"
    keys = dict(line.split() for line in stat.read_text().splitlines())
    share = int(keys["anon_thp"]) / int(keys["anon"])
    assert listings[cache["id"]].huge_share == pytest.approx(share)


def test_offered_values_are_only_in_the_next_row(host: CapturedHost) -> None:
    web, cache = (next(c["id"] for c in CONTAINERS if c["name"] == name) for name in ("web", "cache"))
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    sampler.additions.offer(web, {"smaps_rollup.pss": 7.0, "smaps_rollup.pids_read": 2.0})
    sampler.additions.offer(NEW_ID, {"smaps_rollup.pss": 9.0})
    ticks = [sampler.tick(1000, 1.0), sampler.tick(2000, 2.0)]

    assert [values(tick, web).get("smaps_rollup.pss") for tick in ticks] == [7.0, None]
    assert values(ticks[0], web)["smaps_rollup.pids_read"] == 2.0
    assert "smaps_rollup.pss" not in values(ticks[0], cache)


def test_the_node_row_has_the_cost_of_the_collector(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    row = values(sampler.tick(4000, 4.0), "node")

    assert row["collector.cpu_usec"] > 0
    assert row["collector.anon_bytes"] > 1 << 20
    assert row["collector.missed_ticks"] == 3
    assert row["collector.failed_reads"] == 0
    assert row["collector.skipped_reads"] == 0


def test_backing_off_and_returning_misses_no_tick(host: CapturedHost) -> None:
    hierarchies = detect(host.cgroup_root)
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    clock = iter(range(1_000_000))
    step_s = [0.01]
    sampler = Sampler(
        CgroupFinder(hierarchies, (), "worker-3"), node, host.proc_root, 1.0, lambda: next(clock) * step_s[0]
    )
    series = []
    for tick in range(80):
        if tick == 8:
            step_s[0] = 1e-9
        series.append(len(sampler.tick(1000 * tick, 0.0).series))
        assert sampler._back_off.is_on or not 2 <= tick < 60

    assert len(set(series)) == 1
    assert sampler.cost.skipped_reads > 0
    assert not sampler._back_off.is_on
    sampler.close()


def test_pressure_is_null_without_psi_and_has_values_after_it_is_switched_on(host: CapturedHost) -> None:
    cgroup = CONTAINERS[0]["cgroup"]
    folder, aside = Path(host.cgroup_root + cgroup), Path(host.cgroup_root).parent / "aside"
    aside.mkdir()
    for path in folder.glob("*.pressure"):
        path.rename(aside / path.name)
    sampler = make_sampler(host)
    key = CONTAINERS[0]["id"]
    before = values(sampler.tick(1000, 0.0), key)
    for path in aside.iterdir():
        path.rename(folder / path.name)
    ticks = [sampler.tick(1000 + 1000 * second, float(second)) for second in range(1, 90)]

    assert not any("pressure" in name for name in before)
    assert before["memory.current"] > 0
    assert values(ticks[-1], key)["cpu.pressure.some.total"] >= 0
