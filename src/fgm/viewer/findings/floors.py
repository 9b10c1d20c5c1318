"""Floors: the smallest change of a metric that is worth a sentence, however regular or unusual it is.

All detectors use this table, so that a finding means the same whatever its kind.
"""

from fgm.metrics.shown import SHOWN

_MIB = float(1 << 20)

OF_UNIT: dict[str, float] = {
    "millicores": 20.0,
    "bytes": 8 * _MIB,
    "bytes/s": _MIB / 4,
    "ratio": 0.01,
    "%": 2.0,
    "ms/s": 10.0,
    "us/s": 10_000.0,
    "us": 1_000.0,
    "s": 10.0,
    "1": 5.0,
    "1/s": 20.0,
}
"""Floors of metrics by their unit, unless OF_METRIC has another one."""
OF_METRIC: dict[str, float] = {
    "throttle_ratio": 0.05,
    "memory.stat.pgfault": 5_000.0,
    "memory.stat.pgmajfault": 50.0,
    "memory.stat.pswpin": 256.0,
    "memory.stat.workingset_refault_anon": 256.0,
    "pids.current": 20.0,
    "processes.fd_count": 60.0,
}
"""Floors of single metrics."""


def floor_of(metric: str) -> float:
    """Return the smallest change of a metric that is worth a sentence, in the unit of the metric.

    Raises: KeyError if there is no such metric, or no floor for its unit.
    """
    floor = OF_METRIC.get(metric)
    return OF_UNIT[SHOWN[metric].unit] if floor is None else floor
