"""Throttling of containers and pods that use little on average: made ones, and one that was recorded."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.viewer.findings.detectors import throttling
from fgm.viewer.findings.grid import Grid
from tests.support.viewer.made_grid import START_MS, container, made_grid, node, pod

TICKS, BEGIN, FIRST, LAST = 900, 300, 500, 579
SHOP = pod("shop")
SERIES = [node(), SHOP, container("web", SHOP), container("sidecar", SHOP), container("quiet")]
POD, WEB, SIDECAR, QUIET = 1, 2, 3, 4


def grid(use: float, **shares: Mapping[int, float]) -> Grid:
    """Return a grid in which rows are throttled in the incident. `shares`: of periods, by row."""
    numbers = np.random.default_rng(5)
    ratio: dict[int, NDArray[np.floating]] = {row: np.zeros(TICKS) for row in (POD, WEB, SIDECAR, QUIET)}
    for values in ratio.values():
        values[numbers.random(TICKS) < 0.01] = 0.1  # as everywhere
    millicores = {row: numbers.gamma(4, 10, TICKS) for row in ratio}
    for row, share in shares["throttled"].items():
        ratio[row][FIRST : LAST + 1] = np.round(numbers.uniform(share - 0.2, share + 0.2, LAST + 1 - FIRST), 1)
        millicores[row][FIRST : LAST + 1] = use
    constant = {row: np.full(TICKS, 1.0) for row in ratio}
    return made_grid(
        SERIES,
        {
            "throttle_ratio": ratio,
            "throttled_ms_per_s": {row: 150 * each for row, each in ratio.items()},
            "total_cpu_usage_millicores": millicores,
            "cpu_quota_usec": {row: 30_000 * each for row, each in constant.items()},
            "cpu_period_usec": {row: 100_000 * each for row, each in constant.items()},
        },
        ticks=TICKS,
        begin=BEGIN,
    )


def test_a_container_that_is_throttled_at_a_third_of_its_quota_is_found_with_its_beginning() -> None:
    (found,) = throttling.find(grid(100.0, throttled={WEB: 0.6}))

    assert (found.kind, found.row, found.others) == ("throttling", WEB, ())
    assert abs(found.from_ms - START_MS - 1000 * FIRST) <= 2000
    assert abs(found.to_ms - START_MS - 1000 * LAST) <= 2000
    assert found.facts["mean_use_percent_of_quota"] == pytest.approx(33, abs=2)
    assert found.facts["throttled_percent"] == pytest.approx(60, abs=5)
    assert found.facts["quota_millicores"] == 300
    assert found.facts["lost_ms_per_s"] == pytest.approx(90, abs=10)
    assert found.statistic > 200


def test_a_container_that_uses_its_quota_is_none_of_these() -> None:
    assert throttling.find(grid(290.0, throttled={WEB: 0.6})) == []


def test_the_quota_of_a_pod_is_that_of_the_pod_and_holds_its_containers() -> None:
    (found,) = throttling.find(grid(100.0, throttled={POD: 0.6}))

    assert found.row == POD
    assert set(found.others) == {WEB, SIDECAR}


def test_a_pod_that_counts_the_periods_of_its_container_is_no_second_finding() -> None:
    assert [found.row for found in throttling.find(grid(100.0, throttled={POD: 0.6, WEB: 0.6}))] == [WEB]


def test_what_is_always_throttled_alike_is_usual() -> None:
    made = grid(100.0, throttled={})
    ratio = np.array(made.value("throttle_ratio"))
    ratio[WEB] = np.round(np.random.default_rng(6).uniform(0.2, 0.6, TICKS), 1)
    assert throttling.find(replace(made, metrics={**made.metrics, "throttle_ratio": ratio})) == []
