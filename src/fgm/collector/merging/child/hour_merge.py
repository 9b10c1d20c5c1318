"""Merges the files of one hour, in the child process: reads sources and writes temporary files, nothing else."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import BinaryIO

from fgm import __version__
from fgm.collector.merging.child.file_before import open_before
from fgm.collector.merging.child.hour_rows import HourRows, RowSource
from fgm.collector.merging.child.new_files import NewFiles
from fgm.collector.merging.child.table_merge import merge_tables_of_hour
from fgm.collector.merging.job import Expected, Job, Outcome
from fgm.collector.minutes.hour_minutes import write_hour
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.directory import layout
from fgm.store.directory.layout import Window
from fgm.store.errors import BadFileError
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FORMAT_VERSION, FileHeader


class UnlikeError(Exception):
    """The sources of an hour cannot be in one file."""


def merge_hour(job: Job) -> Outcome:
    """Write the merged files of an hour, and return the outcome.

    Raises: BadFileError if a source is damaged; UnlikeError if the sources cannot be in one file; OSError.
    """
    folder = os.path.join(job.data_dir, job.folder)
    new = NewFiles(job.data_dir)
    with ExitStack() as stack:

        def opened(name: str) -> WindowFile:
            file = WindowFile.open(os.path.join(folder, name))
            stack.callback(file.close)
            return file

        windows = [opened(name) for name in job.windows]
        try:
            hour = opened(layout.hour_name(job.start_ms))
        except FileNotFoundError:
            hour = None
        merged = set() if hour is None else set(hour.block.sources)
        not_merged = [file for file in windows if _source_of(file) not in merged]
        if not_merged:
            _write_metrics(job, new, hour, not_merged)
            _write_minutes(job, new)
        files = windows if hour is None else [*windows, hour]
        expected = [Expected(os.path.relpath(file.path, job.data_dir), file.block.fingerprint) for file in files]
    expected += merge_tables_of_hour(job, new)
    new.release()
    return Outcome(
        "merged",
        files=tuple(sorted(new.paths, key=lambda path: path == job.path)),  # its rename decides: the hour is merged
        expected=tuple(expected),
        obsolete=tuple(os.path.join(job.folder, name) for name in (*job.windows, *job.tables)),
    )


def _write_metrics(job: Job, new: NewFiles, hour: WindowFile | None, windows: Sequence[WindowFile]) -> None:
    sources = [RowSource(file) for file in windows]
    if hour is not None:
        sources.insert(0, RowSource(hour, tuple(_range_of(file) for file in windows)))
    rows = HourRows(sources)
    header = _header_of([source.file.header for source in sources], job.start_ms)
    named = {} if hour is None else dict(hour.block.sources)
    named.update(_source_of(file) for file in windows)
    merged_from = tuple(Source(name, fingerprint) for name, fingerprint in named.items())

    def write(out: BinaryIO) -> None:
        level = job.compression_level
        write_metrics(
            out,
            header,
            rows.runs,
            rows.time_ms,
            rows.column,
            columns=COLUMN_TYPES,
            compression_level=level,
            sources=merged_from,
        )

    new.write(job.path, write)


def _write_minutes(job: Job, new: NewFiles) -> None:
    path = os.path.join(layout.TIERS_FOLDER, job.folder, layout.minutes_name(job.start_ms, layout.HOUR_MS))
    with ExitStack() as stack:
        hour = WindowFile.open(new.temporary(job.path))
        stack.callback(hour.close)
        sources = [(layout.hour_name(job.start_ms), hour.block.fingerprint)]
        before = open_before(job)
        if before is not None:
            stack.callback(before.close)
        try:
            new.write(path, lambda out: write_hour(hour, before, out, sources))
        except BadFileError as error:
            if before is None or error.path != before.path:
                raise
            new.write(path, lambda out: write_hour(hour, None, out, sources))


def _source_of(file: WindowFile) -> Source:
    return Source(os.path.basename(file.path), file.block.fingerprint)


def _range_of(file: WindowFile) -> Window:
    parsed = layout.parse_name(os.path.basename(file.path))
    assert parsed is not None
    return layout.window_at(parsed.start_ms, file.header.rotation_s)


def _header_of(headers: Sequence[FileHeader], hour_ms: int) -> FileHeader:
    """Return the header of the hour: that of the newest source, with the rotation interval of the last window's end.

    Raises: UnlikeError if the sources are not of one node and one sampling interval.
    """
    for what in ("identifier", "node_name", "interval_ms"):
        values = {getattr(header, what) for header in headers}
        if len(values) > 1:
            raise UnlikeError(f"{what} differs: {', '.join(sorted(map(str, values)))}")
    last_ms = hour_ms + layout.HOUR_MS - 1
    rotation_s = max((header.rotation_s for header in headers), key=lambda s: layout.window_at(last_ms, s).end_ms)
    return replace(headers[-1], rotation_s=rotation_s, fgm_version=__version__, format_version=FORMAT_VERSION)
