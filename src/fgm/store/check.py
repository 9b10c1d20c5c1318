"""What always holds in a data directory, as one function: for `fgm check`, and for the end of every test's scenario.

It only reads, and may be used while a collector records: what vanishes meanwhile was closed or removed, and a
temporary file counts as left over only when nobody holds the lock.
"""

import fcntl
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fgm.store import index as index_file
from fgm.store import layout
from fgm.store.atomic import FILE_MODE, FOLDER_MODE
from fgm.store.block import WindowFile
from fgm.store.chunk import Chunk
from fgm.store.errors import BadFileError
from fgm.store.header import FileHeader
from fgm.store.journal_reader import JournalReader
from fgm.store.opening import open_regular

_KNOWN_FILES = {layout.INDEX_NAME, layout.LOCK_NAME}


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


def check(data_dir: str) -> Report:
    """Look at everything in a data directory."""
    report = Report()
    try:
        names = sorted(os.listdir(data_dir))
    except OSError as error:
        report.problems.append((data_dir, error.strerror or str(error)))
        return report
    recording = _is_locked(data_dir)
    schemas: dict[int, tuple[str, frozenset[str]]] = {}
    for name in names:
        path = os.path.join(data_dir, name)
        if layout.parse_day(name) is not None:
            for folder in _folders(report, path):
                _check_writer(report, folder, schemas, recording=recording)
        elif name in _KNOWN_FILES:
            _check_mode(report, path, FILE_MODE)
        elif not index_file.is_bad_name(name) and not (recording and name.endswith(layout.TEMPORARY_SUFFIX)):
            report.problems.append((path, "not a name that belongs here"))
    _check_index(report, os.path.join(data_dir, layout.INDEX_NAME))
    return report


def _folders(report: Report, day: str) -> Iterator[str]:
    _check_mode(report, day, FOLDER_MODE)
    for name in sorted(os.listdir(day)):
        if layout.parse_identifier(name) is None:
            report.problems.append((os.path.join(day, name), "not an identifier= folder"))
        else:
            yield os.path.join(day, name)


def _check_writer(
    report: Report, folder: str, schemas: dict[int, tuple[str, frozenset[str]]], *, recording: bool
) -> None:
    _check_mode(report, folder, FOLDER_MODE)
    day_ms = layout.parse_day(os.path.basename(os.path.dirname(folder)))
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        parsed = layout.parse_name(name)
        if parsed is None:
            temporary = recording and name.endswith(layout.TEMPORARY_SUFFIX)
            if not temporary and not layout.is_set_aside(name):
                report.problems.append((path, "not a name that belongs here"))
            continue
        if layout.day_start(parsed.start_ms) != day_ms:
            report.problems.append((path, "in another day's folder"))
        try:
            if parsed.kind == "journal":
                _check_journal(report, path, parsed)
            else:
                _check_parquet(report, path, parsed, schemas)
        except FileNotFoundError:
            continue
        except BadFileError as error:
            report.problems.append((path, error.reason))
        _check_mode(report, path, FILE_MODE)


def _check_parquet(
    report: Report, path: str, parsed: layout.ParsedName, schemas: dict[int, tuple[str, frozenset[str]]]
) -> None:
    file = WindowFile.open(path)
    try:
        file.verify()
        report.counts["Parquet files"] += 1
        report.counts["rows"] += file.directory.rows
        columns = frozenset(file.directory.columns)
        first_path, expected = schemas.setdefault(file.header.format_version, (path, columns))
        if columns != expected:
            report.problems.append((path, f"other columns than {first_path} of the same format version"))
        keys = Counter(series.key for series in file.series)
        report.problems += [(path, f"series {key} is there twice") for key, count in keys.items() if count > 1]
        _check_rows(report, path, parsed, file.header, file.chunks(()))
    finally:
        file.close()


def _check_journal(report: Report, path: str, parsed: layout.ParsedName) -> None:
    reader = JournalReader(path)
    try:
        report.counts["journals"] += 1
        if reader.first_ms is not None:
            _check_rows(report, path, parsed, reader.header, reader.chunks(()))
    finally:
        reader.close()


def _check_rows(report: Report, path: str, parsed: layout.ParsedName, header: FileHeader, chunks: list[Chunk]) -> None:
    end_ms = layout.window_at(parsed.start_ms, header.rotation_s).end_ms
    if parsed.duration_ms is not None:
        end_ms = max(end_ms, parsed.start_ms + parsed.duration_ms + header.rotation_s * 1000)
    for chunk in chunks:
        if np.any(np.diff(chunk.time_ms) <= 0):
            report.problems.append((path, f"rows of {chunk.series.key} are not in ascending time"))
        if chunk.time_ms.min() < parsed.start_ms or chunk.time_ms.max() >= end_ms:
            report.problems.append((path, f"rows of {chunk.series.key} are outside its window"))


def _check_index(report: Report, path: str) -> None:
    try:
        index = index_file.load(path)
    except BadFileError as error:
        report.problems.append((path, error.reason))
        return
    report.counts["containers"] += len(index.entries)
    for key, entry in index.entries.items():
        if not entry.full_id.startswith(key):
            report.problems.append((path, f"the key {key} is not the start of {entry.full_id}"))
        if entry.first_seen_ms > entry.last_seen_ms:
            report.problems.append((path, f"container {key} was last seen before it was first seen"))
        if index.latest_ms is not None and entry.last_seen_ms > index.latest_ms:
            report.problems.append((path, f"container {key} was last seen after the latest data"))
    if index.earliest_ms is not None and index.latest_ms is not None and index.earliest_ms > index.latest_ms:
        report.problems.append((path, "its data range ends before it begins"))


def _check_mode(report: Report, path: str, expected: int) -> None:
    try:
        mode = stat.S_IMODE(os.stat(path, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return
    if mode != expected:
        report.problems.append(
            (path, f"its mode is {mode:04o}, not {expected:04o}: a viewer may not be able to read it")
        )


def _is_locked(data_dir: str) -> bool:
    try:
        fd = open_regular(os.path.join(data_dir, layout.LOCK_NAME))
    except (FileNotFoundError, BadFileError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
