"""Finds the jobs that are due in a data directory, the newest first, and removes what a kill has left."""

import os
from collections.abc import Iterator

from fgm.collector.merging import publishing
from fgm.collector.merging.job import Job
from fgm.collector.merging.planner import due_hours, due_minutes
from fgm.store.directory import layout

RETRY_S = 3600.0
"""Time after which a job that failed is tried again, if its files are the same."""


class DueJobs:
    """The jobs of one data directory. Its methods may block, and need the directory's lock."""

    def __init__(self, data_dir: str, compression_level: int) -> None:
        self._data_dir = data_dir
        self._compression_level = compression_level
        self._not_before_s: dict[Job, float] = {}

    def next(self, wall_ns: int, monotonic_s: float) -> Job | None:
        """Return the next job; None if there is none.

        Raises: OSError if the directory cannot be listed.
        """
        self._not_before_s = {job: at_s for job, at_s in self._not_before_s.items() if at_s > monotonic_s}
        for folder in self._folders():
            self._finish(folder)
            for job in self._jobs_in(folder, wall_ns):
                if job not in self._not_before_s:
                    return job
        return None

    def postpone(self, job: Job, monotonic_s: float) -> None:
        """Do not return a job again for `RETRY_S`, unless its files change."""
        self._not_before_s[job] = monotonic_s + RETRY_S

    def count(self, wall_ns: int) -> int:
        """Return the number of all jobs.

        Raises: OSError if the directory cannot be listed.
        """
        return sum(1 for folder in self._folders() for _ in self._jobs_in(folder, wall_ns))

    def clean(self) -> None:
        """Remove temporary files of merges, and sources of merged files, that a kill has left.

        Raises: OSError.
        """
        for folder in self._folders():
            self.remove_temporaries(folder)
            self._finish(folder)

    def remove_temporaries(self, folder: str) -> None:
        """Remove the temporary files of merges from a folder and from that of its minutes.

        Raises: OSError.
        """
        for path in (folder, os.path.join(layout.TIERS_FOLDER, folder)):
            publishing.remove_temporaries(os.path.join(self._data_dir, path))

    def _finish(self, folder: str) -> None:
        publishing.finish(os.path.join(self._data_dir, folder))
        publishing.finish_minutes(os.path.join(self._data_dir, layout.TIERS_FOLDER, folder))

    def _jobs_in(self, folder: str, wall_ns: int) -> Iterator[Job]:
        now_ms = wall_ns // 1_000_000
        names = _names(os.path.join(self._data_dir, folder))
        for hour in due_hours(names, now_ms):
            yield self._job(folder, hour.hour_ms, windows=hour.windows, tables=hour.tables)
        day_ms = layout.parse_day(os.path.dirname(folder))
        assert day_ms is not None
        minute_names = _names(os.path.join(self._data_dir, layout.TIERS_FOLDER, folder))
        if minutes := due_minutes(names, minute_names, day_ms, now_ms):
            yield self._job(folder, day_ms, minutes=minutes)

    def _job(self, folder: str, start_ms: int, **names: tuple[str, ...]) -> Job:
        return Job(self._data_dir, folder, start_ms, compression_level=self._compression_level, **names)

    def _folders(self) -> list[str]:
        """Return the folders of all writers, the newest day first, also those that only have minutes."""
        folders = set[str]()
        for parent in (self._data_dir, os.path.join(self._data_dir, layout.TIERS_FOLDER)):
            for day in filter(layout.parse_day, _folders_in(parent)):
                writers = filter(layout.parse_identifier, _folders_in(os.path.join(parent, day)))
                folders.update(os.path.join(day, folder) for folder in writers)
        return sorted(folders, reverse=True)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _folders_in(path: str) -> list[str]:
    """Return the names of the folders in a folder. Links are not followed."""
    if os.path.islink(path):
        return []
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []
