"""The catalogue is complete, readable and consistent with itself."""

import re
from pathlib import Path

import pytest

import fgm.viewer
from fgm.metrics.catalogue import BY_NAME, COLUMNS, RECORDED
from fgm.metrics.metric import ADDITIVE_UNITS, Metric, has_share


def test_names_are_unique_and_in_the_order_of_the_columns() -> None:
    assert tuple(metric.name for metric in RECORDED) == COLUMNS
    assert len(set(COLUMNS)) == len(COLUMNS)
    assert all(BY_NAME[name].name == name for name in COLUMNS)


@pytest.mark.parametrize("metric", RECORDED, ids=lambda metric: metric.name)
def test_every_metric_is_described(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", metric.name)
    assert metric.unit in {"bytes", "us", "s", "millicores", "1"}
    assert metric.kind in {"gauge", "counter"}
    assert metric.title
    assert metric.title[0].isupper() or metric.title.startswith(("zswap", "vmalloc", "hugetlb"))
    assert metric.help.endswith(".")
    assert metric.source


def test_a_share_of_the_node_needs_values_that_add_up_to_that_of_the_node() -> None:
    assert has_share("memory.current", "bytes")
    assert has_share("network.rx_bytes", "bytes/s")
    assert not has_share("throttle_ratio", "ratio")
    assert not has_share("tcp.retrans_segs", "1/s"), "the node has its own network namespace"


def test_titles_are_unique_so_that_a_reader_can_choose_by_title() -> None:
    titles = [metric.title for metric in RECORDED]
    assert len(set(titles)) == len(titles)


def test_limits_are_read_every_ten_seconds_pss_every_thirty_and_other_metrics_every_second() -> None:
    every_ten = {metric.name for metric in RECORDED if metric.interval_s == 10}
    occasional = ("tcp.", "udp.", "sockets.", "pids.events.local.", "cgroup.stat.local.", "irq.pressure.")
    between_null = {metric.name for metric in RECORDED if metric.name.startswith(occasional)}
    assert between_null < every_ten
    assert every_ten - between_null == {
        *("cpu_quota_usec", "cpu_period_usec", "memory.max", "memory.high", "memory.min", "memory.low"),
        *(
            "memory.swap.max",
            "memory.zswap.max",
            "pids.max",
            "effective_cpu_limit_millicores",
            "effective_cpu_limit_depth",
        ),
        *("effective_memory_max", "effective_memory_max_depth", "effective_memory_high", "effective_memory_high_depth"),
    }
    assert {metric.name.split(".")[0] for metric in RECORDED if metric.interval_s == 30} == {
        "processes",
        "smaps_rollup",
    }
    assert {metric.interval_s for metric in RECORDED} == {1, 10, 30}


@pytest.mark.parametrize(
    ("name", "unit", "kind", "source"),
    [
        ("cpu.stat.usage_usec", "us", "counter", "cpu.stat usage_usec"),
        ("cpu_quota_usec", "us", "gauge", "cpu.max"),
        ("cpu.pressure.some.total", "us", "counter", "cpu.pressure some.total"),
        ("memory.current", "bytes", "gauge", "memory.current"),
        ("memory.stat.kernel", "bytes", "gauge", "memory.stat kernel"),
        ("memory.stat.pgfault", "1", "counter", "memory.stat pgfault"),
        ("memory.events.oom_kill", "1", "counter", "memory.events oom_kill"),
        ("io.stat.rbytes", "bytes", "counter", "io.stat rbytes"),
        ("container.pid_count", "1", "gauge", "cgroup.procs"),
        ("network.rx_bytes", "bytes", "counter", "/proc/<pid>/net/dev"),
        ("smaps_rollup.pss", "bytes", "gauge", "/proc/<pid>/smaps_rollup"),
        ("processes.resident_bytes", "bytes", "gauge", "/proc/<pid>/statm"),
    ],
)
def test_some_metrics_are_as_specified(name: str, unit: str, kind: str, source: str) -> None:
    metric = BY_NAME[name]
    assert (metric.unit, metric.kind, metric.source) == (unit, kind, source)


def test_the_page_has_the_same_additive_units_as_the_catalogue() -> None:
    """It computes shares of the node itself."""
    scripts = (Path(fgm.viewer.__file__).parent / "static").rglob("*.js")
    texts = [path.read_text() for path in scripts if "vendor" not in path.parts]
    copies = [match[1] for text in texts for match in re.finditer(r"ADDITIVE_UNITS = new Set\(\[([^\]]*)\]\)", text)]

    assert [set(re.findall(r'"([^"]*)"', units)) for units in copies] == [ADDITIVE_UNITS]
