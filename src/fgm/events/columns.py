"""The columns of a tick from which events are derived."""

import numpy as np
from numpy.typing import NDArray

NEEDED_COLUMNS = (
    *("memory.events.oom_kill", "cpu.stat.nr_throttled", "cpu.stat.nr_periods", "cpu.stat.throttled_usec"),
    *("cpu_quota_usec", "cpu_period_usec", "memory.max", "pids.max", "memory.current", "pids.current"),
    *("cgroup.events.populated", "container.pid_count", "memory.events.oom_group_kill", "cpu.stat.usage_usec"),
    *("memory.peak", "memory.events.oom", "effective_memory_max", "effective_memory_max_depth"),
    *("effective_cpu_limit_millicores", "effective_cpu_limit_depth", "cpu.stat.local.throttled_usec"),
    *("memory.events.high", "effective_memory_high", "effective_memory_high_depth", "memory.events.sock_throttled"),
)
"""Names of the metrics from which events are derived. The column numbers below are indexes into this list."""

OOM_KILLS, THROTTLED, PERIODS, THROTTLED_USEC, QUOTA, PERIOD, MEMORY_MAX, PIDS_MAX, MEMORY, PIDS = range(10)
POPULATED, PID_COUNT, OOM_GROUP_KILLS, CPU_USAGE, MEMORY_PEAK, OOMS, SMALLEST_MEMORY_MAX, MEMORY_DEPTH = range(10, 18)
SMALLEST_CPU_LIMIT, CPU_DEPTH, HELD_USEC, HIGH_EVENTS, SMALLEST_MEMORY_HIGH, HIGH_DEPTH, SOCK_THROTTLED = range(18, 25)

LIMITS = (QUOTA, MEMORY_MAX, PIDS_MAX)
CONTROLLERS = (PERIODS, MEMORY, PIDS)
"""For each of LIMITS, a column that is not null if the limit's controller is enabled.

Then a null limit means "no limit". Otherwise it means "unknown".
"""

Floats = NDArray[np.float64]
