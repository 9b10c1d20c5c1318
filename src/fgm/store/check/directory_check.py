"""What always holds in a data directory, as one function: for `fgm check`, and for the end of every test's scenario.

It holds at any moment, also while a collector records and after one was killed. So a journal that the next start will
close, bytes of a frame that the kill cut off, and a temporary file that will be written again are no problems; they are
counted. It only reads, and what vanishes meanwhile was closed or removed.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fgm.store.check.process_table_check import details_problems
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, FOLDER_MODE
from fgm.store.directory.layout import ParsedName
from fgm.store.directory.opening import open_regular
from fgm.store.errors import BadFileError
from fgm.store.events_file import event_problems
from fgm.store.index import index_file
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.journal.journal_writer import whole_length
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import order

_PUBLISHED = (layout.INDEX_NAME, layout.SESSION_NAME)
_KNOWN_NAMES = {layout.LOCK_NAME, *_PUBLISHED, *(name + layout.TEMPORARY_SUFFIX for name in _PUBLISHED)}


@dataclass(slots=True)
class Report:
    """What was found. `problems`: a path and a sentence each; `counts`: how much of what was looked at."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def summary(self) -> str:
        """One line for people."""
        looked_at = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items())) or "nothing"
        return f"{looked_at}: " + (f"{len(self.problems)} wrong" if self.problems else "all in order")

    def add(self, path: str, sentence: str) -> None:
        """Note a problem."""
        self.problems.append((path, sentence))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that every file of one format version has, as the first such file had them."""

    path: str
    names: tuple[str, ...]


_Span = tuple[int, int, str]
"""A Parquet file's first and last tick, and its path."""


_OF_FILE_SYSTEM = "lost+found"
"""Where the data directory is a disk of its own."""


def check(data_dir: str) -> Report:
    """Look at everything in a data directory; never raises on what is in it."""
    report = Report()
    if not os.path.isdir(data_dir):
        report.add(data_dir, "there is no such directory")
        return report
    columns: dict[int, _Columns] = {}
    for name in _names(report, data_dir):
        path = os.path.join(data_dir, name)
        if layout.parse_day(name) is not None:
            _check_day(report, path, columns)
        elif name in _KNOWN_NAMES:
            _check_mode(report, path, FILE_MODE)
        elif not index_file.is_bad_name(name) and name != _OF_FILE_SYSTEM:
            report.add(path, "not a name that belongs here")
    _check_index(report, os.path.join(data_dir, layout.INDEX_NAME))
    return report


def _check_day(report: Report, day: str, columns: dict[int, _Columns]) -> None:
    if os.path.islink(day):
        report.add(day, "a link: data lies in the directory itself")
        return
    _check_mode(report, day, FOLDER_MODE)
    for name in _names(report, day):
        folder = os.path.join(day, name)
        if layout.parse_identifier(name) is None:
            report.add(folder, "not an identifier= folder")
            continue
        if os.path.islink(folder):
            report.add(folder, "a link: data lies in the directory itself")
            continue
        _check_mode(report, folder, FOLDER_MODE)
        _check_files(report, folder, columns)


def _check_files(report: Report, folder: str, columns: dict[int, _Columns]) -> None:
    names = _names(report, folder)
    midnight_ms = layout.parse_day(os.path.basename(os.path.dirname(folder)))
    spans: list[_Span] = []
    for name in names:
        path = os.path.join(folder, name)
        parsed = layout.parse_name(name)
        if parsed is not None:
            if layout.day_start(parsed.start_ms) != midnight_ms:
                report.add(path, "in the folder of another day")
            spans += _check_file(report, path, parsed, columns)
        elif (of_details := layout.parse_detail_name(name)) is not None:
            _check_beside(report, path, f"{of_details[0]} files", details_problems(path, *of_details))
        elif name == layout.EVENTS_NAME:
            _check_beside(report, path, "event files", event_problems(path))
        elif layout.is_set_aside(name):
            report.counts["files set aside"] += 1
        elif _will_be_written_again(name, names) or _is_of_details(name):
            report.counts["temporary files"] += 1
        else:
            report.add(path, "not a name that belongs here")
    _check_overlaps(report, spans)


def _check_file(report: Report, path: str, parsed: ParsedName, columns: dict[int, _Columns]) -> list[_Span]:
    spans: list[_Span] = []
    try:
        if parsed.kind == "journal":
            _check_journal(report, path, parsed)
        else:
            spans.append(_check_parquet(report, path, parsed, columns))
    except FileNotFoundError:
        return []
    except BadFileError as error:
        report.add(path, error.reason)
    except (LookupError, ValueError) as error:
        report.add(path, f"its checksums are right, but it makes no sense: {error}")
    except OSError as error:
        report.add(path, error.strerror or str(error))
    _check_mode(report, path, FILE_MODE)
    return spans


def _will_be_written_again(name: str, names: list[str]) -> bool:
    """Say whether a temporary name is of a window whose journal is still there: whoever closes it replaces both."""
    parsed = layout.parse_name(name.removesuffix(layout.TEMPORARY_SUFFIX))
    return parsed is not None and parsed.kind == "metrics" and layout.journal_name(parsed.start_ms) in names


def _is_of_details(name: str) -> bool:
    """Say whether a temporary name is of a table beside the metrics, which a kill may leave."""
    return layout.parse_detail_name(name.removesuffix(layout.TEMPORARY_SUFFIX)) is not None


def _check_parquet(report: Report, path: str, parsed: ParsedName, columns: dict[int, _Columns]) -> tuple[int, int, str]:
    file = WindowFile.open(path)
    try:
        file.verify()
        directory = file.directory
        report.counts["Parquet files"] += 1
        report.counts["rows"] += directory.rows
        names = tuple(directory.columns)
        first = columns.setdefault(file.header.format_version, _Columns(path, names))
        if names != first.names:
            report.add(path, f"other columns than {first.path}, which has the same format version")
        firsts = [run.first for run in directory.runs]
        ends = [run.first + run.count for run in directory.runs]
        if [*firsts, directory.rows] != [0, *ends]:
            report.add(path, "its series do not cover its rows once each")
        places = [order(series) for series in file.series]
        if places != sorted(places):
            report.add(path, "its series are not in order")
        chunks = file.chunks(())
        _check_rows(report, path, parsed, file.header, chunks)
        found = (min(int(c.time_ms[0]) for c in chunks), max(int(c.time_ms[-1]) for c in chunks))
        if found != (directory.first_ms, directory.last_ms):
            report.add(path, "its first or last tick is not the one that it says")
        return *found, path
    finally:
        file.close()


def _check_beside(report: Report, path: str, counted: str, sentences: Iterable[str]) -> None:
    report.counts[counted] += 1
    for sentence in sentences:
        report.add(path, sentence)
    _check_mode(report, path, FILE_MODE)


def _check_journal(report: Report, path: str, parsed: ParsedName) -> None:
    reader = JournalReader(path)
    try:
        report.counts["journals"] += 1
        report.counts["bytes of cut off frames"] += _torn_bytes(path)
        chunks = reader.chunks(())
        if chunks:
            _check_rows(report, path, parsed, reader.header, chunks)
    finally:
        reader.close()


def _torn_bytes(path: str) -> int:
    fd = open_regular(path)
    try:
        return os.fstat(fd).st_size - whole_length(fd)
    finally:
        os.close(fd)


def _check_rows(report: Report, path: str, parsed: ParsedName, header: FileHeader, chunks: list[Chunk]) -> None:
    identifier = layout.parse_identifier(os.path.basename(os.path.dirname(path)))
    if header.identifier != identifier:
        report.add(path, f"written by {header.identifier}, but in the folder of {identifier}")
    end_ms = layout.window_at(parsed.start_ms, header.rotation_s).end_ms
    if parsed.duration_ms is not None:
        last_start_ms = parsed.start_ms + parsed.duration_ms - 1
        end_ms = layout.window_at(last_start_ms, header.rotation_s).end_ms
    keys = Counter(chunk.series.key for chunk in chunks)
    for key in (key for key, count in keys.items() if count > 1):
        report.add(path, f"the series {key} is there twice")
    for chunk in chunks:
        if np.any(np.diff(chunk.time_ms) <= 0):
            report.add(path, f"rows of {chunk.series.key} are not in ascending time")
        if chunk.series.scope == "container":  # its last row is read when its last process ends, between two ticks
            if np.any(np.diff(chunk.time_ms + chunk.late_ms) < 0):
                report.add(path, f"rows of {chunk.series.key} were read before those before them")
        elif np.any(chunk.late_ms < -1):
            report.add(path, f"rows of {chunk.series.key} were read before their tick")
        if chunk.time_ms.min() < parsed.start_ms or chunk.time_ms.max() >= end_ms:
            report.add(path, f"rows of {chunk.series.key} are outside its window")


def _check_overlaps(report: Report, spans: list[_Span]) -> None:
    """Look for rows that two files have: spans overlap only where the rotation interval was changed, or in a merge."""
    reaching: list[tuple[int, str]] = []
    for first_ms, last_ms, path in sorted(spans):
        reaching = [(end_ms, earlier) for end_ms, earlier in reaching if end_ms >= first_ms]
        for _, earlier in reaching:
            _check_no_row_twice(report, earlier, path)
        reaching.append((last_ms, path))


def _check_no_row_twice(report: Report, earlier: str, later: str) -> None:
    try:
        seen = dict(_times(earlier))
        for key, time_ms in _times(later):
            if key in seen and np.isin(time_ms, seen[key]).any():
                report.add(later, f"has rows of {key} that {os.path.basename(earlier)} has too")
    except (OSError, BadFileError):
        return


def _times(path: str) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    file = WindowFile.open(path)
    try:
        for chunk in file.chunks(()):
            yield chunk.series.key, chunk.time_ms
    finally:
        file.close()


def _check_index(report: Report, path: str) -> None:
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
        report.add(path, "a symbolic link, which no reader follows")
    elif not is_kind(status.st_mode):
        report.add(path, "not a folder" if expected == FOLDER_MODE else "not a regular file")
    elif mode != expected:
        report.add(path, f"its mode is {mode:04o}, not {expected:04o}: a viewer may not be able to read it")
