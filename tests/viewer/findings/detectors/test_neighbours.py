"""Containers that take a resource from others: made ones, and ones that press only themselves."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.viewer.findings.detectors import neighbours
from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import START_MS, container, made_grid, node

TICKS, BEGIN, FIRST, LAST = 900, 300, 500, 559
NAMES = ("web", "db", "batch", "cache", "idle", "cron")
SERIES = [node(), *(container(name) for name in NAMES)]
NODE, WEB, DB, BATCH, CACHE, IDLE, CRON = range(7)
USES = {"cpu": "total_cpu_usage_millicores", "memory": "memory.current", "io": "io_bytes_per_s"}
AMOUNTS = {"cpu": (50.0, 2000.0), "memory": (200e6, 600e6), "io": (1e5, 60e6)}
"""What a container uses usually, and by how much the culprit's use rises."""
Rows = dict[int, NDArray[np.floating]]


def grid(
    resource: str,
    *,
    rises: Mapping[int, float],
    waits: Mapping[int, float],
    seed: int = 3,
    more: Mapping[str, Rows] | None = None,
) -> Grid:
    """Return a grid. `rises`, `waits`: use of rows in the incident as a share of a culprit's, and their pressure."""
    numbers = np.random.default_rng(seed)
    usual, rise = AMOUNTS[resource]
    use: Rows = {row: usual * numbers.gamma(9, 1 / 9, TICKS) for row in range(1, 7)}
    pressure: Rows = {row: numbers.gamma(0.5, 0.01, TICKS) for row in range(1, 7)}
    inside, length = slice(FIRST, LAST + 1), LAST + 1 - FIRST
    pressure[NODE] = np.where((np.arange(TICKS) >= FIRST - 10) & (np.arange(TICKS) <= LAST + 10), 0.6, 0.01)
    for row, share in rises.items():
        use[row][inside] += share * rise * numbers.uniform(0.8, 1.2, length)
    for row, share in waits.items():
        pressure[row][inside] += share * numbers.uniform(0.6, 1.4, length)
    metrics = {USES[resource]: use, f"psi_{resource}_some_ratio": pressure, **(more or {})}
    return made_grid(SERIES, metrics, ticks=TICKS, begin=BEGIN)


@pytest.mark.parametrize("resource", USES)
def test_the_one_whose_use_rises_is_named_with_those_that_wait(resource: str) -> None:
    (found,) = neighbours.find(grid(resource, rises={BATCH: 1.0}, waits={BATCH: 0.5, DB: 0.4, WEB: 0.2}))

    assert (found.kind, found.row, found.others) == ("neighbour", BATCH, (DB, WEB))
    assert abs(found.from_ms - START_MS - 1000 * FIRST) <= 2000
    assert abs(found.to_ms - START_MS - 1000 * LAST) <= 3000
    assert found.facts["resource"] == resource
    assert float(found.facts["share_of_rise"]) > 0.9
    assert float(found.facts["node_waited_percent"]) == pytest.approx(60)
    assert float(found.facts["victim_waited_percent"]) == pytest.approx(40.5, abs=1.5)
    assert found.statistic > 3


@pytest.mark.parametrize("resource", USES)
def test_one_that_presses_only_itself_hurts_no_others(resource: str) -> None:
    assert neighbours.find(grid(resource, rises={BATCH: 1.0}, waits={BATCH: 0.8})) == []


def test_a_container_that_waits_for_its_own_quota_is_no_victim() -> None:
    held = {"throttle_ratio": {DB: np.where(np.arange(TICKS) // 60 == FIRST // 60, 0.5, 0.5)}}

    assert neighbours.find(grid("cpu", rises={BATCH: 1.0}, waits={DB: 0.5}, more=held)) == []


def test_a_container_that_reclaims_at_its_own_limit_is_no_victim() -> None:
    held = {"memory.events.max": {DB: np.full(TICKS, 3.0)}}

    assert neighbours.find(grid("memory", rises={BATCH: 1.0}, waits={DB: 0.5}, more=held)) == []


@pytest.mark.parametrize("left", [0.4, 1.0], ids=["without its page cache", "with its page cache"])
def test_one_that_waits_for_the_disk_is_a_victim_if_its_page_cache_is_gone(left: float) -> None:
    ticks = np.arange(TICKS)
    is_inside = (ticks >= FIRST) & (ticks <= LAST)
    reads: Rows = {DB: np.where(is_inside, np.random.default_rng(5).uniform(0.2, 0.5, TICKS), 0.0)}
    more = {"psi_io_some_ratio": reads, "memory.stat.file": {DB: np.where(is_inside, left * 96e6, 96e6)}}

    of_memory = [
        (found.row, found.others)
        for found in neighbours.find(grid("memory", rises={BATCH: 1.0}, waits={}, more=more))
        if found.facts["resource"] == "memory"
    ]

    assert of_memory == ([(BATCH, (DB,))] if left < 1 else [])


def test_nothing_is_blamed_if_no_use_rises() -> None:
    assert neighbours.find(grid("cpu", rises={}, waits={DB: 0.5, WEB: 0.5})) == []


def test_nothing_is_blamed_for_a_rise_that_all_share() -> None:
    everything = dict.fromkeys((WEB, DB, BATCH, CACHE, IDLE), 1.0)

    assert neighbours.find(grid("cpu", rises=everything, waits=dict.fromkeys(everything, 0.3))) == []


def test_many_requests_are_a_use_of_the_disk_although_they_are_small() -> None:
    requests = np.full(TICKS, 10.0)
    requests[FIRST : LAST + 1] = 4000

    (found,) = neighbours.find(grid("io", rises={}, waits={DB: 0.4}, more={"io_read_iops": {CRON: requests}}))
    assert (found.row, found.others) == (CRON, (DB,))


def test_a_short_wait_long_before_does_not_begin_it() -> None:
    made = grid("cpu", rises={BATCH: 1.0}, waits=dict.fromkeys((WEB, DB, CACHE, IDLE, CRON), 0.8))
    pressure = made.value("psi_cpu_some_ratio")
    pressure[CACHE, FIRST - 130 : FIRST - 127] += 0.9

    (found,) = neighbours.find(made)
    assert abs(found.from_ms - START_MS - 1000 * FIRST) <= 2000


def test_a_container_that_swaps_is_reported_as_paging() -> None:
    pages = np.zeros(TICKS)
    pages[FIRST : LAST + 1] = 10_000
    swapping: dict[str, Rows] = {"memory.stat.pswpin": {BATCH: pages}, "memory.stat.pswpout": {BATCH: pages}}

    assert neighbours.find(grid("io", rises={BATCH: 1.0}, waits={DB: 0.5})) != []
    assert neighbours.find(grid("io", rises={BATCH: 1.0}, waits={DB: 0.5}, more=swapping)) == []


def test_a_small_part_of_all_use_is_not_blamed() -> None:
    busy: Rows = {row: np.full(TICKS, 5e9) for row in (WEB, CACHE)}
    busy[BATCH] = np.where(np.arange(TICKS) < FIRST, 1e6, 2e8)

    assert neighbours.find(grid("memory", rises={}, waits={DB: 0.5}, more={"memory.current": busy})) == []


def test_quiet_values_have_no_finding() -> None:
    for seed in range(20):
        assert [neighbours.find(grid(each, rises={}, waits={}, seed=seed)) for each in USES] == [[], [], []]
