"""Publishes merged files, and finishes or undoes what a kill has interrupted. The only part that removes sources.

Before the rename of a merged file, readers see nothing of a merge. After it, they know from the names and fingerprints
in its block that they must not read the sources, which are removed next. A pattern of another tool matches both for the
time of these removals.

The caller must ensure that no window is made from another file meanwhile.
"""

import contextlib
import os
from collections.abc import Iterable

from fgm.collector.merging.fingerprints import fingerprint_of
from fgm.collector.merging.job import Outcome
from fgm.collector.merging.planner import HourFiles, hour_of, twice_stored
from fgm.store.directory import atomic, layout
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.ownership import is_being_merged
from fgm.store.parquet.block import has_block
from fgm.store.parquet.window_file import WindowFile
from fgm.store.tables import process_tables
from fgm.store.tables.table_file import TableFile


class ChangedError(Exception):
    """A source was replaced or removed since it was read, so the merged files are not published."""


def publish(data_dir: str, outcome: Outcome) -> None:
    """Rename the files of an outcome, and remove their sources.

    Raises: ChangedError if a source has changed, or the hour has got another window; OSError. Nothing is lost then.
    """
    for path, fingerprint in outcome.expected:
        if fingerprint_of(os.path.join(data_dir, path)) != fingerprint:
            raise ChangedError(path)
    _check_that_no_window_came(data_dir, outcome)
    for path in outcome.files:
        final = os.path.join(data_dir, path)
        os.rename(final + layout.TEMPORARY_SUFFIX, final)
    fingerprints = dict(outcome.expected)
    for path in outcome.obsolete:
        source = os.path.join(data_dir, path)
        is_table = layout.parse_table_name(os.path.basename(path)) is not None
        if is_table and fingerprint_of(source) != fingerprints[path]:
            continue  # the task that records tables does not wait for merges, and has just replaced it
        with contextlib.suppress(FileNotFoundError):
            os.unlink(source)
    for folder in dict.fromkeys(os.path.dirname(path) for path in (*outcome.files, *outcome.obsolete)):
        _sync(os.path.join(data_dir, folder))


def _check_that_no_window_came(data_dir: str, outcome: Outcome) -> None:
    """Raise ChangedError if the hour has a window or journal that is not in its merged file.

    That window would hide rows of the merged file, of windows of another length, that were not merged when it was made.
    """
    for path in outcome.files:
        folder, name = os.path.split(path)
        hour = layout.parse_name(name)
        if hour is None:
            continue
        for other in _names(os.path.join(data_dir, folder)):
            parsed = layout.parse_name(other)
            if parsed is None or parsed.duration_ms is not None or os.path.join(folder, other) in outcome.obsolete:
                continue
            if hour_of(parsed.start_ms) == hour.start_ms:
                raise ChangedError(os.path.join(folder, other))


def remove_temporaries(folder: str) -> None:
    """Remove the temporary files of merges from a folder. It need not exist.

    Raises: OSError.
    """
    for name in filter(is_being_merged, _names(folder)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def finish(folder: str) -> int:
    """Remove the sources of merged files that a kill has left in a folder; return their number.

    Raises: OSError.
    """
    removed = 0
    for hour in twice_stored(_names(folder)):
        for name in (*_merged_windows(folder, hour), *_merged_tables(folder, hour)):
            os.unlink(os.path.join(folder, name))
            removed += 1
    if removed:
        _sync(folder)
    return removed


def finish_minutes(folder: str) -> None:
    """Remove the minutes of hours that are in the file of their day, which a kill has left.

    Raises: OSError.
    """
    names = _names(folder)
    minutes = {name: parsed for name in names if (parsed := layout.parse_minutes_name(name)) is not None}
    if len({duration_ms for _, duration_ms in minutes.values()}) < 2:
        return
    sources: dict[str, int] = {}
    for name, (_, duration_ms) in minutes.items():
        if duration_ms == layout.DAY_MS:
            sources |= _sources_of_minutes(os.path.join(folder, name))[1]
    for name, (_, duration_ms) in minutes.items():
        path = os.path.join(folder, name)
        if duration_ms == layout.HOUR_MS and name in sources and _sources_of_minutes(path)[0] == sources[name]:
            os.unlink(path)


def _sources_of_minutes(path: str) -> tuple[int | None, dict[str, int]]:
    """Return the fingerprint and the sources of a file of minutes; None and no sources if it cannot be read."""
    try:
        file = MinutesFile.open(path)
    except (BadFileError, FileNotFoundError):
        return None, {}
    file.close()
    return file.fingerprint, dict(file.block.sources)


def set_aside_damaged(path: str) -> str | None:
    """Rename a source if it is damaged and fgm's, so that its hour or day can be merged without it.

    Return its new path; None if it is not damaged, or has no mark of fgm.

    Raises: OSError.
    """
    try:
        _verify(path)
    except FileNotFoundError:
        return None
    except BadFileError:
        name = os.path.basename(path)
        return atomic.set_aside(path, f"bad-{name}") if _is_marked(path) else None
    return None  # it was replaced since


def _verify(path: str) -> None:
    name = os.path.basename(path)
    if layout.parse_table_name(name) is not None:
        process_tables.verify(path)
        return
    kind = WindowFile if layout.parse_minutes_name(name) is None else MinutesFile
    file = kind.open(path)
    try:
        file.verify()
    finally:
        file.close()


def _is_marked(path: str) -> bool:
    try:
        fd = open_regular(path)
    except (BadFileError, FileNotFoundError):
        return False
    try:
        return has_block(fd)
    finally:
        os.close(fd)


def _merged_windows(folder: str, hour: HourFiles) -> list[str]:
    """Return those of the windows of an hour whose rows are in its merged file."""
    if not hour.windows:
        return []
    try:
        file = WindowFile.open(os.path.join(folder, layout.hour_name(hour.hour_ms)))
    except (BadFileError, FileNotFoundError):
        return []
    file.close()
    return _sources_among(folder, hour.windows, file.block.sources)


def _merged_tables(folder: str, hour: HourFiles) -> list[str]:
    """Return those of the tables of an hour whose rows are in the merged table of their kind."""
    sources: dict[str, int] = {}
    for kind in {table[0] for name in hour.tables if (table := layout.parse_table_name(name)) is not None}:
        try:
            with TableFile.open(os.path.join(folder, layout.table_hour_name(kind, hour.hour_ms))) as table_file:
                sources |= dict(table_file.block.sources)
        except (BadFileError, FileNotFoundError):
            continue
    return _sources_among(folder, hour.tables, sources.items())


def _sources_among(folder: str, names: Iterable[str], sources: Iterable[tuple[str, int]]) -> list[str]:
    fingerprints = dict(sources)
    return [
        name
        for name in names
        if name in fingerprints and fingerprint_of(os.path.join(folder, name)) == fingerprints[name]
    ]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
