"""Storms of paging in made grids."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fgm.viewer.findings.detectors import paging
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.strength import MIN_STRENGTH, strength_of
from tests.support.viewer.made_grid import START_MS, container, made_grid, pod

TICKS, BEGIN = 1800, 900
SECONDS = np.arange(TICKS)
Values = NDArray[np.float64]


def rate(usual: float, during: float = 0.0, begin_s: int = 1200, end_s: int = 1260) -> Values:
    values = np.random.default_rng(3).poisson(usual, TICKS).astype(float)
    values[begin_s:end_s] += np.random.default_rng(4).poisson(during, end_s - begin_s)
    return values


def found(begin: int = BEGIN, **metrics: Values) -> list[Finding]:
    """Return the strong storms of one container; a keyword is the end of the name of a metric of memory.stat."""
    rows = {f"memory.stat.{name}": {0: values} for name, values in metrics.items()}
    grid = made_grid([container("cart")], rows, ticks=TICKS, begin=begin)
    return [finding for finding in paging.find(grid) if strength_of(finding) >= MIN_STRENGTH]


@pytest.mark.parametrize("begin", [BEGIN, 0])
def test_a_storm_of_major_faults_is_found_with_its_begin_and_end(begin: int) -> None:
    (storm,) = found(begin, pgmajfault=rate(2, 800), pgfault=rate(300, 900))

    assert (storm.kind, storm.row, storm.metric) == ("paging", 0, "memory.stat.pgmajfault")
    assert abs(storm.from_ms - START_MS - 1_200_000) <= 2000
    assert abs(storm.to_ms - START_MS - 1_260_000) <= 10_000
    assert storm.facts["major_faults_per_s"] == pytest.approx(800, rel=0.2)


def test_a_swap_storm_is_more_specific_than_its_major_faults() -> None:
    (storm,) = found(pswpin=rate(0, 4000), pswpout=rate(0, 5000), pgmajfault=rate(2, 3000))

    assert storm.metric == "memory.stat.pswpin"
    assert storm.facts["swapped_pages_per_s"] == pytest.approx(9000, rel=0.2)


def test_without_counters_of_swapping_what_is_swapped_in_again_is_counted() -> None:
    (storm,) = found(workingset_refault_anon=rate(1, 3000), pgmajfault=rate(2, 2000))

    assert storm.metric == "memory.stat.workingset_refault_anon"


def test_a_storm_of_minor_faults_is_found() -> None:
    (storm,) = found(pgfault=rate(500, 200_000), pgmajfault=rate(1))

    assert storm.metric == "memory.stat.pgfault"
    assert storm.facts["minor_faults_per_s"] == pytest.approx(200_000, rel=0.2)


def test_bursts_that_happen_all_the_time_are_usual() -> None:
    bursts = rate(300) + np.where(SECONDS % 300 < 20, 90_000.0, 0.0)

    assert found(pgfault=bursts) == []


def test_the_page_faults_of_a_start_are_usual() -> None:
    starting = np.where(SECONDS < 1300, np.nan, np.where(SECONDS < 1320, 300_000.0, 300.0))

    assert found(pgfault=starting) == []


def test_few_faults_are_no_storm_however_rare_they_were() -> None:
    assert found(pgmajfault=rate(0, 20), pswpin=rate(0, 20)) == []


def test_pods_are_left_out_and_containers_of_them_are_not() -> None:
    of = pod("cart")
    storm = rate(2, 800)
    grid = made_grid(
        [of, container("cart", of)], {"memory.stat.pgmajfault": {0: storm, 1: storm}}, ticks=TICKS, begin=BEGIN
    )

    assert [finding.row for finding in paging.find(grid)] == [1]


def test_a_grid_without_values_has_no_storm() -> None:
    assert paging.find(made_grid([container("cart")], {}, ticks=0)) == []
    nothing = {"memory.stat.pgfault": {0: np.full(30, np.nan)}}
    assert paging.find(made_grid([container("cart")], nothing, ticks=30, begin=10)) == []
