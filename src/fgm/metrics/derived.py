"""Metrics as they are shown: derived ones, gauges as recorded, counters as rates.

Files hold what the kernel counts. What people ask for is computed from it here, by pure functions over the
raw samples of one series, so that a formula can be corrected later for data that is already recorded.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fgm.metrics.catalogue import BY_NAME, RECORDED, Kind
from fgm.metrics.rates import Floats, Times, rate


@dataclass(frozen=True, slots=True)
class Samples:
    """Raw samples of one series, in ascending time; what a formula sees.

    `time_ms`: int64[n]. `late_ms`: float64[n]. `values`: recorded column to float64[n], NaN for null; a
    column that is not there counts as all null. `tick_ms`: the sampling interval.
    """

    time_ms: Times
    late_ms: Floats
    values: Mapping[str, Floats]
    tick_ms: int

    def value(self, column: str) -> Floats:
        """Return a column as recorded."""
        values = self.values.get(column)
        return np.full(len(self.time_ms), np.nan) if values is None else values

    def rate(self, column: str) -> Floats:
        """Return the growth of a counter per second."""
        return rate(self.time_ms, self.late_ms, self.value(column), interval_ms(column, self.tick_ms))


Formula = Callable[[Samples], Floats]


@dataclass(frozen=True, slots=True)
class Shown:
    """A metric as it is shown. `compute` reads the columns `needs` and gives float64[n], NaN for null."""

    name: str
    title: str
    unit: str
    kind: Kind
    source: str
    help: str
    needs: tuple[str, ...]
    compute: Formula


def interval_ms(column: str, tick_ms: int) -> int:
    """Return how often a recorded column is read: each tick, or at its own slower rhythm."""
    metric = BY_NAME.get(column)
    return tick_ms if metric is None or metric.interval_s <= 1 else max(tick_ms, round(metric.interval_s * 1000))


def find(name: str) -> Shown | None:
    """Return the metric of this name or alias; None where there is none."""
    name = name.removeprefix("cgroup.v2.")
    return SHOWN.get(ALIASES.get(name, name))


def _millicores(column: str) -> Formula:
    return lambda samples: samples.rate(column) / 1000


def _percentage(column: str) -> Formula:
    def compute(samples: Samples) -> Floats:
        return _ratio(samples.rate(column) / 10, _cpu_limit(samples))

    return compute


def _cpu_limit(samples: Samples) -> Floats:
    return 1000.0 * _ratio(samples.value("cpu_quota_usec"), samples.value("cpu_period_usec"))


def _throttle_ratio(samples: Samples) -> Floats:
    return _ratio(samples.rate("cpu.stat.nr_throttled"), samples.rate("cpu.stat.nr_periods"))


def _pressure(column: str) -> Formula:
    return lambda samples: samples.rate(column) / 1e6


def _working_set(samples: Samples) -> Floats:
    return np.maximum(samples.value("memory.current") - samples.value("memory.stat.inactive_file"), 0.0)


def _sum_of_rates(*columns: str) -> Formula:
    def compute(samples: Samples) -> Floats:
        total = samples.rate(columns[0])
        for column in columns[1:]:
            total = total + samples.rate(column)
        return total

    return compute


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, NaN where whole is not above 0."""
    ratio = np.full(len(part), np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


_CPU = ("cpu.stat.usage_usec",)
_QUOTA = ("cpu_quota_usec", "cpu_period_usec")
_WORKING_SET = ("memory.current", "memory.stat.inactive_file")
_LIMIT_HELP = "Null where there is no limit of its own."


def _derived(  # noqa: PLR0917 - a row of the table
    name: str, title: str, unit: str, text: str, needs: tuple[str, ...], compute: Formula
) -> Shown:
    return Shown(name, title, unit, "derived", ", ".join(needs), text, needs, compute)


def _pressures() -> Iterator[Shown]:
    titles = {"cpu": "CPU", "memory": "Memory", "io": "I/O"}
    for resource, title in titles.items():
        for level, who in (("some", "some task was"), ("full", "all tasks at once were")):
            column = f"{resource}.pressure.{level}.total"
            text = f"Share of time in which {who} waiting for it. 0 to 1; null where the kernel keeps no PSI."
            yield _derived(
                f"psi_{resource}_{level}_ratio",
                f"{title} pressure, {level}",
                "ratio",
                text,
                (column,),
                _pressure(column),
            )


DERIVED: tuple[Shown, ...] = (
    _derived(
        "total_cpu_usage_millicores",
        "CPU",
        "millicores",
        "Processor time used, user and system together; 1000 is one processor.",
        _CPU,
        _millicores("cpu.stat.usage_usec"),
    ),
    _derived(
        "user_cpu_usage_millicores",
        "CPU, user",
        "millicores",
        "Processor time used in user mode; the kernel smooths the split: single seconds are approximate.",
        ("cpu.stat.user_usec",),
        _millicores("cpu.stat.user_usec"),
    ),
    _derived(
        "system_cpu_usage_millicores",
        "CPU, system",
        "millicores",
        "Processor time used in the kernel, which smooths the split: single seconds are approximate.",
        ("cpu.stat.system_usec",),
        _millicores("cpu.stat.system_usec"),
    ),
    _derived(
        "total_cpu_percentage",
        "CPU, % of limit",
        "%",
        f"CPU use as a percentage of the limit. {_LIMIT_HELP}",
        _CPU + _QUOTA,
        _percentage("cpu.stat.usage_usec"),
    ),
    _derived(
        "cpu_limit_millicores",
        "CPU limit",
        "millicores",
        f"Quota / period. {_LIMIT_HELP}",
        _QUOTA,
        _cpu_limit,
    ),
    _derived(
        "throttle_ratio",
        "CPU throttling",
        "ratio",
        "Share of its periods in which the quota ran out. Of ten periods a second, it moves by 0.1. "
        "Null where no period passed: nothing ran, or there is no limit.",
        ("cpu.stat.nr_throttled", "cpu.stat.nr_periods"),
        _throttle_ratio,
    ),
    _derived(
        "throttled_ms_per_s",
        "CPU time throttled",
        "ms/s",
        "Time spent waiting for quota, added up over processors: may exceed 1000.",
        ("cpu.stat.throttled_usec",),
        lambda samples: samples.rate("cpu.stat.throttled_usec") / 1000,
    ),
    _derived(
        "memory_working_set",
        "Memory, working set",
        "bytes",
        "Memory without the page cache that is reclaimed first, as the kubelet computes it.",
        _WORKING_SET,
        _working_set,
    ),
    _derived(
        "memory_limit_ratio",
        "Memory, share of limit",
        "ratio",
        f"Working set / limit. {_LIMIT_HELP}",
        (*_WORKING_SET, "memory.max"),
        lambda samples: _ratio(_working_set(samples), samples.value("memory.max")),
    ),
    _derived(
        "memory_headroom",
        "Memory headroom",
        "bytes",
        f"Limit - working set: what may still be allocated before the OOM killer comes. {_LIMIT_HELP}",
        (*_WORKING_SET, "memory.max"),
        lambda samples: samples.value("memory.max") - _working_set(samples),
    ),
    *_pressures(),
    _derived(
        "io_bytes_per_s",
        "I/O",
        "bytes/s",
        "Bytes read from and written to block devices.",
        ("io.stat.rbytes", "io.stat.wbytes"),
        _sum_of_rates("io.stat.rbytes", "io.stat.wbytes"),
    ),
    _derived(
        "io_read_bytes_per_s",
        "I/O, read",
        "bytes/s",
        "Bytes read from block devices.",
        ("io.stat.rbytes",),
        _sum_of_rates("io.stat.rbytes"),
    ),
    _derived(
        "io_write_bytes_per_s",
        "I/O, written",
        "bytes/s",
        "Bytes written to block devices; buffered writes count when they are written back.",
        ("io.stat.wbytes",),
        _sum_of_rates("io.stat.wbytes"),
    ),
    _derived(
        "io_read_iops",
        "I/O reads",
        "1/s",
        "Read requests to block devices.",
        ("io.stat.rios",),
        _sum_of_rates("io.stat.rios"),
    ),
    _derived(
        "io_write_iops",
        "I/O writes",
        "1/s",
        "Write requests to block devices.",
        ("io.stat.wios",),
        _sum_of_rates("io.stat.wios"),
    ),
)
"""Every derived metric, the most used first."""

ALIASES: dict[str, str] = {
    "cpu_percentage": "total_cpu_percentage",
    "kernel_cpu_usage_millicores": "system_cpu_usage_millicores",
    "cpu.max.quota_usec": "cpu_quota_usec",
    "cpu.max.period_usec": "cpu_period_usec",
}
"""Other names that are understood, as dashboards of similar tools have them."""

_MOST_USED = (
    "memory.current",
    "memory.stat.anon",
    "memory.stat.file",
    "smaps_rollup.pss",
    "memory.max",
    "memory.peak",
    "memory.events.oom_kill",
    "memory.stat.pgmajfault",
    "memory.swap.current",
    "cpu.stat.throttled_usec",
    "cpu.stat.nr_throttled",
    "container.pid_count",
    "pids.current",
)


def _as_recorded() -> Iterator[Shown]:
    for metric in sorted(RECORDED, key=lambda m: _MOST_USED.index(m.name) if m.name in _MOST_USED else len(RECORDED)):
        column = metric.name
        counter = metric.kind == "counter"
        yield Shown(
            name=column,
            title=metric.title,
            unit=f"{metric.unit}/s" if counter else metric.unit,
            kind=metric.kind,
            source=metric.source,
            help=f"{metric.help} Shown as growth per second." if counter else metric.help,
            needs=(column,),
            compute=_rate_of(column) if counter else _value_of(column),
        )


def _rate_of(column: str) -> Formula:
    return lambda samples: samples.rate(column)


def _value_of(column: str) -> Formula:
    return lambda samples: samples.value(column)


SHOWN: dict[str, Shown] = {metric.name: metric for metric in (*DERIVED, *_as_recorded())}
"""Every metric that can be asked for, by name; derived and most used first."""
