"""Checks a whole data directory, for `fgm check` and at the end of every test scenario.

The invariants are true at any moment, even while a collector records and merges, and after a collector was killed. Some
things are therefore counted but are not problems: a journal that the next start will close, the bytes of a torn frame,
a temporary file that will be written again or removed, and a file next to the merged file that it is a source of. The
check changes nothing. It ignores files that vanish while it runs, because the collector may close, merge or remove
files at any time.
"""

import os
from collections.abc import Callable, Iterable

from fgm.store.check.events_check import events_problems
from fgm.store.check.folders import check_mode, day_folders, names_in
from fgm.store.check.index_check import check_first_seen, check_index
from fgm.store.check.minutes_check import check_tiers
from fgm.store.check.overlap_check import check_overlaps
from fgm.store.check.process_table_check import Table, check_sources, check_table, journal_problems
from fgm.store.check.report import Report
from fgm.store.check.schema_check import Schemas, read_schemas
from fgm.store.check.window_check import Span, check_journal, check_metrics_file
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE
from fgm.store.directory.layout import ParsedName
from fgm.store.errors import BadFileError
from fgm.store.index import index_file

_PUBLISHED = (layout.INDEX_NAME, layout.SESSION_NAME, layout.COLUMNS_NAME, layout.FIRST_SEEN_NAME)
_TOP_NAMES = {layout.LOCK_NAME, *_PUBLISHED, *(name + layout.TEMPORARY_SUFFIX for name in _PUBLISHED)}

_TRIAL_NAME = layout.LOCK_NAME + layout.TEMPORARY_SUFFIX
"""File that a starting collector creates and removes at once, to find out whether it may write. The next one removes it
if the first was killed in between."""
_OF_FILE_SYSTEM = "lost+found"
"""Folder that ext4 creates at the top of a disk; allowed because the data directory may be a whole disk."""

_UNEXPECTED = "fgm creates nothing with this name here"


def check(data_dir: str, *, with_values: bool = True, on_file: Callable[[], object] = lambda: None) -> Report:
    """Check everything in a data directory and return a report.

    Errors in files, and errors of reading them, become problems in the report; they are never raised. `with_values`:
    whether to decode the values of all metrics, after checking their checksums. `on_file` is called after each file.
    """
    report = Report()
    if not os.path.isdir(data_dir):
        report.add(data_dir, "there is no such directory")
        return report
    for name in names_in(report, data_dir):
        path = os.path.join(data_dir, name)
        if name in _TOP_NAMES:
            check_mode(report, path, FILE_MODE)
        elif layout.parse_day(name) is None and not _is_allowed(name):
            report.add(path, _UNEXPECTED)
    folders = _Folders(report, read_schemas(report, data_dir), with_values=with_values, on_file=on_file)
    for day_ms, folder in day_folders(report, data_dir):
        folders.check(day_ms, folder)
    merged = {
        (os.path.relpath(os.path.dirname(span.path), data_dir), span.name.start_ms): span.source.fingerprint
        for span in folders.merged
    }
    check_tiers(report, data_dir, merged, on_file, with_values=with_values)
    check_index(report, os.path.join(data_dir, layout.INDEX_NAME))
    check_first_seen(report, os.path.join(data_dir, layout.FIRST_SEEN_NAME))
    return report


def _is_allowed(name: str) -> bool:
    return name in {_TRIAL_NAME, _OF_FILE_SYSTEM, layout.TIERS_FOLDER} or index_file.is_bad_name(name)


class _Folders:
    """Checks the folders of all days and writers, one after the other. `merged`: the merged hours in them."""

    def __init__(self, report: Report, schemas: Schemas, *, with_values: bool, on_file: Callable[[], object]) -> None:
        self.merged: list[Span] = []
        self._report = report
        self._schemas = schemas
        self._with_values = with_values
        self._on_file = on_file

    def check(self, day_ms: int, folder: str) -> None:
        """Check the files in the folder of a writer."""
        names = names_in(self._report, folder)
        spans: list[Span] = []
        tables: list[Table] = []
        for name in names:
            path, parsed = os.path.join(folder, name), layout.parse_name(name)
            if parsed is not None:
                if layout.day_start(parsed.start_ms) != day_ms:
                    self._report.add(path, "in the folder of another day")
                spans += self._check_window(path, parsed)
            elif (found := self._check_table(path, name)) is not None:
                tables += found
            else:
                self._check_other(path, name, names)
            self._on_file()
        check_overlaps(self._report, spans)
        check_sources(self._report, tables)
        self.merged += [span for span in spans if span.name.duration_ms is not None]

    def _check_window(self, path: str, name: ParsedName) -> list[Span]:
        spans: list[Span] = []
        report = self._report
        try:
            if name.kind == "journal":
                check_journal(report, path, name)
            else:
                spans.append(check_metrics_file(report, path, name, self._schemas, with_values=self._with_values))
        except FileNotFoundError:
            return []
        except BadFileError as error:
            report.add(path, error.reason)
        except (LookupError, ValueError) as error:
            report.add(path, f"its checksums are correct, but its content is not: {error}")
        except OSError as error:
            report.add(path, error.strerror or str(error))
        check_mode(report, path, FILE_MODE)
        return spans

    def _check_table(self, path: str, name: str) -> list[Table] | None:
        """Check a table or the journal of a table; return the table, or None if the name is of neither."""
        if (journal := layout.parse_table_journal_name(name)) is not None:
            self._add_all(path, "journals of tables", journal_problems(path, *journal))
            return []
        window, hour = layout.parse_table_name(name), layout.parse_table_hour_name(name)
        parsed = window or hour
        if parsed is None:
            return None
        kind, start_ms = parsed
        self._report.counts[f"{kind} files"] += 1
        tables = list(check_table(self._report, path, kind, start_ms, is_hour=hour is not None))
        check_mode(self._report, path, FILE_MODE)
        return tables

    def _check_other(self, path: str, name: str, names: list[str]) -> None:
        if name == layout.EVENTS_NAME:
            self._add_all(path, "event files", events_problems(path))
        elif layout.is_set_aside(name):
            self._report.counts["files set aside"] += 1
        elif _is_allowed_temporary(name, names):
            self._report.counts["temporary files"] += 1
        else:
            self._report.add(path, _UNEXPECTED)

    def _add_all(self, path: str, counted_as: str, sentences: Iterable[str]) -> None:
        self._report.counts[counted_as] += 1
        for sentence in sentences:
            self._report.add(path, sentence)
        check_mode(self._report, path, FILE_MODE)


def _is_allowed_temporary(name: str, names: list[str]) -> bool:
    """Return whether a collector may be writing a temporary file of this name, or may have left it when it was killed.

    A temporary file of a window is allowed only next to the journal of the window: closing that journal replaces it.
    """
    final_name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    if (layout.parse_table_name(final_name) or layout.parse_table_hour_name(final_name)) is not None:
        return True
    parsed = layout.parse_name(final_name)
    if parsed is not None and parsed.kind == "metrics":
        return parsed.duration_ms is not None or layout.journal_name(parsed.start_ms) in names
    start_ms = layout.set_aside_ms(final_name) if final_name.startswith("superseded-") else None
    return start_ms is not None and layout.journal_name(start_ms) in names
