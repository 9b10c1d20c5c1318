"""Leaks in made grids: what grows without end is found, and what only looks as if it did is not."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fgm.store.samples.series import Series
from fgm.viewer.findings.detectors import leaks
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.strength import MIN_STRENGTH, strength_of
from tests.support.viewer.made_grid import START_MS, container, made_grid, node, pod

MIB, TICKS, BEGIN = float(1 << 20), 1800, 900
SECONDS = np.arange(TICKS, dtype=np.float64)
NUMBERS = np.random.default_rng(1)
Limits = Mapping[str, Mapping[int, float]]
Values = NDArray[np.float64]


def grown(begin_s: float, per_s: float) -> Values:
    return per_s * np.maximum(0, SECONDS - begin_s)


def noise(deviation: float) -> Values:
    return deviation * np.random.default_rng(7).standard_normal(TICKS)


def saw_tooth(period_s: float, height: float) -> Values:
    return height * (SECONDS % period_s) / period_s


def found(metrics: Mapping[str, Values], begin: int = BEGIN) -> list[Finding]:
    """Return the strong leaks of one container."""
    grid = made_grid(
        [container("cart")], {name: {0: values} for name, values in metrics.items()}, ticks=TICKS, begin=begin
    )
    return [finding for finding in leaks.find(grid) if strength_of(finding) >= MIN_STRENGTH]


@pytest.mark.parametrize(
    ("begin_s", "per_s", "deviation"),
    [(1000, 2 * MIB, 0.5 * MIB), (1600, MIB, 0.5 * MIB), (1740, 4 * MIB, 0.5 * MIB), (1100, 0.05 * MIB, 0.2 * MIB)],
)
def test_a_leak_is_found_with_its_begin_and_its_slope(begin_s: float, per_s: float, deviation: float) -> None:
    (leak,) = found({"memory.stat.anon": 200 * MIB + noise(deviation) + grown(begin_s, per_s)})

    assert (leak.kind, leak.row, leak.metric) == ("leak", 0, "memory.stat.anon")
    assert abs(leak.from_ms - START_MS - 1000 * begin_s) <= 5000
    assert leak.to_ms >= START_MS + 1000 * (TICKS - 5)
    assert leak.facts["slope_bytes_per_s"] == pytest.approx(per_s, rel=0.05)
    assert leak.facts["slope_bytes_per_s_low"] <= per_s * 1.01  # type: ignore[operator]  # a number
    assert leak.facts["slope_bytes_per_s_high"] >= per_s * 0.99  # type: ignore[operator]  # a number
    assert leak.facts["grown_bytes"] == pytest.approx((TICKS - begin_s) * per_s, rel=0.05)


@settings(max_examples=30)
@given(
    begin_s=st.floats(930, 1700),
    per_s=st.floats(0.3, 20),
    level=st.floats(1, 30_000),
    length_s=st.floats(60, 900),
)
def test_a_steep_leak_is_found_whenever_it_begins_and_whatever_there_was_before(
    begin_s: float, per_s: float, level: float, length_s: float
) -> None:
    end_s = min(TICKS, round(begin_s + length_s))
    values = (level * MIB) + grown(begin_s, per_s * MIB) + noise(0.3 * MIB)
    values[end_s:] = np.nan
    (leak,) = found({"memory.stat.anon": values})

    assert abs(leak.from_ms - START_MS - 1000 * begin_s) <= 5000
    assert abs(leak.to_ms - START_MS - 1000 * end_s) <= 10_000
    assert leak.facts["slope_bytes_per_s"] == pytest.approx(per_s * MIB, rel=0.1)
    assert found({"memory.stat.anon": values[::-1]}) == []


def test_a_leak_that_began_before_the_grid_says_so() -> None:
    (leak,) = found({"memory.stat.anon": 200 * MIB + noise(0.2 * MIB) + grown(-1000, 0.1 * MIB)})

    assert leak.facts["began"] == "before"
    assert leak.from_ms <= START_MS + 10_000


def test_a_leak_is_found_below_the_saw_tooth_of_a_garbage_collector() -> None:
    (leak,) = found({"memory.stat.anon": 300 * MIB + saw_tooth(41, 100 * MIB) + grown(900, 0.2 * MIB)})

    assert leak.facts["slope_bytes_per_s"] == pytest.approx(0.2 * MIB, rel=0.2)


def test_a_leak_that_a_kill_ended_ends_there() -> None:
    (leak,) = found(
        {"memory.stat.anon": np.where(SECONDS < 1500, 50 * MIB + grown(1200, MIB), 50 * MIB) + noise(0.1 * MIB)}
    )

    assert abs(leak.from_ms - START_MS - 1_200_000) <= 5000
    assert abs(leak.to_ms - START_MS - 1_500_000) <= 5000
    assert leak.facts["given_back_bytes"] == pytest.approx(300 * MIB, rel=0.03)
    assert "reaches_limit_in_s" not in leak.facts


def test_what_rises_for_a_minute_and_stays_there_is_no_leak_though_it_falls_later() -> None:
    risen = np.minimum(200 * MIB, grown(1200, 3 * MIB)) * (SECONDS < 1600)

    assert found({"memory.stat.anon": 50 * MIB + risen + noise(MIB)}) == []


@pytest.mark.parametrize(
    "anon",
    [
        300 * MIB + saw_tooth(120, 200 * MIB),
        300 * MIB + saw_tooth(700, 200 * MIB),
        200 * MIB + noise(5 * MIB),
        200 * MIB + NUMBERS.standard_normal(TICKS).cumsum() * 0.3 * MIB,
        200 * MIB + np.where(SECONDS > 1200, 100 * MIB, 0) + noise(MIB),
        200 * MIB + 100 * MIB * (1 - np.exp(-np.maximum(0, SECONDS - 1000) / 60)),
    ],
    ids=["saw-tooth", "long saw-tooth", "noise", "random walk", "step", "warm-up"],
)
def test_what_is_given_back_or_levels_off_is_no_leak(anon: Values) -> None:
    assert found({"memory.stat.anon": anon}) == []


def test_page_cache_is_no_leak() -> None:
    anon, cache = 100 * MIB + noise(0.1 * MIB), grown(900, MIB)
    working_set = anon + cache / 2

    assert found({"memory.stat.anon": anon, "memory.stat.file": cache, "memory_working_set": working_set}) == []


def test_without_anonymous_memory_the_working_set_is_judged() -> None:
    (leak,) = found({"memory_working_set": 100 * MIB + noise(0.1 * MIB) + grown(1000, MIB)})

    assert leak.metric == "memory_working_set"


def test_threads_descriptors_and_memory_leak_separately() -> None:
    descriptors = np.where(SECONDS % 30 == 11, 100 + np.round(grown(1207, 1.5)), np.nan)
    leaking = found(
        {
            "pids.current": 12 + np.round(grown(1300, 0.5)),
            "processes.fd_count": descriptors,
            "memory.stat.anon": 100 * MIB + grown(1300, 0.5 * MIB),
            "memory.swap.current": grown(1350, 0.2 * MIB),
        }
    )

    assert {leak.metric for leak in leaking} == {"pids.current", "processes.fd_count", "memory.stat.anon"}
    by_metric = {leak.metric: leak for leak in leaking}
    assert abs(by_metric["pids.current"].from_ms - START_MS - 1_300_000) <= 5000
    assert abs(by_metric["processes.fd_count"].from_ms - START_MS - 1_207_000) <= 5000
    assert by_metric["processes.fd_count"].facts["slope_fds_per_s"] == pytest.approx(1.5, rel=0.02)


def test_the_leak_of_a_container_that_exits_is_found() -> None:
    values = 50 * MIB + grown(1000, MIB)
    values[1400:] = np.nan
    (leak,) = found({"memory.stat.anon": values})

    assert abs(leak.to_ms - START_MS - 1_399_000) <= 5000
    assert leak.facts["ended"] == "exit"


def limited(series: Sequence[Series], limits: Limits) -> Grid:
    """Return a grid whose second row leaks 1 MiB/s from 100 MiB on; the pod and the node use 50 MiB more, and cache."""
    anon = {row: 100 * MIB + grown(1000, MIB) + (50 * MIB if row == 0 else 0) for row in range(len(series))}
    cache = {row: 500 * MIB + grown(0, MIB) for row in anon}
    metrics = {name: {row: np.full(TICKS, value) for row, value in rows.items()} for name, rows in limits.items()}
    metrics |= {
        "memory.stat.anon": anon,
        "memory.stat.file": cache,
        "memory.current": {row: anon[row] + cache[row] for row in anon},
    }
    return made_grid(series, metrics, ticks=TICKS, begin=BEGIN)


def test_the_time_until_its_own_limit_does_not_count_page_cache() -> None:
    of = pod("cart")
    limits: Limits = {
        "memory.max": {1: 1000 * MIB},
        "effective_memory_max": {1: 1000 * MIB},
        "effective_memory_max_depth": {1: 3},
    }
    (leak,) = leaks.find(limited([of, container("cart", of)], limits))

    assert leak.facts["limit_of"] == "its own"
    assert leak.facts["reaches_limit_in_s"] == pytest.approx(1000 - 900, abs=3)
    assert leak.facts["reaches_limit_in_s_low"] <= leak.facts["reaches_limit_in_s"]  # type: ignore[operator]  # numbers
    assert leak.facts["reaches_limit_in_s_high"] >= leak.facts["reaches_limit_in_s"]  # type: ignore[operator]  # numbers


def test_the_limit_of_the_pod_is_reached_with_what_others_use_in_it() -> None:
    of = pod("cart")
    limits: Limits = {
        "memory.max": {0: 1000 * MIB},
        "effective_memory_max": {1: 1000 * MIB},
        "effective_memory_max_depth": {1: 2},
    }
    (leak,) = leaks.find(limited([of, container("cart", of)], limits))

    assert leak.facts["limit_of"] == "its pod's"
    assert leak.facts["reaches_limit_in_s"] == pytest.approx(1000 - 950, abs=3)


def test_without_a_limit_the_memory_of_the_node_is_reached() -> None:
    limits: Limits = {
        "memory.max": {0: 2000 * MIB},
        "effective_memory_max": {1: 2000 * MIB},
        "effective_memory_max_depth": {1: 0},
    }
    (leak,) = leaks.find(limited([node(), container("cart")], limits))

    assert leak.facts["limit_of"] == "the node's"
    assert leak.facts["reaches_limit_in_s"] == pytest.approx(2000 - 950, abs=3)


def test_threads_reach_the_limit_of_their_pod() -> None:
    of = pod("cart")
    threads = 12 + np.round(grown(1300, 0.5))
    metrics = {"pids.current": {0: threads + 8, 1: threads}, "pids.max": {0: np.full(TICKS, 400.0)}}
    (leak,) = leaks.find(made_grid([of, container("cart", of)], metrics, ticks=TICKS, begin=BEGIN))

    assert (leak.facts["limit_of"], leak.facts["limit_threads"]) == ("its pod's", 400)
    assert leak.facts["reaches_limit_in_s"] == pytest.approx((400 - 270) / 0.5, rel=0.05)


def test_a_grid_without_values_or_with_few_has_no_leak() -> None:
    assert leaks.find(made_grid([container("cart")], {}, ticks=0)) == []
    assert leaks.find(made_grid([container("cart")], {"memory.stat.anon": {0: np.array([1e9])}}, ticks=1)) == []
    empty = {"memory.stat.anon": {0: np.full(TICKS, np.nan)}}
    assert leaks.find(made_grid([container("cart")], empty, ticks=TICKS, begin=BEGIN)) == []
