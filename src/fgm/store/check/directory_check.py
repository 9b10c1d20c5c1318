"""Checks a whole data directory, for `fgm check` and at the end of every test scenario.

The invariants are true at any moment, even while a collector records and after a collector was killed. Three things
are therefore counted but are not problems: a journal that the next start will close, the bytes of a torn frame, and a
temporary file that will be written again. The check changes nothing. It ignores files that vanish while it runs,
because the collector may close or remove files at any time.
"""

import os
import stat
from collections.abc import Iterable

from fgm.store.check.events_check import events_problems
from fgm.store.check.index_check import check_index
from fgm.store.check.process_table_check import has_padding, journal_problems, table_problems
from fgm.store.check.report import PADDED, Report
from fgm.store.check.window_check import Schema, Span, check_journal, check_metrics_file, check_overlaps
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, FOLDER_MODE
from fgm.store.directory.layout import ParsedName
from fgm.store.errors import BadFileError
from fgm.store.index import index_file

_PUBLISHED = (layout.INDEX_NAME, layout.SESSION_NAME, layout.COLUMNS_NAME)
_TOP_NAMES = {layout.LOCK_NAME, *_PUBLISHED, *(name + layout.TEMPORARY_SUFFIX for name in _PUBLISHED)}

_OF_FILE_SYSTEM = "lost+found"
"""Folder that ext4 creates at the top of a disk; allowed because the data directory may be a whole disk."""

_UNEXPECTED = "fgm creates nothing with this name here"
_LINK = "a symbolic link: fgm follows no links in the data directory"


def check(data_dir: str) -> Report:
    """Check everything in a data directory and return a report.

    Errors in files, and errors of reading them, become problems in the report; they are never raised.
    """
    report = Report()
    if not os.path.isdir(data_dir):
        report.add(data_dir, "there is no such directory")
        return report
    schemas: dict[int, Schema] = {}
    for name in _names(report, data_dir):
        path = os.path.join(data_dir, name)
        if layout.parse_day(name) is not None:
            _check_day(report, path, schemas)
        elif name in _TOP_NAMES:
            _check_mode(report, path, FILE_MODE)
        elif not index_file.is_bad_name(name) and name != _OF_FILE_SYSTEM:
            report.add(path, _UNEXPECTED)
    check_index(report, os.path.join(data_dir, layout.INDEX_NAME))
    return report


def _check_day(report: Report, day: str, schemas: dict[int, Schema]) -> None:
    if os.path.islink(day):
        report.add(day, _LINK)
        return
    _check_mode(report, day, FOLDER_MODE)
    for name in _names(report, day):
        folder = os.path.join(day, name)
        if layout.parse_identifier(name) is None:
            report.add(folder, "not an identifier= folder")
            continue
        if os.path.islink(folder):
            report.add(folder, _LINK)
            continue
        _check_mode(report, folder, FOLDER_MODE)
        _check_folder(report, folder, schemas)


def _check_folder(report: Report, folder: str, schemas: dict[int, Schema]) -> None:
    names = _names(report, folder)
    midnight_ms = layout.parse_day(os.path.basename(os.path.dirname(folder)))
    spans: list[Span] = []
    for name in names:
        path = os.path.join(folder, name)
        parsed = layout.parse_name(name)
        if parsed is not None:
            if layout.day_start(parsed.start_ms) != midnight_ms:
                report.add(path, "in the folder of another day")
            spans += _check_window(report, path, parsed, schemas)
        elif (table := layout.parse_table_name(name)) is not None:
            sentences = list(table_problems(path, *table))
            _add_all(report, path, f"{table[0]} files", sentences)
            if not sentences and has_padding(path):
                report.counts[PADDED] += 1
        elif (table := layout.parse_table_journal_name(name)) is not None:
            _add_all(report, path, "journals of tables", journal_problems(path, *table))
        elif name == layout.EVENTS_NAME:
            _add_all(report, path, "event files", events_problems(path))
        elif layout.is_set_aside(name):
            report.counts["files set aside"] += 1
        elif _is_allowed_temporary(name, names):
            report.counts["temporary files"] += 1
        else:
            report.add(path, _UNEXPECTED)
    check_overlaps(report, spans)


def _check_window(report: Report, path: str, name: ParsedName, schemas: dict[int, Schema]) -> list[Span]:
    spans: list[Span] = []
    try:
        if name.kind == "journal":
            check_journal(report, path, name)
        else:
            spans.append(check_metrics_file(report, path, name, schemas))
    except FileNotFoundError:
        return []
    except BadFileError as error:
        report.add(path, error.reason)
    except (LookupError, ValueError) as error:
        report.add(path, f"its checksums are correct, but its content is not: {error}")
    except OSError as error:
        report.add(path, error.strerror or str(error))
    _check_mode(report, path, FILE_MODE)
    return spans


def _is_allowed_temporary(name: str, names: list[str]) -> bool:
    """Return whether a killed collector may have left a temporary file of this name.

    A temporary file of a window is allowed only next to the journal of the window: closing that journal replaces it.
    """
    final_name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if layout.parse_table_name(final_name) is not None:
        return True
    parsed = layout.parse_name(final_name)
    if parsed is not None and parsed.kind == "metrics":
        return layout.journal_name(parsed.start_ms) in names
    start_ms = layout.set_aside_ms(final_name) if final_name.startswith("superseded-") else None
    return start_ms is not None and layout.journal_name(start_ms) in names


def _add_all(report: Report, path: str, counted_as: str, sentences: Iterable[str]) -> None:
    report.counts[counted_as] += 1
    for sentence in sentences:
        report.add(path, sentence)
    _check_mode(report, path, FILE_MODE)


def _names(report: Report, folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        report.add(folder, error.strerror or str(error))
        return []


def _check_mode(report: Report, path: str, expected: int) -> None:
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
