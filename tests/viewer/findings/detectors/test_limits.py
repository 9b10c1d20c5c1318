"""Containers at a limit: their own or their pod's, and those that are at it without suffering."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.viewer.findings.detectors import limits
from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import START_MS, container, made_grid, node, pod

TICKS, BEGIN, FIRST, LAST = 600, 200, 400, 459
MIB = 1 << 20
SHOP = pod("shop")
SERIES = [node(), SHOP, container("web", SHOP), container("sidecar", SHOP), container("alone")]
POD, WEB, SIDECAR, ALONE = 1, 2, 3, 4
Rows = dict[int, NDArray[np.floating]]


def memory_grid(at_limit: int, owner: int, *, pressure: float | None = 0.3, kind: str = "max") -> Grid:
    """Return a grid in which a row is at a limit of 100 MiB, which belongs to itself or to its pod."""
    rows = (POD, WEB, SIDECAR, ALONE)
    numbers = np.random.default_rng(7)
    memory: Rows = {row: 40 * MIB + numbers.normal(0, MIB / 4, TICKS) for row in rows}
    memory[at_limit][FIRST : LAST + 1] = 99 * MIB - 30 * MIB * (owner != at_limit)
    memory[POD] = memory[WEB] + memory[SIDECAR] - 10 * MIB
    if owner == POD:
        memory[POD][FIRST : LAST + 1] = 99.5 * MIB
    waits: Rows = {row: numbers.uniform(0, 0.004, TICKS) for row in rows}
    hits: Rows = {row: np.zeros(TICKS) for row in rows}
    hits[owner][FIRST : LAST + 1] = 12
    for row in {owner, at_limit}:
        waits[row][FIRST : LAST + 1] = pressure or 0
    nothing, depth = np.full(TICKS, np.nan), {POD: 2, WEB: 3, SIDECAR: 3, ALONE: 3}
    bounded = (POD, WEB, SIDECAR) if owner == POD else (owner,)
    limit = {row: np.full(TICKS, 100.0 * MIB) if row in bounded else nothing for row in rows}
    return made_grid(
        SERIES,
        {
            "memory.current": memory,
            "memory_working_set": {row: each - 20 * MIB for row, each in memory.items()},
            f"memory.{kind}": {row: each if row == owner else nothing for row, each in limit.items()},
            "memory_limit_bytes" if kind == "max" else "effective_memory_high": limit,
            f"effective_memory_{kind}_depth": {
                row: np.full(TICKS, depth[owner] if row in bounded else 0.0) for row in rows
            },
            f"memory.events.{kind}": hits,
            **({} if pressure is None else {"psi_memory_some_ratio": waits}),
        },
        ticks=TICKS,
        begin=BEGIN,
    )


@pytest.mark.parametrize("kind", ["max", "high"])
def test_a_container_that_waits_at_its_own_memory_limit(kind: str) -> None:
    (found,) = limits.find(memory_grid(ALONE, ALONE, kind=kind))

    assert (found.kind, found.row, found.others) == ("limit", ALONE, ())
    assert abs(found.from_ms - START_MS - 1000 * FIRST) <= 2000
    assert abs(found.to_ms - START_MS - 1000 * LAST) <= 2000
    assert found.facts["limit"] == f"memory.{kind}"
    assert found.facts["limit_of"] == "its own"
    assert found.facts["limit_bytes"] == 100 * MIB
    assert found.facts["times_at_limit"] == 720
    assert found.facts["waited_percent"] == pytest.approx(30)
    assert found.statistic > 200


def test_a_gap_of_a_container_that_is_always_at_its_limit_is_not_found() -> None:
    made = memory_grid(ALONE, ALONE, pressure=None, kind="high")
    for name in ("memory.current", "memory_working_set"):
        made.value(name)[ALONE] = 100 * MIB
    made.value("memory.events.high")[ALONE] = 12
    for values in made.metrics.values():
        values[ALONE, 540:552] = np.nan

    with np.testing.assert_no_warnings():
        assert limits.find(made) == []


def test_the_pods_limit_is_reached_by_the_container_that_uses_most_of_it() -> None:
    (found,) = limits.find(memory_grid(WEB, POD))

    assert (found.row, found.others) == (POD, (WEB, SIDECAR))
    assert found.facts["limit_of"] == "its own"


def test_a_container_that_is_alone_in_its_pod_stands_for_it() -> None:
    """The pod has the same limit and counts how often it is hit; the container counts nothing."""
    recorded = memory_grid(ALONE, ALONE)
    at_pod = with_metric(recorded, "effective_memory_max_depth", np.full((len(SERIES), TICKS), 2, np.float32))
    made = with_metric(at_pod, "memory.events.max", np.zeros((len(SERIES), TICKS), np.float32))

    assert [(each.row, "times_at_limit" in each.facts) for each in limits.find(made)] == [(ALONE, False)]


def test_memory_at_its_limit_that_nothing_waits_for_is_page_cache() -> None:
    assert limits.find(memory_grid(ALONE, ALONE, pressure=0.001)) == []


def test_without_psi_the_working_set_decides() -> None:
    cached = memory_grid(ALONE, ALONE, pressure=None)
    working = np.array(cached.value("memory.current"))

    assert limits.find(cached) == []
    (found,) = limits.find(with_metric(cached, "memory_working_set", working))
    assert found.row == ALONE
    assert found.facts.keys().isdisjoint({"waited_percent", "usual_waited_percent"})


def with_metric(grid: Grid, name: str, values: NDArray[np.float32]) -> Grid:
    return made_grid(
        SERIES, {**{each: np.array(grid.value(each)) for each in grid.metrics}, name: values}, ticks=TICKS, begin=BEGIN
    )


def test_a_container_that_uses_its_whole_cpu_quota() -> None:
    ratio, use = np.zeros(TICKS), np.full(TICKS, 50.0)
    ratio[FIRST : LAST + 1], use[FIRST : LAST + 1] = 1.0, 295.0
    (found,) = limits.find(
        made_grid(
            SERIES,
            {
                "throttle_ratio": {ALONE: ratio},
                "throttled_ms_per_s": {ALONE: 700 * ratio},
                "total_cpu_usage_millicores": {ALONE: use},
                "cpu_quota_usec": {ALONE: np.full(TICKS, 30_000.0)},
                "cpu_period_usec": {ALONE: np.full(TICKS, 100_000.0)},
            },
            ticks=TICKS,
            begin=BEGIN,
        )
    )

    assert (found.row, found.facts["limit"], found.facts["limit_millicores"]) == (ALONE, "cpu.max", 300)
    assert found.from_ms == START_MS + 1000 * FIRST
    assert found.facts["mean_use_percent_of_limit"] == pytest.approx(98, abs=1)


def test_a_longer_time_at_the_limit_before_the_range_does_not_hide_the_one_in_it() -> None:
    made = memory_grid(ALONE, ALONE)
    for values in made.metrics.values():
        values[ALONE, 40:100] = values[ALONE, FIRST : LAST + 1]
        values[ALONE, FIRST + 8 : LAST + 1] = values[ALONE, BEGIN : BEGIN + LAST - FIRST - 7]
    (found,) = limits.find(made)

    assert (found.from_ms, found.to_ms) == (START_MS + 1000 * FIRST, START_MS + 1000 * (FIRST + 7))


def test_a_container_that_cannot_start_threads() -> None:
    refused = np.zeros(TICKS)
    refused[FIRST : LAST + 1 : 10] = 5
    (found,) = limits.find(
        made_grid(
            SERIES,
            {"pids.events.max": {ALONE: refused}, "pids.max": {ALONE: np.full(TICKS, 64.0)}},
            ticks=TICKS,
            begin=BEGIN,
        )
    )

    assert (found.row, found.facts["limit"], found.facts["limit_threads"]) == (ALONE, "pids.max", 64)
    assert found.facts["times_at_limit"] == 30
    assert found.facts["limit_of"] == "its own"


def test_the_thread_limit_of_a_pod_is_not_its_containers_own() -> None:
    refused = np.zeros(TICKS)
    refused[FIRST : LAST + 1 : 10] = 5
    bound = np.where(np.arange(TICKS) % 10, np.nan, 64.0)
    for limit_row, owner, threads in ((POD, "its pod's", 64), (ALONE, "a group's", None)):
        metrics = {"pids.events.max": {WEB: refused}, "pids.max": {limit_row: bound}}
        (found,) = limits.find(made_grid(SERIES, metrics, ticks=TICKS, begin=BEGIN))
        assert (found.facts["limit_of"], found.facts.get("limit_threads")) == (owner, threads)
