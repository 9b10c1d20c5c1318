"""Finds the samples before an hour, from which its first rates are computed."""

import os

from fgm.collector.merging.job import Job
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile


def open_before(job: Job) -> WindowFile | None:
    """Open the file with the last samples before the hour of a job: a window, or the merged hour before it.

    Returns None if there is none that can be read.
    """
    before_ms = job.start_ms - layout.HOUR_MS
    _, identifier = os.path.split(job.folder)
    folder = os.path.join(job.data_dir, layout.day_folder(before_ms), identifier)
    starts: dict[int, str] = {}
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    for name in names:
        parsed = layout.parse_name(name)
        if parsed is not None and parsed.kind == "metrics" and before_ms <= parsed.start_ms < job.start_ms:
            starts[parsed.start_ms + (parsed.duration_ms or 0)] = name
    best: WindowFile | None = None
    for name in [starts[key] for key in sorted(starts, reverse=True)[:2]]:
        try:
            file = WindowFile.open(os.path.join(folder, name))
        except (BadFileError, OSError):
            continue
        if best is None:
            best = file
        elif file.block.last_ms > best.block.last_ms:
            best.close()
            best = file
        else:
            file.close()
    return best
