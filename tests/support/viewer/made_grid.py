"""Grids of made values: quiet containers, and what a test adds to them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.events.event import Event
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series
from fgm.viewer.findings.grid import Grid, Matrix

START_MS = 1_764_500_000_000
SLICE = "/kubepods.slice"


def node() -> Series:
    """Return the series of the node."""
    return Series("node", node_name="node-1")


def pod(name: str) -> Series:
    """Return the series of a pod."""
    return Series("pod", pod_name=name, namespace="shop", pod_uid=name, cgroup=f"{SLICE}/pod-{name}")


def container(name: str, of: Series | None = None) -> Series:
    """Return the series of a container in a pod, which has its name if none is given."""
    above = of or pod(name)
    container_id = name.encode().hex().ljust(64, "0")[:64]
    return Series(
        "container",
        container_id=container_id,
        container_name=name,
        pod_name=above.pod_name,
        namespace=above.namespace,
        pod_uid=above.pod_uid,
        cgroup=f"{above.cgroup}/{container_id}",
    )


def made_grid(
    series: Sequence[Series],
    metrics: Mapping[str, Mapping[int, NDArray[np.floating]] | Matrix],
    *,
    ticks: int,
    begin: int = 0,
    events: Sequence[Event] = (),
) -> Grid:
    """Return a grid with a tick a second. `metrics`: values of all rows, or of some of them, the others being null."""
    pods = {each.pod_uid: row for row, each in enumerate(series) if each.scope == "pod"}
    leaves = leaf_keys(series)
    values = {}
    for name, rows in metrics.items():
        values[name] = np.full((len(series), ticks), np.nan, np.float32)
        for row in range(len(series)) if isinstance(rows, np.ndarray) else rows:
            values[name][row] = rows[row]
    return Grid(
        time_ms=START_MS + 1000 * np.arange(ticks, dtype=np.int64),
        begin=begin,
        interval_ms=1000,
        series=series,
        is_leaf=np.array([each.key in leaves for each in series]),
        pod_of=np.array([-1 if each.scope == "pod" else pods.get(each.pod_uid, -1) for each in series], np.int64),
        node=next((row for row, each in enumerate(series) if each.scope == "node"), None),
        metrics=values,
        events=events,
    )
