"""Rows of containers that start, work, exit and are removed between two ticks."""

import shutil
from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.kubernetes.names import ContainerName, Names, PodName
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from tests.support.captured_host import CONTAINERS, CapturedHost, captured_host
from tests.support.collector.captured_sampler import NEW_ID, make_sampler, values


@pytest.fixture
def host(tmp_path: Path) -> CapturedHost:
    return captured_host(tmp_path)


def test_a_started_container_is_in_the_next_tick_and_a_removed_one_is_not(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    old = host.cgroup_root + next(c["cgroup"] for c in CONTAINERS if c["name"] == "idle")
    new = f"{host.cgroup_root}/system.slice/docker-{NEW_ID}.scope"
    shutil.copytree(old, new)

    tick = sampler.tick(1000, 1.0)
    assert NEW_ID in {series.key for series in tick.series}
    assert NEW_ID in sampler.readers.alive

    shutil.rmtree(new)
    assert NEW_ID not in {series.key for series in sampler.tick(2000, 2.0).series}
    assert NEW_ID not in sampler.readers.alive


def test_a_container_has_one_row_after_its_last_process_exited(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    (idle,) = (container for container in CONTAINERS if container["name"] == "idle")
    events = Path(host.cgroup_root + idle["cgroup"]) / "cgroup.events"
    events.write_text("populated 0\nfrozen 0\n")

    assert idle["id"] in {series.key for series in sampler.tick(1000, 1.0).series}
    assert idle["id"] not in sampler.readers.alive
    assert idle["id"] not in {series.key for series in sampler.tick(2000, 2.0).series}


def test_a_cgroup_made_again_between_two_ticks_misses_no_tick(host: CapturedHost) -> None:
    sampler = make_sampler(host, "/system.slice")
    sampler.tick(0, 0.0)
    (idle,) = (container for container in CONTAINERS if container["name"] == "idle")
    for path in (idle["cgroup"], "/system.slice"):
        shutil.copytree(host.cgroup_root + path, host.folder / "copy")
        shutil.rmtree(host.cgroup_root + path)
        shutil.move(host.folder / "copy", host.cgroup_root + path)
    current = Path(host.cgroup_root + idle["cgroup"]) / "memory.current"
    current.write_text("12345\n")
    tick = sampler.tick(1000, 1.0)

    assert values(tick, idle["id"])["memory.current"] == 12345
    assert "cgroup:/system.slice" in {series.key for series in tick.series}
    assert idle["id"] in sampler.readers.alive


def test_a_cgroup_that_never_had_a_process_is_forgotten_when_it_is_removed(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    folder = Path(host.cgroup_root, f"system.slice/docker-{NEW_ID}.scope")
    for present in (True, False):
        if present:
            shutil.copytree(host.cgroup_root + CONTAINERS[0]["cgroup"], folder)
            (folder / "cgroup.procs").write_text("")
            (folder / "cgroup.events").write_text("populated 0\nfrozen 0\n")
        else:
            shutil.rmtree(folder)
        assert NEW_ID not in {series.key for series in sampler.tick(1000, 1.0).series}
        assert sampler.readers.opened == ({NEW_ID} if present else set())


def test_a_container_whose_only_process_was_killed_before_its_first_tick_has_one_row(host: CapturedHost) -> None:
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    folder = Path(host.cgroup_root, f"system.slice/docker-{NEW_ID}.scope")
    shutil.copytree(host.cgroup_root + CONTAINERS[0]["cgroup"], folder)
    (folder / "cgroup.procs").write_text("")
    (folder / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 30\noom 1\noom_kill 1\n")

    first, second = sampler.tick(1000, 1.0), sampler.tick(2000, 2.0)
    assert first.opened == {NEW_ID}
    assert [NEW_ID in {series.key for series in tick.series} for tick in (first, second)] == [True, False]


def test_a_cgroup_with_nothing_to_read_has_no_row(host: CapturedHost) -> None:
    Path(f"{host.cgroup_root}/system.slice/docker-{NEW_ID}.scope").mkdir()
    tick = make_sampler(host, "/*").tick(0, 0.0)

    assert NEW_ID not in {series.key for series in tick.series}
    assert (tick.rows[:, 0] == 0).all()


def test_a_container_that_exits_between_ticks_has_a_final_row(host: CapturedHost) -> None:
    web = CONTAINERS[0]
    sampler = make_sampler(host)
    sampler.tick(0, 0.0)
    folder = Path(host.cgroup_root + web["cgroup"])
    path = str(folder).removeprefix(str(host.folder) + "/")
    host.show(
        {
            f"{path}/memory.peak": "987654321\n",
            f"{path}/cgroup.procs": "",
            f"{path}/cgroup.events": "populated 0\nfrozen 0\n",
        }
    )
    sampler.read_exited()
    shutil.rmtree(folder)

    assert values(sampler.tick(1000, 1.0), web["id"])["memory.peak"] == 987654321
    assert web["id"] not in {series.key for series in sampler.tick(2000, 2.0).series}


def test_a_container_that_the_api_names_is_not_a_sandbox_even_if_it_runs_pause(
    host: CapturedHost,
) -> None:
    (pause,) = (container["pause"] for container in CONTAINERS if container["name"] == "cache")
    sampler = make_sampler(host)
    names = Names({pause: ContainerName(PodName("shop", "cart"), "placeholder")})
    sampler.name_by(names.name)
    ticks = [sampler.tick(1000 * second, second) for second in range(3)]

    scopes = [[series.scope for series in tick.series if series.container_id == pause] for tick in ticks]
    assert scopes == [["container"]] * 3


def test_a_sandbox_that_starts_to_work_is_a_container_whatever_the_api_says(host: CapturedHost) -> None:
    (cache,) = (container for container in CONTAINERS if container["name"] == "cache")
    usage = Path(host.cgroup_root + cache["cgroup"]).parent / f"cri-containerd-{cache['pause']}.scope" / "cpu.stat"
    hierarchies, now = detect(host.cgroup_root), 0.0
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    sampler = Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, host.proc_root, 1.0, lambda: now)
    names = Names({}, {cache["uid"]: PodName("shop", "cart")}, frozenset({cache["pause"]}))
    sampler.name_by(names.name)
    scopes = []
    for second in range(45):
        now = float(second)
        if second == 22:
            usage.write_text("usage_usec 900000\nuser_usec 900000\nsystem_usec 0\n")
        if second == 40:
            sampler.name_by(Names({}, names.pods, names.sandboxes).name)
        tick = sampler.tick(1000 * second, now)
        scopes += [(each.scope, each.container_name) for each in tick.series if each.container_id == cache["pause"]]

    assert scopes[:22] == [("sandbox", "POD")] * 22
    assert scopes[32:] == [("container", "POD")] * 13
