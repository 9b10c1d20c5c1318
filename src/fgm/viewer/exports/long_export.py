"""Writes a range as one long Parquet table: a row for each value, with the name of its metric in a column.

Source: the Parquet loader of the viewer of q_branch/fine-grained-monitor in DataDog/datadog-agent, which reads `time`,
`metric_name`, `value_int` or `value_float`, and `l_` columns with the names of the container. It finds out which
metrics and containers there are from the first, middle and last row groups, so each row group has a part of the time
and everything in it; and it accepts neither Arrow dictionaries nor bloom filters of whole ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import BY_NAME, COLUMN_TYPES
from fgm.metrics.derived import ShownMetric
from fgm.metrics.rates import Floats, Times
from fgm.store.directory import layout
from fgm.store.parquet.column_pages import ColumnType, ColumnValues
from fgm.store.parquet.table_pages import Texts
from fgm.viewer.exports.parquet_export import COMPRESSION_LEVEL, ExportQuestion, ParquetExport
from fgm.viewer.exports.range_rows import Named, RangeRows
from fgm.viewer.exports.shown_columns import ShownColumns
from fgm.viewer.files.reader import Sources

MAX_VALUES = 500_000
"""Maximum number of rows of a row group, unless one second has more: 4 MB for a column."""
LABELS = ("container_id", "container_name", "pod_name", "pod_uid", "namespace", "qos_class")
"""Names of a container that are columns with the prefix `l_`."""
_OF_CGROUP = "cgroup.v2."
"""Prefix of the names of metrics that come from a file of the container's cgroup."""


class _Values(NamedTuple):
    """The values of one metric that are not null. `rows`: where they are in the part."""

    metric: ShownMetric
    rows: NDArray[np.int32]
    values: Floats


class LongExport(ParquetExport):
    """One file with a row for each value. The series of the question must be containers. Not thread-safe; may block."""

    def __init__(self, question: ExportQuestion, series: int, sources: Sources, named: Named) -> None:
        """`series`: about how many series there are at a time."""
        per_second = max(1, series * len(question.metrics))
        seconds = max(1, MAX_VALUES // per_second)
        parts = -(-layout.HOUR_MS // (1000 * seconds))
        rows = replace(question.rows, span_ms=-(-layout.HOUR_MS // parts), max_rows=None)
        super().__init__(replace(question, rows=rows), sources, named)

    def _columns(self, rows: RangeRows, computed: ShownColumns) -> Iterator[ColumnValues]:
        found = list(self._values(rows, computed))
        if not found:
            return
        counts = [len(each.rows) for each in found]
        starts = np.cumsum([0, *counts[:-1]]).tolist()
        joined = np.concatenate([each.rows for each in found])

        def numbers(name: str, kind: ColumnType, values: Floats | Times) -> ColumnValues:
            return ColumnValues(
                name,
                kind,
                values,
                is_nullable=kind != "time",
                compression_level=COMPRESSION_LEVEL,
                page_starts=starts,
                is_smallest=True,
                is_scratch=kind != "time",
                is_unsigned=kind == "integer",
            )

        yield numbers("time", "time", rows.time_ms[joined])
        names = [exported_name(each.metric) for each in found]
        yield ColumnValues("metric_name", "text", Texts.of(names).repeated(counts), is_nullable=False)
        kinds = ["counter" if each.metric.kind == "counter" else "gauge" for each in found]
        yield ColumnValues("metric_kind", "text", Texts.of(kinds).repeated(counts), is_nullable=False)
        yield numbers("value_int", "integer", _joined(found, of_integers=True))
        yield numbers("value_float", "number", _joined(found, of_integers=False))
        run_of_row = np.repeat(np.arange(len(rows.runs), dtype=np.int32), [run.count for run in rows.runs])
        runs = run_of_row[joined]
        del joined, run_of_row
        for name in LABELS:
            texts = Texts.of([getattr(run.series, name) for run in rows.runs])
            yield ColumnValues(f"l_{name}", "text", Texts(texts.codes[runs], texts.values))

    def _values(self, rows: RangeRows, computed: ShownColumns) -> Iterator[_Values]:
        computed.begin(rows)
        for metric in self._question.metrics:
            values = rows.column(metric.name) if metric.name in BY_NAME else computed.column(rows, metric)
            present = np.flatnonzero(~np.isnan(values)).astype(np.int32)
            if len(present):
                yield _Values(metric, present, values[present])
        computed.end(rows)


def exported_name(metric: ShownMetric) -> str:
    """Return the name that a metric has in a long table."""
    recorded = BY_NAME.get(metric.name)
    file = "" if recorded is None else recorded.source.split()[0]
    return _OF_CGROUP + metric.name if "." in file and metric.name.startswith(file) else metric.name


def _joined(found: Sequence[_Values], *, of_integers: bool) -> Floats:
    """Return the values that are integers, or those that are not; the others are null."""
    return np.concatenate(
        [
            each.values
            if (COLUMN_TYPES.get(each.metric.name) == "integer") == of_integers
            else np.full(len(each.rows), np.nan)
            for each in found
        ]
    )
