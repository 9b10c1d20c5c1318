"""Merges of hours in this process, with the modules of the child process and of the collector."""

import os
from pathlib import Path

from fgm.collector.merging import publishing
from fgm.collector.merging.child.hour_merge import merge_hour
from fgm.collector.merging.job import Job
from fgm.collector.merging.planner import due_hours
from fgm.store.directory import layout
from tests.support.collector.windows import FOLDER, START_MS

MERGED = "metrics-20251230T160000Z--PT1H.parquet"
LATER_MS = START_MS + 2 * layout.DAY_MS


def job_of(data_dir: Path, folder: str = FOLDER) -> Job | None:
    """Return the job of the newest hour that is due in a folder."""
    for hour in due_hours(os.listdir(data_dir / folder), LATER_MS):
        return Job(str(data_dir), folder, hour.hour_ms, hour.windows, hour.tables)
    return None


def merge(data_dir: Path, folder: str = FOLDER) -> int:
    """Merge all hours of a folder that are due; return their number."""
    hours = 0
    while (job := job_of(data_dir, folder)) is not None:
        publishing.publish(str(data_dir), merge_hour(job))
        hours += 1
    return hours
