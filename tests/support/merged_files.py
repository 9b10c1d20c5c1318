"""Merges the hours of a data directory in this process, with the work of the collector's child process."""

import os

from fgm.collector.merging.__main__ import run
from fgm.collector.merging.job import Job
from fgm.collector.merging.planner import due_hours
from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files


def merge_hours(data_dir: str) -> None:
    """Merge all windows and tables into hours, the oldest first, and publish the results as the collector does."""
    for folder in sorted(
        {os.path.dirname(os.path.relpath(path, data_dir)) for path in data_files(data_dir, "metrics")}
    ):
        for hour in reversed([*due_hours(os.listdir(os.path.join(data_dir, folder)), END_OF_TIME_MS)]):
            publish(data_dir, Job(data_dir, folder, hour.hour_ms, windows=hour.windows, tables=hour.tables))


def merge_day_of_minutes(data_dir: str, folder: str, day_ms: int) -> None:
    """Merge the minutes of the hours of a day. `folder`: that of their writer, below the data directory."""
    names = sorted(os.listdir(os.path.join(data_dir, layout.TIERS_FOLDER, folder)))
    publish(data_dir, Job(data_dir, folder, day_ms, minutes=tuple(names)))


def publish(data_dir: str, job: Job) -> None:
    """Do one job, and put its files in their places."""
    outcome = run(job)
    assert outcome.kind == "merged", outcome
    for path in outcome.files:
        final = os.path.join(data_dir, path)
        os.rename(final + layout.TEMPORARY_SUFFIX, final)
    for path in outcome.obsolete:
        os.unlink(os.path.join(data_dir, path))
