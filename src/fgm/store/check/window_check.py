"""Checks metrics files and journals: checksums, columns, the order of series and rows, and times."""

import os
from collections import Counter
from typing import NamedTuple

import numpy as np

from fgm.store.check.report import PADDED, Report
from fgm.store.check.schema_check import Schemas
from fgm.store.directory import layout
from fgm.store.directory.layout import ParsedName
from fgm.store.directory.regular_file import open_regular
from fgm.store.journal.frame import whole_length
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_block import Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import order


class Span(NamedTuple):
    """First and last tick of the metrics file at `path`, and how merged files are related to it.

    `source`: how a merged file names this one; `sources`: the files that were merged into this one.
    """

    first_ms: int
    last_ms: int
    path: str
    name: ParsedName
    source: Source
    sources: tuple[Source, ...]


def check_metrics_file(
    report: Report, path: str, name: ParsedName, schemas: Schemas, *, with_values: bool = True
) -> Span:
    """Add the problems of a window or of a merged hour to a report, and return its span.

    `with_values`: whether to decode all values. Otherwise only their checksums are checked, which is much faster.
    Raises: OSError, BadFileError, LookupError or ValueError if the file cannot be checked completely.
    """
    file = WindowFile.open(path)
    try:
        if with_values:
            file.verify()
        else:
            file.verify_checksums()
        block = file.block
        report.counts["Parquet files"] += 1
        report.counts["rows"] += block.rows
        if name.duration_ms is not None:
            report.counts["merged hours"] += 1
        if file.has_padding:
            report.counts[PADDED] += 1
        for problem in schemas.problems(path, block):
            report.add(path, problem)
        firsts = [run.first for run in block.runs]
        ends = [run.first + run.count for run in block.runs]
        if [*firsts, block.rows] != [0, *ends]:
            report.add(path, "its series do not cover each of its rows exactly once")
        keys = [order(series) for series in file.series]
        if keys != sorted(keys):
            report.add(path, "its series are not in order")
        chunks = file.chunks(())
        _check_rows(report, path, name, file.header, chunks)
        first_ms = min(int(chunk.time_ms[0]) for chunk in chunks)
        last_ms = max(int(chunk.time_ms[-1]) for chunk in chunks)
        if (first_ms, last_ms) != (block.first_ms, block.last_ms):
            report.add(path, "its first or last tick is not the one in its block")
        return Span(first_ms, last_ms, path, name, Source(os.path.basename(path), file.fingerprint), block.sources)
    finally:
        file.close()


def check_journal(report: Report, path: str, name: ParsedName) -> None:
    """Add the problems of a journal to a report. A torn frame at its end is counted, but is not a problem.

    Raises: as `check_metrics_file`.
    """
    reader = JournalReader(path)
    try:
        report.counts["journals"] += 1
        report.counts["bytes of torn frames"] += _torn_bytes(path)
        chunks = reader.chunks(())
        if chunks:
            _check_rows(report, path, name, reader.header, chunks)
    finally:
        reader.close()


def _torn_bytes(path: str) -> int:
    fd = open_regular(path)
    try:
        return os.fstat(fd).st_size - whole_length(fd)
    finally:
        os.close(fd)


def _check_rows(report: Report, path: str, name: ParsedName, header: FileHeader, chunks: list[Chunk]) -> None:
    identifier = layout.parse_identifier(os.path.basename(os.path.dirname(path)))
    if header.identifier != identifier:
        report.add(path, f"written by {header.identifier}, but in the folder of {identifier}")
    end_ms = layout.window_at(name.start_ms, header.rotation_s).end_ms
    if name.duration_ms is not None:
        last_start_ms = name.start_ms + name.duration_ms - 1
        end_ms = layout.window_at(last_start_ms, header.rotation_s).end_ms
    keys = Counter(chunk.series.key for chunk in chunks)
    for key in (key for key, count in keys.items() if count > 1):
        report.add(path, f"it has the series {key} twice")
    for chunk in chunks:
        if np.any(np.diff(chunk.time_ms) <= 0):
            report.add(path, f"rows of {chunk.series.key} are not in ascending order of time")
        # The last row of a container is read when its last process ends, which is between two ticks.
        # A sandbox may be taken for a container at first, and is read in the same way.
        if chunk.series.scope in ("container", "sandbox"):
            if np.any(np.diff(chunk.time_ms + chunk.late_ms) < 0):
                report.add(path, f"rows of {chunk.series.key} were read earlier than the rows before them")
        elif np.any(chunk.late_ms < -1):
            report.add(path, f"rows of {chunk.series.key} were read before their tick")
        if chunk.time_ms.min() < name.start_ms or chunk.time_ms.max() >= end_ms:
            report.add(path, f"rows of {chunk.series.key} are outside its window")
