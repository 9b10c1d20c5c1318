"""Checks that index.json and first-seen.json are readable, and that the times in the index are consistent."""

from fgm.store.check.report import Report
from fgm.store.errors import BadFileError
from fgm.store.index import first_seen, index_file


def check_index(report: Report, path: str) -> None:
    """Add the problems of the index at `path` to a report. A missing index is not a problem."""
    try:
        index = index_file.load(path)
    except BadFileError as error:
        report.add(path, error.reason)
        return
    except OSError as error:
        report.add(path, error.strerror or str(error))
        return
    report.counts["containers"] += len(index.entries)
    for key, entry in index.entries.items():
        if entry.first_seen_ms > entry.last_seen_ms:
            report.add(path, f"container {key} was last seen before it was first seen")
        if index.latest_ms is None or entry.last_seen_ms > index.latest_ms:
            report.add(path, f"container {key} was last seen after the latest data")
    if index.earliest_ms is not None and index.latest_ms is not None and index.earliest_ms > index.latest_ms:
        report.add(path, "its data range ends before it begins")


def check_first_seen(report: Report, path: str) -> None:
    """Add the problem of the file first-seen.json at `path` to a report. Most directories have none."""
    try:
        first_seen.load(path)
    except BadFileError as error:
        report.add(path, error.reason)
    except OSError as error:
        report.add(path, error.strerror or str(error))
