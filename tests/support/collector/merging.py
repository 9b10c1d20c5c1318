"""Merges of hours in this process, with the modules of the child process and of the collector."""

import os
from pathlib import Path

from fgm.collector.merging import publishing
from fgm.collector.merging.child.hour_merge import merge_hour
from fgm.collector.merging.job import Job
from fgm.collector.merging.planner import due_hours
from tests.support.collector.windows import FOLDER

MERGED = "metrics-20251230T160000Z--PT1H.parquet"
YEAR_2100_MS = 4_102_444_800_000


def job_of(data_dir: Path, folder: str = FOLDER) -> Job | None:
    """Return the job of the newest hour that is due in a folder."""
    for hour in due_hours(os.listdir(data_dir / folder), YEAR_2100_MS):
        return Job(str(data_dir), folder, hour.hour_ms, hour.windows, hour.tables)
    return None


def merge(data_dir: Path, folder: str = FOLDER) -> int:
    """Merge all hours of a folder that are due; return their number."""
    hours = 0
    while (job := job_of(data_dir, folder)) is not None:
        publishing.publish(str(data_dir), merge_hour(job))
        hours += 1
    return hours
