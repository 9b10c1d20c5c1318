"""A sampler of a captured host."""

import numpy as np

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.tick import Tick
from tests.support.captured_host import CapturedHost

OF_NODE = {
    "effective_cpu_limit_millicores": 2000,
    "effective_cpu_limit_depth": 0,
    "effective_memory_max": 2976948 * 1024,
    "effective_memory_max_depth": 0,
}
"""Limits of a series that has no limits below the captured node."""
NEW_ID = "ab" * 32
"""The id of a container that the captured host does not have."""


def make_sampler(host: CapturedHost, *include: str, with_services: bool = False) -> Sampler:
    """Return a sampler of the host. `include`: patterns of other cgroups to record."""
    hierarchies = detect(host.cgroup_root)
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    finder = CgroupFinder(hierarchies, include, "worker-3", with_services=with_services)
    return Sampler(finder, node, host.proc_root, 1.0, lambda: 0.0)


def values(tick: Tick, key: str) -> dict[str, float]:
    """The values of one series that are not null."""
    (row,) = (row for series, row in zip(tick.series, tick.rows, strict=True) if series.key == key)
    return {name: value for name, value in zip(COLUMNS, row[1:].tolist(), strict=True) if not np.isnan(value)}
