"""The grid of a made recording, without files: what the viewer's reader makes of the same recording."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import GAP_INTERVALS
from fgm.metrics.shown import SHOWN
from fgm.store.samples.leaves import leaf_keys
from fgm.viewer.findings.grid import Grid, Matrix
from tests.support.life.made import TICK_MS, Made


class MetricsOnAccess(Mapping[str, Matrix]):
    """The metrics of a made recording, each computed when it is first asked for."""

    def __init__(self, made: Made, rows: Sequence[int]) -> None:
        """`rows`: those of the recording that the grid has, in its order."""
        ticks = len(made.time_ms)
        # The rows of all series follow each other in one array, with a gap between them that no rate crosses.
        apart_ms = int(made.time_ms[-1] - made.time_ms[0] + 1000 * GAP_INTERVALS * TICK_MS)
        time_ms = (made.time_ms - made.time_ms[0] + apart_ms * np.arange(len(rows))[:, None]).ravel()
        columns = {name: column[rows].ravel() for name, column in made.columns.items()}
        self._samples = Samples(time_ms, made.late_ms[rows].ravel(), columns, TICK_MS)
        self._shape = len(rows), ticks
        self._names = [name for name, metric in SHOWN.items() if metric.has_values(columns)]
        self._computed: dict[str, Matrix] = {}

    def __getitem__(self, name: str) -> Matrix:
        """Return a metric of all series."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._computed:
            self._computed[name] = SHOWN[name].compute(self._samples).reshape(self._shape).astype(np.float32)
        return self._computed[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of all metrics that have values."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of metrics that have values."""
        return len(self._names)


def grid_of(made: Made) -> Grid:
    """Return the grid of a made recording."""
    rows = _rows(made)
    series = [made.series[row] for row in rows]
    leaves = leaf_keys(series)
    pods = {each.pod_uid: row for row, each in enumerate(series) if each.scope == "pod"}
    of = [pods.get(each.pod_uid, -1) if each.scope == "container" else -1 for each in series]
    return Grid(
        time_ms=made.time_ms,
        begin=made.begin,
        interval_ms=TICK_MS,
        series=series,
        is_leaf=np.array([each.key in leaves for each in series]),
        pod_of=np.array(of, np.int64),
        node=0,
        metrics=MetricsOnAccess(made, rows),
        events=made.events,
    )


def _rows(made: Made) -> list[int]:
    """Return the rows of the grid in its order: the node, each pod of several containers with these, all others."""
    members: dict[str | None, list[int]] = {}
    for row, series in enumerate(made.series):
        if series.scope == "container":
            members.setdefault(series.pod_uid, []).append(row)
    nodes = [row for row, series in enumerate(made.series) if series.scope == "node"]
    pods = [row for row, series in enumerate(made.series) if series.scope == "pod" and len(members[series.pod_uid]) > 1]
    together = [row for pod in pods for row in (pod, *members[made.series[pod].pod_uid])]
    alone = [rows[0] for rows in members.values() if len(rows) == 1]
    others = [row for row, series in enumerate(made.series) if series.scope in ("cgroup", "outside")]
    return [*nodes, *together, *alone, *others]
