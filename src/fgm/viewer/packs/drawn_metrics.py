"""The metrics that the page draws before other lanes are chosen, and those that explain them."""

DRAWN_METRICS = (
    "total_cpu_usage_millicores",
    "memory_working_set",
    "memory.current",
    "io_bytes_per_s",
    "cpu_limit_millicores",
    "effective_cpu_limit_depth",
    "effective_cpu_limit_millicores",
    "throttle_ratio",
    "cpu.stat.local.throttled_usec",
    "memory_limit_bytes",
    "effective_memory_max_depth",
    "effective_memory_max",
    "effective_memory_high",
    "effective_memory_high_depth",
    "psi_memory_some_ratio",
    "psi_memory_full_ratio",
    "psi_io_some_ratio",
    "psi_io_full_ratio",
)
"""Names of the metrics of a pack if the request names none. The lanes and the overview of the page draw these."""
