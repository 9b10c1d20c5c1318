"""The columns of the small array in which events look at a tick."""

import numpy as np
from numpy.typing import NDArray

NEEDED_COLUMNS = (
    *("memory.events.oom_kill", "cpu.stat.nr_throttled", "cpu.stat.nr_periods", "cpu.stat.throttled_usec"),
    *("cpu_quota_usec", "cpu_period_usec", "memory.max", "pids.max", "memory.current", "pids.current"),
    *("cgroup.events.populated", "container.pid_count"),
)
"""The recorded metrics that events are derived from, in the order of the columns below."""

OOM_KILLS, THROTTLED, PERIODS, THROTTLED_USEC, QUOTA, PERIOD, MEMORY_MAX, PIDS_MAX, MEMORY, PIDS = range(10)
POPULATED, PID_COUNT = 10, 11

LIMITS = (QUOTA, MEMORY_MAX, PIDS_MAX)
CONTROLLERS = (PERIODS, MEMORY, PIDS)
"""For each of LIMITS, a column that has a value if the controller of the limit is on. Null then means no limit."""

Floats = NDArray[np.float64]
