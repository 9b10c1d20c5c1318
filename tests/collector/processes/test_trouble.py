"""A series is in trouble while it is throttled, at its limit, under pressure, killed, or leads the node."""

import numpy as np
import pytest

from fgm.collector.processes import trouble
from fgm.collector.processes.trouble import LASTS_MS, MAX_IN_TROUBLE
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

NODE, SERVICE = Series("node", node_name="n"), Series("cgroup", cgroup="/system.slice/a.service")
POD = Series("pod", pod_uid="uid")
MIB = float(1 << 20)


class Trouble(trouble.Trouble):
    """All series but the node have processes."""

    def seen(self, tick: Tick) -> set[str]:
        return self.update(tick, {series.key for series in tick.series} - {"node"})


def container(name: str) -> Series:
    return Series("container", container_id=name)


def tick(second: int, rows: dict[Series, dict[str, float]]) -> Tick:
    table = np.full((len(rows), 1 + len(COLUMNS)), np.nan)
    for i, values in enumerate(rows.values()):
        for name, value in values.items():
            table[i, 1 + COLUMNS.index(name)] = value
    return Tick(second * 1000, tuple(rows), table)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"cpu.stat.nr_throttled": 5}, {"cpu.stat.nr_throttled": 6}),
        ({"memory.events.max": 5}, {"memory.events.max": 6}),
        ({"memory.events.oom_kill": 0}, {"memory.events.oom_kill": 1}),
        ({"memory.pressure.some.total": 0}, {"memory.pressure.some.total": 500_000}),
        ({}, {"memory.current": 99 * MIB, "memory.max": 100 * MIB}),
    ],
)
def test_each_sign_of_trouble_is_noticed(before: dict[str, float], now: dict[str, float]) -> None:
    watch, calm = Trouble(), {"cpu.stat.usage_usec": 1.0, "memory.current": MIB, "memory.max": 100 * MIB}
    for series in (container("a"), SERVICE):
        watch.seen(tick(0, {NODE: {}, series: calm | before, container("b"): calm}))

        assert watch.seen(tick(2, {NODE: {}, series: calm | now, container("b"): calm})) == {series.key}
        watch = Trouble()


def test_the_series_that_leads_the_node_is_in_trouble_if_it_uses_much() -> None:
    def used(node: float, a: float, b: float) -> dict[Series, dict[str, float]]:
        usage = "cpu.stat.usage_usec"
        return {NODE: {usage: node}, container("a"): {usage: a}, container("b"): {usage: b}}

    watch = Trouble()
    assert watch.seen(tick(0, used(0, 0, 0))) == set()
    assert watch.seen(tick(2, used(200_000, 0, 150_000))) == set()
    assert watch.seen(tick(4, used(2_200_000, 400_000, 1_550_000))) == {"b"}


def test_trouble_lasts_a_while_after_its_last_sign_and_ends() -> None:
    watch = Trouble()
    watch.seen(tick(0, {container("a"): {"cpu.stat.nr_throttled": 5}}))
    seen = [
        second for second in range(2, 20, 2) if watch.seen(tick(second, {container("a"): {"cpu.stat.nr_throttled": 6}}))
    ]

    assert seen == list(range(2, 3 + LASTS_MS // 1000, 2))


def test_only_so_many_series_are_in_trouble_and_those_in_the_worst_come_first() -> None:
    names = [f"c{i}" for i in range(20)]
    watch = Trouble()
    before = {container(name): {"cpu.stat.nr_throttled": 0.0, "memory.events.oom_kill": 0.0} for name in names}
    now = {container(name): {"cpu.stat.nr_throttled": 1.0, "memory.events.oom_kill": 0.0} for name in names}
    now[container("c17")]["memory.events.oom_kill"] = 1.0
    watch.seen(tick(0, before))
    found = watch.seen(tick(2, now))

    assert len(found) == MAX_IN_TROUBLE
    assert "c17" in found


def test_a_clock_that_was_set_back_is_no_trouble() -> None:
    watch = Trouble()
    watch.seen(tick(100, {container("a"): {"cpu.stat.nr_throttled": 0}}))
    watch.seen(tick(102, {container("a"): {"cpu.stat.nr_throttled": 1}}))

    assert watch.seen(tick(5, {container("a"): {"cpu.stat.nr_throttled": 2}})) == set()


def test_trouble_of_a_pod_is_that_of_its_containers_and_series_without_processes_have_none() -> None:
    inside, slice_ = Series("container", container_id="a", pod_uid="uid"), Series("cgroup", cgroup="/system.slice")
    rows: dict[Series, dict[str, float]] = {POD: {}, inside: {}, container("b"): {}, slice_: {}}
    watch = trouble.Trouble()
    watch.update(tick(0, {series: {"cpu.stat.nr_throttled": 0.0} for series in rows}), {"a", "b"})
    now: dict[Series, dict[str, float]] = {
        series: {"cpu.stat.nr_throttled": float(series in (POD, slice_))} for series in rows
    }

    assert watch.update(tick(2, now), {"a", "b"}) == {"a"}
