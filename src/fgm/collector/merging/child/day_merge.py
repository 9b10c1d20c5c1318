"""Merges the minutes of the hours of one day, in the child process: reads sources and writes a temporary file."""

import os
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from fgm.collector.merging.child.new_files import NewFiles
from fgm.collector.merging.fingerprints import fingerprint_of
from fgm.collector.merging.job import Expected, Job, Outcome
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.minutes.day_minutes import write_day
from fgm.store.minutes.minute_rows import MinuteRows
from fgm.store.minutes.minutes_file import MinutesFile


def merge_day(job: Job) -> Outcome:
    """Write the minutes of a day, and return the outcome.

    Raises: BadFileError if a source is damaged; OSError; ValueError if the sources have no rows.
    """
    folder = os.path.join(layout.TIERS_FOLDER, job.folder)
    day_name = layout.minutes_name(job.start_ms, layout.DAY_MS)
    new = NewFiles(job.data_dir)
    with ExitStack() as stack:

        def opened(name: str, kind: type[MinutesFile] = MinutesFile) -> MinutesFile:
            file = kind.open(os.path.join(job.data_dir, folder, name))
            stack.callback(file.close)
            return file

        hours = [opened(name) for name in job.minutes]
        names = [*job.minutes]
        files, sources = [*hours], {name: file.fingerprint for name, file in zip(names, hours, strict=True)}
        try:
            day = opened(day_name, _PartOfDay)
        except FileNotFoundError:
            pass
        else:
            assert isinstance(day, _PartOfDay)
            day.without_hours = _starts(job.minutes)
            files = [day, *hours]
            sources = {**dict(day.block.sources), **sources}
            names.append(day_name)
        expected = tuple(
            Expected(os.path.join(folder, name), _required_fingerprint(os.path.join(job.data_dir, folder, name)))
            for name in names
        )
        new.write(job.path, lambda out: write_day(files, out, sources.items()))
    new.release()
    obsolete = tuple(os.path.join(folder, name) for name in job.minutes)
    return Outcome("merged", files=new.paths, expected=expected, obsolete=obsolete)


class _PartOfDay(MinutesFile):
    """The minutes of a day without some hours, which were merged again. `without_hours`: the starts of these, in ms."""

    without_hours: tuple[int, ...] = ()

    def rows_at(self, metric: str, positions: NDArray[np.int64]) -> MinuteRows:
        """Return the minutes of a metric, without those of the hours."""
        rows = super().rows_at(metric, positions)
        return rows.at(~np.isin(rows.time_ms - rows.time_ms % layout.HOUR_MS, self.without_hours))


def _starts(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(parsed[0] for name in names if (parsed := layout.parse_minutes_name(name)) is not None)


def _required_fingerprint(path: str) -> int:
    fingerprint = fingerprint_of(path)
    if fingerprint is None:
        raise BadFileError(path, "it was removed while it was read")
    return fingerprint
