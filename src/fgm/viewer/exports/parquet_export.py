"""Writes a range as one Parquet file for other programs: a row group for each part, one column after the other.

Only one part of one file is in memory at a time, so a file can be streamed while it is written.
"""

import io
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fgm import __version__
from fgm.metrics.catalogue import BY_NAME, COLUMN_TYPES
from fgm.metrics.derived import ShownMetric
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.column_chunks import ParquetWriter
from fgm.store.parquet.column_pages import ColumnValues
from fgm.store.parquet.series_columns import SeriesColumns
from fgm.store.parquet.window_block import LATE, TIME
from fgm.viewer.exports.range_rows import Named, RangeQuestion, RangeReader, RangeRows
from fgm.viewer.exports.shown_columns import ShownColumns
from fgm.viewer.files.reader import Sources

COMPRESSION_LEVEL = 3
"""The zstd level. A higher one takes several times as long for a few percent: the file is made while a client waits."""
METADATA_KEY = "fgm.export"
"""Key of the metadata of the footer."""


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """What is exported. `rows`: the series and the range; its `columns` are not used. `metrics`: the columns.

    Metrics that are recorded are exported as recorded, others as the page shows them. `tick_ms`: the sampling interval.
    """

    rows: RangeQuestion
    metrics: Sequence[ShownMetric]
    tick_ms: int


class ParquetExport:
    """One file. Not thread-safe; may block."""

    def __init__(self, question: ExportQuestion, sources: Sources, named: Named = lambda series: series) -> None:
        self._question, self._sources, self._named = question, sources, named
        self._recorded = [metric for metric in question.metrics if metric.name in BY_NAME]
        self._shown = [metric for metric in question.metrics if metric.name not in BY_NAME]
        self.rows = 0
        """Number of ticks of series so far."""
        self.read_to_ms = question.rows.from_ms
        """End of the part that is being written, in ms since 1970."""
        self.skipped_files = 0
        """Number of files so far that could not be read, or lack columns."""

    @property
    def has_late(self) -> bool:
        """Whether the file has the lateness of each row, which exact rates of recorded counters need."""
        return any(metric.kind == "counter" for metric in self._recorded)

    def parts(self) -> Generator[bytes]:
        """Yield the bytes of the file. Without rows it yields nothing.

        Raises: BadFileError or OSError if a file cannot be read any more: what was yielded is not a whole file then.
        """
        question = self._question
        computed = ShownColumns(self._shown, question.tick_ms)
        recorded = tuple(dict.fromkeys([*(metric.name for metric in self._recorded), *computed.recorded]))
        if self._shown:
            range_ = question.rows
            lead = replace(
                range_, from_ms=range_.from_ms - computed.lead_ms, to_ms=range_.from_ms, columns=computed.recorded
            )
            for rows in RangeReader(lead, self._sources, self._named).parts():
                computed.follow(rows)
        reader = RangeReader(replace(question.rows, columns=recorded), self._sources, self._named)
        out = io.BytesIO()
        writer = None
        for rows in reader.parts():
            self.read_to_ms = rows.within[1]
            is_empty = True
            for column in self._columns(rows, computed):
                writer, is_empty = ParquetWriter(out) if writer is None else writer, False
                writer.append(column)
                del column
                yield _emptied(out)
            if writer is not None and not is_empty:
                writer.end_group()
            self.rows += len(rows.time_ms)
            self.skipped_files = reader.skipped_files
        self.skipped_files = reader.skipped_files
        if writer is not None:
            footer = writer.footer({METADATA_KEY: json.dumps(self._metadata(writer.rows))})
            yield footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC

    def _columns(self, rows: RangeRows, computed: ShownColumns) -> Iterator[ColumnValues]:
        of_series = SeriesColumns([run.count for run in rows.runs], COMPRESSION_LEVEL)
        yield of_series.numbers(TIME, "time", rows.time_ms)
        yield from of_series.identity([run.series for run in rows.runs])
        if self.has_late:
            yield of_series.late(rows.column(LATE))
        computed.begin(rows)
        for metric in self._question.metrics:
            if metric.name in BY_NAME:
                yield of_series.numbers(metric.name, COLUMN_TYPES[metric.name], rows.column(metric.name))
            else:
                yield of_series.numbers(metric.name, "number", computed.column(rows, metric))
        computed.end(rows)

    def _metadata(self, written_rows: int) -> dict[str, Any]:
        rows = self._question.rows
        return {
            "made_by": f"fgm {__version__}",
            "from_ms": rows.from_ms,
            "to_ms": rows.to_ms,
            "interval_ms": self._question.tick_ms,
            "rows": written_rows,
            "skipped_files": self.skipped_files,
            "columns": {metric.name: _facts(metric) for metric in self._question.metrics},
        }


def _facts(metric: ShownMetric) -> dict[str, str]:
    """Return what a column has: the recorded metric or the shown one, in its unit."""
    recorded = BY_NAME.get(metric.name)
    unit = metric.unit if recorded is None else recorded.unit
    return {"title": metric.title, "kind": metric.kind, "unit": unit}


def _emptied(file: io.BytesIO) -> bytes:
    """Return what was written to a file in memory, and empty it."""
    data = file.getvalue()
    file.seek(0)
    file.truncate()
    return data
