"""The labelled rows of a tick have the identity of their series, and add up to its columns."""

from pathlib import Path

import numpy as np

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from fgm.metrics.catalogue import COLUMNS
from fgm.metrics.labelled import LABELLED
from tests.support.captured_host import CONTAINERS, captured_host

DISK_METRICS = ("io.stat.rbytes", "io.stat.wbytes", "io.stat.rios", "io.stat.wios")


def test_every_tenth_tick_has_the_values_of_each_disk_which_add_up_to_the_column(tmp_path: Path) -> None:
    host = captured_host(tmp_path)
    hierarchies = detect(host.cgroup_root)
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    sampler = Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, host.proc_root, 1.0, lambda: 0.0)
    ticks = [sampler.tick(1000 * i, float(i)) for i in range(12)]
    rows = sampler.labelled_rows
    sampler.close()

    assert {row.time_ms for row in rows} == {0, 10_000}
    assert {row.metric for row in rows} <= LABELLED.keys()
    last = [row for row in rows if row.time_ms == 10_000]
    tick = ticks[10]
    with_io = 0
    for series, row in zip(tick.series, tick.rows, strict=True):
        identity = (series.scope, series.container_id, series.pod_uid, series.cgroup)
        own = [each for each in last if (each.scope, each.container_id, each.pod_uid, each.cgroup) == identity]
        for metric in DISK_METRICS:
            column = row[1 + COLUMNS.index(metric)]
            total = sum(each.value for each in own if each.metric == metric)
            assert total == (0 if np.isnan(column) or series.scope == "outside" else column), (series.key, metric)
        with_io += bool(own)
    assert with_io > len(CONTAINERS) / 2
