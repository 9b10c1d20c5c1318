"""Checks that each sample is there once, although hours are merged: by the sources of merged files, and by the rows."""

import os
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from fgm.store.check.report import LEFT_OVER, REPLACING, Report
from fgm.store.check.window_check import Span
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile


def check_overlaps(report: Report, spans: Iterable[Span]) -> None:
    """Add a problem for each series that has the same row in two metrics files. `spans`: files of one writer.

    A window next to the merged file of its hour is counted, but is not a problem. Either it is a source of that file,
    and a collector was killed before it removed the window, or is about to; readers ignore it. Or it was closed later;
    then readers ignore the rows of the hour in its range, and the hour is merged again.

    Only files with overlapping spans are read again. Spans overlap only after a change of the rotation interval.
    """
    spans = sorted(spans)
    hours = {span.name.start_ms: span for span in spans if span.name.duration_ms is not None}
    for merged in hours.values():
        for problem in _problems_of_sources(merged):
            report.add(merged.path, problem)
    alone, windows = list(hours.values()), []
    for span in spans:
        if span.name.duration_ms is not None:
            continue
        hour = hours.get(span.name.start_ms - span.name.start_ms % layout.HOUR_MS)
        if hour is None:
            alone.append(span)
        elif span.source in hour.sources:
            report.counts[LEFT_OVER] += 1
            continue
        else:
            report.counts[REPLACING] += 1
        windows.append(span)
    pairs = dict.fromkeys((*_overlapping(alone), *_overlapping(windows)))
    for earlier, later in pairs:
        _check_no_row_twice(report, earlier, later)


def _problems_of_sources(hour: Span) -> Iterator[str]:
    for source in hour.sources:
        parsed = layout.parse_name(source.name)
        if parsed is None or parsed.start_ms - parsed.start_ms % layout.HOUR_MS != hour.name.start_ms:
            yield f"it names {source.name!r} as a source, which is no window of this hour"
    if len({source.name for source in hour.sources}) < len(hour.sources):
        yield "it names a source twice"


def _overlapping(spans: Iterable[Span]) -> Iterator[tuple[str, str]]:
    open_spans: list[Span] = []
    for span in sorted(spans):
        open_spans = [earlier for earlier in open_spans if earlier.last_ms >= span.first_ms]
        for earlier in open_spans:
            yield earlier.path, span.path
        open_spans.append(span)


def _check_no_row_twice(report: Report, earlier: str, later: str) -> None:
    try:
        times_by_key = dict(_times(earlier))
        for key, time_ms in _times(later):
            if key in times_by_key and np.isin(time_ms, times_by_key[key]).any():
                report.add(later, f"it has rows of {key} that {os.path.basename(earlier)} also has")
    except (OSError, BadFileError):
        return  # `check_metrics_file` reports the damage


def _times(path: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
    file = WindowFile.open(path)
    try:
        for chunk in file.chunks(()):
            yield chunk.series.key, chunk.time_ms
    finally:
        file.close()
