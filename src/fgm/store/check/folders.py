"""Lists the folders of days and writers, and checks modes and types of files and folders."""

import os
import stat
from collections.abc import Iterator

from fgm.store.check.report import Report
from fgm.store.directory import layout
from fgm.store.directory.atomic import FOLDER_MODE

_LINK = "a symbolic link: fgm follows no links in the data directory"


def day_folders(report: Report, parent: str) -> Iterator[tuple[int, str]]:
    """Yield the folders of all writers in the day folders of `parent`, each with 00:00 UTC of its day (ms).

    Other entries of the day folders are added to the report. Other entries of `parent` are left to the caller, unless
    it is the folder of the tiers.
    """
    for name in names_in(report, parent):
        day, day_ms = os.path.join(parent, name), layout.parse_day(name)
        if day_ms is None:
            if os.path.basename(parent) == layout.TIERS_FOLDER:
                report.add(day, "not a dt= folder")
            continue
        if os.path.islink(day):
            report.add(day, _LINK)
            continue
        check_mode(report, day, FOLDER_MODE)
        for writer in names_in(report, day):
            folder = os.path.join(day, writer)
            if layout.parse_identifier(writer) is None:
                report.add(folder, "not an identifier= folder")
            elif os.path.islink(folder):
                report.add(folder, _LINK)
            else:
                check_mode(report, folder, FOLDER_MODE)
                yield day_ms, folder


def names_in(report: Report, folder: str) -> list[str]:
    """Return the names in a folder. A folder that cannot be listed is added to the report; a missing one has none."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        report.add(folder, error.strerror or str(error))
        return []


def check_mode(report: Report, path: str, expected: int) -> None:
    """Add a problem if a file or folder has another mode than `expected`, or is a link or something else."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return
    mode = stat.S_IMODE(status.st_mode)
    is_kind = stat.S_ISDIR if expected == FOLDER_MODE else stat.S_ISREG
    if stat.S_ISLNK(status.st_mode):
        report.add(path, _LINK)
    elif not is_kind(status.st_mode):
        report.add(path, "not a folder" if expected == FOLDER_MODE else "not a regular file")
    elif mode != expected:
        report.add(path, f"its mode is {mode:04o}, not {expected:04o}: a viewer may not be able to read it")
