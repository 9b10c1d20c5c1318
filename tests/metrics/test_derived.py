"""Derived metrics have the values of their formulas."""

import numpy as np
import pandas as pd
import pytest

from fgm.metrics.catalogue import COLUMNS
from fgm.metrics.derived import DERIVED, ShownMetric
from fgm.metrics.formula_input import Samples
from fgm.metrics.shown import ALIASES, SHOWN, find

NaN = np.nan


def samples(**columns: list[float]) -> Samples:
    """Columns at one tick a second; `__` in a name is a dot."""
    values = {name.replace("__", "."): np.array(column) for name, column in columns.items()}
    count = len(next(iter(values.values())))
    return Samples(1000 * np.arange(count, dtype=np.int64), np.zeros(count), values, 1000)


def shown(name: str) -> ShownMetric:
    metric = find(name)
    assert metric is not None
    return metric


CASES = [
    ("total_cpu_usage_millicores", {"cpu.stat.usage_usec": [0, 500_000, 2_500_000]}, [NaN, 500, 2000]),
    ("user_cpu_usage_millicores", {"cpu.stat.user_usec": [0, 250_000]}, [NaN, 250]),
    ("system_cpu_usage_millicores", {"cpu.stat.system_usec": [0, 250_000]}, [NaN, 250]),
    (
        "total_cpu_percentage",
        {
            "cpu.stat.usage_usec": [0, 250_000, 500_000],
            "cpu_quota_usec": [50_000, 50_000, NaN],
            "cpu_period_usec": [100_000] * 3,
        },
        [NaN, 50, NaN],
    ),
    (  # its own, that of its pod, the node's, and its own in a file that has no other
        "cpu_limit_millicores",
        {
            "cpu_quota_usec": [150_000, 150_000, NaN, 150_000, NaN],
            "cpu_period_usec": [100_000] * 5,
            "effective_cpu_limit_millicores": [1500, 700, 4000, NaN, NaN],
            "effective_cpu_limit_depth": [4, 3, 0, NaN, NaN],
        },
        [1500, 700, NaN, 1500, NaN],
    ),
    (
        "total_cpu_percentage",
        {
            "cpu.stat.usage_usec": [0, 250_000, 500_000],
            "effective_cpu_limit_millicores": [1000, 1000, 2000],
            "effective_cpu_limit_depth": [3, 3, 0],
        },
        [NaN, 25, NaN],
    ),
    (
        "memory_limit_bytes",
        {
            "memory.max": [300, NaN, NaN, 300],
            "effective_memory_max": [200, 200, 9000, NaN],
            "effective_memory_max_depth": [3, 3, 0, NaN],
        },
        [200, 200, NaN, 300],
    ),
    (
        "throttle_ratio",
        {"cpu.stat.nr_throttled": [0, 3, 3, 3], "cpu.stat.nr_periods": [0, 10, 20, 20]},
        [NaN, 0.3, 0, NaN],
    ),
    ("throttled_ms_per_s", {"cpu.stat.throttled_usec": [0, 1_500_000]}, [NaN, 1500]),
    (  # counters of Linux 6.1: one process, three, and one that was gone when its group was killed
        "oom_kills_per_s",
        {"memory.events.oom_kill": [5, 7, 11, 12, 12], "memory.events.oom_group_kill": [1, 2, 3, 4, 4]},
        [NaN, 1, 3, 1, 0],
    ),
    (
        "oom_kills_per_s",
        {"memory.events.oom_kill": [0, 2, NaN], "memory.events.oom_group_kill": [NaN, NaN, NaN]},
        [NaN, 2, NaN],
    ),
    ("psi_cpu_some_ratio", {"cpu.pressure.some.total": [0, 100_000]}, [NaN, 0.1]),
    ("psi_memory_full_ratio", {"memory.pressure.full.total": [0, 1_000_000]}, [NaN, 1]),
    ("psi_io_some_ratio", {"io.pressure.some.total": [0, 0]}, [NaN, 0]),
    (
        "memory_working_set",
        {"memory.current": [100, 100, NaN], "memory.stat.inactive_file": [30, 130, 1]},
        [70, 0, NaN],
    ),
    (
        "memory_limit_ratio",
        {"memory.current": [100, 100], "memory.stat.inactive_file": [50, 50], "memory.max": [200, NaN]},
        [0.25, NaN],
    ),
    (
        "memory_headroom",
        {"memory.current": [100, 100], "memory.stat.inactive_file": [50, 50], "memory.max": [200, NaN]},
        [150, NaN],
    ),
    (
        "memory_headroom",
        {
            "memory.current": [100, 100],
            "memory.stat.inactive_file": [50, 50],
            "memory.max": [NaN, 300],
            "effective_memory_max": [200, 200],
            "effective_memory_max_depth": [3, 3],
        },
        [150, 150],
    ),
    ("io_bytes_per_s", {"io.stat.rbytes": [0, 4096], "io.stat.wbytes": [0, 512]}, [NaN, 4608]),
    ("io_read_bytes_per_s", {"io.stat.rbytes": [0, 4096]}, [NaN, 4096]),
    ("io_write_bytes_per_s", {"io.stat.wbytes": [0, 512]}, [NaN, 512]),
    ("io_read_iops", {"io.stat.rios": [0, 3]}, [NaN, 3]),
    ("io_write_iops", {"io.stat.wios": [0, 4]}, [NaN, 4]),
    (  # read every third tick here; then nothing was sent
        "tcp_retransmit_ratio",
        {"tcp.retrans_segs": [5, NaN, NaN, 6, 6], "tcp.out_segs": [100, NaN, NaN, 109, 109]},
        [NaN, NaN, NaN, 0.1, NaN],
    ),
    ("memory.stat.pgfault", {"memory.stat.pgfault": [10, 15]}, [NaN, 5]),
    ("memory.current", {"memory.current": [10, 15]}, [10, 15]),
]


@pytest.mark.parametrize(("name", "columns", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_metric_has_the_value_of_its_formula(
    name: str, columns: dict[str, list[float]], expected: list[float]
) -> None:
    values = {column: np.array(numbers, float) for column, numbers in columns.items()}
    count = len(expected)
    raw = Samples(1000 * np.arange(count, dtype=np.int64), np.zeros(count), values, 1000)

    assert shown(name).compute(raw) == pytest.approx(expected, nan_ok=True)


def test_every_derived_metric_has_a_case() -> None:
    untested = {metric.name for metric in DERIVED} - {case[0] for case in CASES}

    assert {name for name in untested if not name.startswith("psi_")} == set()


def test_the_needed_columns_are_recorded_and_sufficient() -> None:
    """A formula reads only the columns that it declares, and returns numbers if it has all of them."""
    rng = np.random.default_rng(1)
    for metric in SHOWN.values():
        assert set(metric.needs) <= set(COLUMNS), metric.name

        values = {name: np.cumsum(rng.integers(1, 100, 5)).astype(float) for name in metric.needs}
        raw = Samples(1000 * np.arange(5, dtype=np.int64), np.zeros(5), values, 1000)

        assert not np.isnan(metric.compute(raw)[1:]).any(), metric.name


def test_a_missing_column_is_all_null() -> None:
    """A file of an older version lacks a column: its values are missing, and nothing fails."""
    for metric in SHOWN.values():
        values = metric.compute(Samples(np.arange(3, dtype=np.int64), np.zeros(3), {}, 1000))

        assert np.isnan(values).all(), metric.name


def test_names_of_similar_tools_are_accepted() -> None:
    assert shown("cpu_percentage").name == "total_cpu_percentage"
    assert shown("cgroup.v2.memory.current").name == "memory.current"
    assert shown("cgroup.v2.cpu.stat.usage_usec").name == "cpu.stat.usage_usec"
    assert all(name in SHOWN for name in ALIASES.values())
    assert find("no.such.metric") is None
    assert find("") is None


def test_the_help_of_a_counter_explains_that_it_is_shown_as_a_rate() -> None:
    assert shown("io.stat.rbytes").unit == "bytes/s"
    assert shown("memory.events.oom_kill").unit == "1/s"
    assert shown("memory.current").unit == "bytes"


def test_derived_metrics_come_first() -> None:
    assert next(iter(SHOWN)) == "total_cpu_usage_millicores"
    assert list(SHOWN)[: len(DERIVED)] == [metric.name for metric in DERIVED]


def test_millicores_equal_an_independent_computation() -> None:
    """With late ticks, a missing tick and a restart of the counter, the numbers are those of pandas."""
    rng = np.random.default_rng(7)
    usage = np.cumsum(rng.integers(0, 2_000_000, 300)).astype(float)
    usage[200:] -= usage[200]
    late = rng.uniform(0, 300, 300)
    time_ms = 1000 * np.array([t for t in range(303) if t not in (50, 120, 121)], np.int64)
    frame = pd.DataFrame({"usage": usage}, index=pd.to_datetime(time_ms * 1_000_000 + (late * 1e6).astype(np.int64)))
    seconds = frame.index.to_series().diff().dt.total_seconds()
    expected = frame["usage"].diff() / 1000 / seconds
    expected[(frame["usage"].diff() < 0) | (pd.Series(time_ms, frame.index).diff() > 2500)] = NaN

    computed = shown("total_cpu_usage_millicores").compute(Samples(time_ms, late, {"cpu.stat.usage_usec": usage}, 1000))

    assert computed == pytest.approx(expected.to_numpy(), rel=1e-6, nan_ok=True)
