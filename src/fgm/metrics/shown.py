"""All metrics that can be queried: derived metrics, gauges as recorded, and counters as rates."""

from collections.abc import Iterator

from fgm.metrics.catalogue import RECORDED
from fgm.metrics.derived import DERIVED, Formula, ShownMetric

ALIASES: dict[str, str] = {
    "cpu_percentage": "total_cpu_percentage",
    "kernel_cpu_usage_millicores": "system_cpu_usage_millicores",
    "cpu.max.quota_usec": "cpu_quota_usec",
    "cpu.max.period_usec": "cpu_period_usec",
}
"""Alternative names of metrics, as used by dashboards of similar tools."""

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


def _as_recorded() -> Iterator[ShownMetric]:
    for metric in sorted(RECORDED, key=lambda m: _MOST_USED.index(m.name) if m.name in _MOST_USED else len(RECORDED)):
        column = metric.name
        counter = metric.kind == "counter"
        yield ShownMetric(
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


SHOWN: dict[str, ShownMetric] = {metric.name: metric for metric in (*DERIVED, *_as_recorded())}
"""All metrics that can be queried, by name: the derived ones first, then the most used ones."""


def find(name: str) -> ShownMetric | None:
    """Return the metric with this name or alias; None if there is none. A prefix `cgroup.v2.` is ignored."""
    name = name.removeprefix("cgroup.v2.")
    return SHOWN.get(ALIASES.get(name, name))
