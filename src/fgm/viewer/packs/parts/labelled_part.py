"""The part of a pack with labelled values, for the page inside the pack: a line for each metric, series and label.

All rows are read once and sorted, because a pack has the values of all metrics and series. `docs/pack.md` describes
the layout.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.labelled import INTERVAL_MS, LABELLED, LabelledMetric
from fgm.metrics.rates import Floats, Times, rate
from fgm.store.parquet.table_pages import Texts
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import id_of_key, name_of_key
from fgm.viewer.files.tables.columns import Columns, times_of
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan
from fgm.viewer.query.labelled.labelled_query import LEAD_MS

DECIMALS = 3
"""Maximum number of decimals of a value, as in /api/labelled."""
_FIELDS = ("time_ms", "scope", "container_id", "pod_uid", "cgroup", "metric", "label", "value")

Codes = NDArray[np.int64]


class _Rows(NamedTuple):
    """Rows of labelled tables. `series`, `metric`, `label`: positions in the lists of names."""

    time_ms: Times
    series: Codes
    metric: Codes
    label: Codes
    value: Floats


class _Names:
    """Numbers for names, in the order in which they were first seen."""

    def __init__(self) -> None:
        self.all: dict[str, int] = {}

    def numbers(self, column: Texts) -> Codes:
        """Return the number of the name in each row; -1 for null."""
        numbers = [self.all.setdefault(name, len(self.all)) for name in column.values]
        return np.array([*numbers, -1], np.int64)[column.codes]


def labelled_part(tables: TableFiles, holdings: Holdings, from_ms: int, to_ms: int) -> bytes:
    """Return the part with the labelled values of all series in [from_ms, to_ms); empty if there are none.

    May block.
    """
    series, metrics, labels = _Names(), _Names(), _Names()
    question = TableQuestion("labelled", from_ms - LEAD_MS, to_ms, _FIELDS, _all, holdings.node_name)
    scan = TableScan(tables, question)
    parts = []
    while (part := scan.next_part()) is not None:
        parts.append(_rows(part, series, metrics, labels))
    if not parts:
        return b""
    rows = _Rows(*map(np.concatenate, zip(*parts, strict=True)))
    keys, names = list(series.all), list(labels.all)
    lines = [
        _described(metric, keys[of_series], names[label], holdings, times, values)
        for metric in LABELLED.values()
        for of_series, label, times, values in _lines(metric, metrics, rows, (from_ms, to_ms))
    ]
    return json.dumps({"series": lines}, separators=(",", ":"), allow_nan=False).encode() if lines else b""


def _rows(part: Columns, series: _Names, metrics: _Names, labels: _Names) -> _Rows:
    texts = {name: column for name, column in part.items() if isinstance(column, Texts)}
    values = part["value"]
    assert not isinstance(values, Texts)
    return _Rows(
        times_of(part),
        _series(texts, series),
        metrics.numbers(texts["metric"]),
        labels.numbers(texts["label"]),
        values.astype(np.float64, copy=False),
    )


def _series(texts: Mapping[str, Texts], series: _Names) -> Codes:
    """Return the number of the series in each row."""
    columns = [texts[name] for name in ("scope", "container_id", "pod_uid", "cgroup")]
    kinds, inverse = np.unique(np.stack([column.codes for column in columns]), axis=1, return_inverse=True)
    numbers = []
    for codes in kinds.T.tolist():
        scope, container, pod, cgroup = (
            column.values[code] if code >= 0 else None for column, code in zip(columns, codes, strict=True)
        )
        key = "node" if scope == "node" else f"pod:{pod}" if scope == "pod" else container or f"cgroup:{cgroup}"
        numbers.append(series.all.setdefault(key, len(series.all)))
    return np.array(numbers, np.int64)[inverse.reshape(-1)]


def _lines(
    metric: LabelledMetric, metrics: _Names, rows: _Rows, within: tuple[int, int]
) -> Iterator[tuple[int, int, Times, Floats]]:
    """Yield series, label, times and values of each line of a metric that has values in the range."""
    wanted = [metrics.all[name] for name in metric.needs if name in metrics.all]
    chosen = np.flatnonzero(np.isin(rows.metric, wanted) & (rows.label >= 0) & (rows.time_ms < within[1]))
    if not len(chosen):
        return
    chosen = chosen[np.lexsort((rows.time_ms[chosen], rows.label[chosen], rows.series[chosen]))]
    places = np.stack([rows.series[chosen], rows.label[chosen], rows.time_ms[chosen]])
    starts = np.flatnonzero(np.any(np.diff(places, axis=1, prepend=-1) != 0, axis=0))
    sums = np.add.reduceat(rows.value[chosen], starts)
    series, label, times = places[:, starts]
    ends = [*(np.flatnonzero(np.diff(series) | np.diff(label)) + 1).tolist(), len(times)]
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        time_ms, values = times[begin:end], sums[begin:end]
        if metric.metric.kind == "counter":
            values = rate(time_ms, np.zeros(len(time_ms)), values, INTERVAL_MS)
        inside = (time_ms >= within[0]) & ~np.isnan(values)
        if inside.any():
            yield int(series[begin]), int(label[begin]), time_ms[inside], values[inside] * metric.scale


def _described(  # noqa: PLR0917 - a line and what names it read well without names
    metric: LabelledMetric, key: str, label: str, holdings: Holdings, times: Times, values: Floats
) -> dict[str, Any]:
    return {
        "metric": metric.metric.name,
        "id": id_of_key(key, holdings.series),
        "name": name_of_key(key, holdings.series),
        "label": label,
        "t_ms": times.tolist(),
        "value": np.round(values, DECIMALS).tolist(),
    }


def _all(series: Mapping[str, Texts]) -> NDArray[np.bool_]:
    return np.ones(len(series["scope"].codes), np.bool_)
