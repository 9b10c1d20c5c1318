"""Derived metrics, such as CPU use in millicores: values that are computed from recorded ones when they are queried.

Files contain only values of the kernel. The formulas are pure functions of the raw samples of one series. A corrected
formula therefore also applies to data that was recorded before.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from fgm.metrics.formula_input import Samples
from fgm.metrics.formulas import (
    BelowNode,
    Difference,
    KilledProcesses,
    NotNegative,
    PartOfSum,
    ScaledRate,
    Share,
    Sum,
    Times,
    Tree,
    Value,
)
from fgm.metrics.metric import Kind
from fgm.metrics.rates import Floats

Formula = Callable[[Samples], Floats]


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """A metric that can be queried.

    `needs`: the recorded columns that `compute` uses. `compute`: formula that returns float64[n], with NaN for null.
    `may_lack`: columns of `needs` that files of earlier versions do not have; the metric has values without them, too.
    `scaled`: name of the metric, and the constant by which it is multiplied, if this metric is nothing else.
    `tree`: the formula of a derived metric, which `compute` computes.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    source: str
    help: str
    needs: tuple[str, ...]
    compute: Formula
    may_lack: frozenset[str] = frozenset()
    scaled: tuple[str, float] | None = None
    tree: Tree | None = None

    def has_values(self, columns: Collection[str]) -> bool:
        """Return whether the metric has values if these columns have some."""
        return all(name in columns for name in self.needs if name not in self.may_lack)


_CPU = ("cpu.stat.usage_usec",)
_QUOTA = ("cpu_quota_usec", "cpu_period_usec")
_WORKING_SET = ("memory.current", "memory.stat.inactive_file")
_EFFECTIVE_CPU = ("effective_cpu_limit_millicores", "effective_cpu_limit_depth")
_EFFECTIVE_MEMORY = ("effective_memory_max", "effective_memory_max_depth")
_CPU_LIMIT, _MEMORY_LIMIT = _QUOTA + _EFFECTIVE_CPU, ("memory.max", *_EFFECTIVE_MEMORY)
DEPTHS = frozenset({_EFFECTIVE_CPU[1], _EFFECTIVE_MEMORY[1], "effective_memory_high_depth"})
"""Names of the columns that say whose a limit is: the number of names in the path of the cgroup that has it."""
_SINCE_VERSION_3 = frozenset(_EFFECTIVE_CPU + _EFFECTIVE_MEMORY)
_OWN_CPU_LIMIT = Times(1000.0, Share(Value("cpu_quota_usec"), Value("cpu_period_usec")))
_SMALLEST_CPU_LIMIT = BelowNode(*_EFFECTIVE_CPU, _OWN_CPU_LIMIT)
_SMALLEST_MEMORY_LIMIT = BelowNode(*_EFFECTIVE_MEMORY, Value("memory.max"))
_WORKING_SET_BYTES = NotNegative(Difference(Value("memory.current"), Value("memory.stat.inactive_file")))
_LIMIT_HELP = "The limit is the smallest on the way up, such as the pod's. Null without one below the node."


def _derived(  # noqa: PLR0917 - a row of the table
    name: str, title: str, unit: str, text: str, needs: tuple[str, ...], compute: Tree
) -> ShownMetric:
    source, may_lack = ", ".join(needs), _SINCE_VERSION_3.intersection(needs)
    scaled = (compute.column, 1 / compute.divisor) if isinstance(compute, ScaledRate) else None
    return ShownMetric(name, title, unit, "derived", source, text, needs, compute.__call__, may_lack, scaled, compute)


def _pressures() -> Iterator[ShownMetric]:
    titles = {"cpu": "CPU", "memory": "Memory", "io": "I/O"}
    for resource, title in titles.items():
        for level, who in (("some", "some task was"), ("full", "all tasks at once were")):
            column = f"{resource}.pressure.{level}.total"
            text = f"Share of time in which {who} waiting for it: the mean of busy processors. Null without PSI."
            yield _derived(
                f"psi_{resource}_{level}_ratio",
                f"{title} pressure, {level}",
                "ratio",
                text,
                (column,),
                ScaledRate(column, 1e6),
            )


DERIVED: tuple[ShownMetric, ...] = (
    _derived(
        "total_cpu_usage_millicores",
        "CPU",
        "millicores",
        "Processor time used, user and system together; 1000 is one processor.",
        _CPU,
        ScaledRate("cpu.stat.usage_usec", 1000),
    ),
    _derived(
        "user_cpu_usage_millicores",
        "CPU, user",
        "millicores",
        "Processor time used in user mode; the kernel smooths the split: single seconds are approximate.",
        ("cpu.stat.user_usec",),
        ScaledRate("cpu.stat.user_usec", 1000),
    ),
    _derived(
        "system_cpu_usage_millicores",
        "CPU, system",
        "millicores",
        "Processor time used in the kernel, which smooths the split: single seconds are approximate.",
        ("cpu.stat.system_usec",),
        ScaledRate("cpu.stat.system_usec", 1000),
    ),
    _derived(
        "total_cpu_percentage",
        "CPU, % of limit",
        "%",
        f"CPU use as a percentage of the limit. {_LIMIT_HELP}",
        _CPU + _CPU_LIMIT,
        Share(ScaledRate("cpu.stat.usage_usec", 10), _SMALLEST_CPU_LIMIT),
    ),
    _derived(
        "cpu_limit_millicores",
        "CPU limit",
        "millicores",
        "Quota / period of the smallest on the way up, its own or that of its pod or a slice. Null without one below "
        "the node.",
        _CPU_LIMIT,
        _SMALLEST_CPU_LIMIT,
    ),
    _derived(
        "throttle_ratio",
        "CPU throttling",
        "ratio",
        "Share of its periods in which the quota ran out. Of ten periods a second, it moves by 0.1. "
        "Null where no period passed: nothing ran, or there is no limit.",
        ("cpu.stat.nr_throttled", "cpu.stat.nr_periods"),
        Share(ScaledRate("cpu.stat.nr_throttled"), ScaledRate("cpu.stat.nr_periods")),
    ),
    _derived(
        "throttled_ms_per_s",
        "CPU time throttled",
        "ms/s",
        "Time spent waiting for quota, added up over processors: may exceed 1000.",
        ("cpu.stat.throttled_usec",),
        ScaledRate("cpu.stat.throttled_usec", 1000),
    ),
    _derived(
        "memory_working_set",
        "Memory, working set",
        "bytes",
        "Memory without the page cache that is reclaimed first, as the kubelet computes it.",
        _WORKING_SET,
        _WORKING_SET_BYTES,
    ),
    _derived(
        "memory_limit_bytes",
        "Memory limit, smallest",
        "bytes",
        "The smallest limit on the way up, its own or that of its pod or a slice. Null without one below the node.",
        _MEMORY_LIMIT,
        _SMALLEST_MEMORY_LIMIT,
    ),
    _derived(
        "memory_limit_ratio",
        "Memory, share of limit",
        "ratio",
        f"Working set / limit. {_LIMIT_HELP}",
        _WORKING_SET + _MEMORY_LIMIT,
        Share(_WORKING_SET_BYTES, _SMALLEST_MEMORY_LIMIT),
    ),
    _derived(
        "memory_headroom",
        "Memory headroom",
        "bytes",
        "Limit - working set: what may still be allocated before the OOM killer comes, if nothing else in the group "
        f"of the limit takes it. {_LIMIT_HELP}",
        _WORKING_SET + _MEMORY_LIMIT,
        Difference(_SMALLEST_MEMORY_LIMIT, _WORKING_SET_BYTES),
    ),
    _derived(
        "oom_kills_per_s",
        "OOM kills",
        "1/s",
        "Processes killed by an OOM killer, here and in cgroups below: kills - group kills. "
        "The kernel counts the first process of a group (memory.oom.group) twice; so does the node's counter.",
        ("memory.events.oom_kill", "memory.events.oom_group_kill"),
        KilledProcesses(ScaledRate("memory.events.oom_kill"), ScaledRate("memory.events.oom_group_kill")),
    ),
    *_pressures(),
    _derived(
        "io_bytes_per_s",
        "I/O",
        "bytes/s",
        "Bytes read from and written to block devices.",
        ("io.stat.rbytes", "io.stat.wbytes"),
        Sum(ScaledRate("io.stat.rbytes"), ScaledRate("io.stat.wbytes")),
    ),
    _derived(
        "io_read_bytes_per_s",
        "I/O, read",
        "bytes/s",
        "Bytes read from block devices.",
        ("io.stat.rbytes",),
        ScaledRate("io.stat.rbytes"),
    ),
    _derived(
        "io_write_bytes_per_s",
        "I/O, written",
        "bytes/s",
        "Bytes written to block devices; buffered writes count when they are written back.",
        ("io.stat.wbytes",),
        ScaledRate("io.stat.wbytes"),
    ),
    _derived(
        "io_read_iops",
        "I/O reads",
        "1/s",
        "Read requests to block devices.",
        ("io.stat.rios",),
        ScaledRate("io.stat.rios"),
    ),
    _derived(
        "io_write_iops",
        "I/O writes",
        "1/s",
        "Write requests to block devices.",
        ("io.stat.wios",),
        ScaledRate("io.stat.wios"),
    ),
    _derived(
        "tcp_retransmit_ratio",
        "TCP retransmitted",
        "ratio",
        "Share of the sent TCP segments that were sent again, every 10 s. Null if none was sent.",
        ("tcp.retrans_segs", "tcp.out_segs"),
        PartOfSum(ScaledRate("tcp.retrans_segs"), ScaledRate("tcp.out_segs")),
    ),
)
"""All derived metrics, the most used first."""
