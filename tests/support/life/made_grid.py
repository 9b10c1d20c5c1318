"""The grid of a made recording, without files: what the viewer's reader makes of the same recording."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import GAP_INTERVALS, Floats
from fgm.metrics.shown import SHOWN
from fgm.store.samples.leaves import leaf_keys
from fgm.viewer.findings.grid import Grid, Matrix
from tests.support.life.made import GROUP_ONLY, TICK_MS, Made


class MetricsOnAccess(Mapping[str, Matrix]):
    """The metrics of a made recording, each computed when it is first asked for."""

    def __init__(self, made: Made, rows: Sequence[int]) -> None:
        """`rows`: those of the recording that the grid has, in its order."""
        pods = {series.key: row for row, series in enumerate(made.series) if series.scope == "pod"}
        alone = {pods[f"pod:{made.series[row].pod_uid}"]: row for row in rows if made.series[row].scope == "container"}
        of_pods = {row: pod for pod, row in alone.items() if pod not in rows}
        self._samples = _samples_of(made, rows)
        self._of_network = _samples_of(made, [of_pods.get(row, row) for row in rows])
        self._shape = len(rows), len(made.time_ms)
        self._names = [name for name, metric in SHOWN.items() if metric.has_values(made.columns)]
        self._computed: dict[str, Matrix] = {}

    def __getitem__(self, name: str) -> Matrix:
        """Return a metric of all series. The network of a pod with one container is that of the container."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._computed:
            samples = self._of_network if name.startswith(GROUP_ONLY) else self._samples
            self._computed[name] = SHOWN[name].compute(samples).reshape(self._shape).astype(np.float32)
        return self._computed[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of all metrics that have values."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of metrics that have values."""
        return len(self._names)


def _samples_of(made: Made, rows: Sequence[int]) -> Samples:
    """Return all rows, one after the other, with a gap between them that no rate crosses."""
    apart_ms = int(made.time_ms[-1] - made.time_ms[0] + 1000 * GAP_INTERVALS * TICK_MS)
    time_ms = (made.time_ms - made.time_ms[0] + apart_ms * np.arange(len(rows))[:, None]).ravel()
    columns = _Columns(made.columns, np.array(rows))
    return Samples(time_ms, made.late_ms[rows].ravel(), columns, TICK_MS)


class _Columns(Mapping[str, Floats]):
    """Rows of the columns of a recording, one after the other, each taken when it is asked for."""

    def __init__(self, columns: Mapping[str, Floats], rows: NDArray[np.int64]) -> None:
        self._columns, self._rows = columns, rows

    def __getitem__(self, name: str) -> Floats:
        return self._columns[name][self._rows].ravel()

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


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
