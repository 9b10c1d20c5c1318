"""Checks the folder of the tiers: files of minutes, and how they are related to merged hours."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from fgm.store.check.folders import check_mode, day_folders, names_in
from fgm.store.check.report import LEFT_OVER, OF_ANOTHER_HOUR, WITHOUT_MINUTES, Report
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, FOLDER_MODE
from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows
from fgm.store.minutes.minutes_file import MinutesFile

MergedHours = Mapping[tuple[str, int], int]
"""Fingerprints of merged hours, by the name of their folder (`dt=…/identifier=…`) and the start of the hour."""


class _Minutes(NamedTuple):
    """A file of minutes. `sources`: fingerprints of the files that it was made of, by name."""

    path: str
    start_ms: int
    duration_ms: int
    sources: Mapping[str, int]


def check_tiers(
    report: Report, data_dir: str, merged: MergedHours, on_file: Callable[[], object], *, with_values: bool
) -> None:
    """Check the tiers of a data directory, which may be missing. `on_file` is called after each file.

    `with_values`: whether to decode the values of all minutes.
    """
    tiers = os.path.join(data_dir, layout.TIERS_FOLDER)
    with_minutes: set[tuple[str, int]] = set()
    if os.path.lexists(tiers):
        check_mode(report, tiers, FOLDER_MODE)
    if not os.path.islink(tiers):
        for day, folder in day_folders(report, tiers):
            relative = os.path.relpath(folder, tiers)
            for hour_ms, fingerprint in _check_folder(report, day, folder, on_file, with_values=with_values):
                with_minutes.add((relative, hour_ms))
                if fingerprint is not None and merged.get((relative, hour_ms), fingerprint) != fingerprint:
                    report.counts[OF_ANOTHER_HOUR] += 1
    if without := merged.keys() - with_minutes:
        report.counts[WITHOUT_MINUTES] += len(without)


def _check_folder(
    report: Report, day_ms: int, folder: str, on_file: Callable[[], object], *, with_values: bool
) -> Iterator[tuple[int, int | None]]:
    """Check a folder. Yield each hour that has minutes, with the fingerprint of its merged file if it is known."""
    files: list[_Minutes] = []
    for name in names_in(report, folder):
        files += _check_name(report, os.path.join(folder, name), day_ms, with_values=with_values)
        on_file()
    days = [file for file in files if file.duration_ms == layout.DAY_MS]
    names_of_days = {name for day in days for name in day.sources}
    for file in files:
        if file.duration_ms == layout.HOUR_MS:
            yield file.start_ms, file.sources.get(layout.hour_name(file.start_ms))
            if os.path.basename(file.path) in names_of_days:
                report.counts[LEFT_OVER] += 1
    for name in names_of_days:
        hour = layout.parse_minutes_name(name)
        if hour is not None:
            yield hour[0], None


def _check_name(report: Report, path: str, day_ms: int, *, with_values: bool) -> Iterator[_Minutes]:
    name = os.path.basename(path)
    final_name = name.removesuffix(layout.TEMPORARY_SUFFIX)
    parsed = layout.parse_minutes_name(final_name)
    if parsed is not None and final_name == name:
        yield from _check_file(report, path, day_ms, *parsed, with_values=with_values)
    elif parsed is not None:
        report.counts["temporary files"] += 1
    elif layout.is_set_aside(name):
        report.counts["files set aside"] += 1
    else:
        report.add(path, "fgm creates nothing with this name here")


def _check_file(
    report: Report, path: str, day_ms: int, start_ms: int, duration_ms: int, *, with_values: bool
) -> Iterator[_Minutes]:
    try:
        file = MinutesFile.open(path)
    except FileNotFoundError:
        return
    except (BadFileError, OSError) as error:
        report.add(path, error.reason if isinstance(error, BadFileError) else str(error))
        return
    try:
        report.counts["files of minutes"] += 1
        if with_values:
            for problem in _problems_of_values(file, start_ms, duration_ms):
                report.add(path, problem)
        for problem in _problems(file, path, day_ms, start_ms, duration_ms):
            report.add(path, problem)
        yield _Minutes(path, start_ms, duration_ms, dict(file.block.sources))
    finally:
        file.close()
    check_mode(report, path, FILE_MODE)


def _problems_of_values(file: MinutesFile, start_ms: int, duration_ms: int) -> Iterator[str]:
    try:
        file.verify()
        end_ms = layout.window_at(start_ms + duration_ms - 1, file.header.rotation_s).end_ms
        for metric in sorted(file.metrics):
            yield from (
                f"metric {metric}: {problem}" for problem in _problems_of_rows(file.rows(metric), start_ms, end_ms)
            )
    except BadFileError as error:
        yield error.reason
    except (OSError, ValueError) as error:
        yield str(error)


def _problems(file: MinutesFile, path: str, day_ms: int, start_ms: int, duration_ms: int) -> Iterator[str]:
    try:
        file.verify_checksums()
    except (BadFileError, OSError) as error:
        yield error.reason if isinstance(error, BadFileError) else str(error)
        return
    end_ms = layout.window_at(start_ms + duration_ms - 1, file.header.rotation_s).end_ms
    if file.block.first_ms < start_ms or file.block.last_ms >= end_ms:
        yield "it has minutes before or after its range"
    identifier = layout.parse_identifier(os.path.basename(os.path.dirname(path)))
    if file.header.identifier != identifier:
        yield f"written by {file.header.identifier}, but in the folder of {identifier}"
    if layout.day_start(start_ms) != day_ms:
        yield "in the folder of another day"
    for name, _ in file.block.sources:
        if not _may_be_source(name, start_ms, duration_ms):
            yield f"it names {name!r} as a source, which is no file of this {_length(duration_ms)}"


def _problems_of_rows(rows: MinuteRows, start_ms: int, end_ms: int) -> Iterator[str]:
    if (rows.time_ms % MINUTE_MS).any():
        yield "it has times that are no minutes"
    if rows.time_ms.min(initial=end_ms) < start_ms or rows.time_ms.max(initial=start_ms) >= end_ms:
        yield "it has minutes before or after its range"
    if (rows.count < 1).any():
        yield "it has minutes without values"
    is_between = [(rows.min <= values) & (values <= rows.max) for values in (rows.mean, rows.last)]
    if not np.all(is_between):
        yield "it has values that are not between the lowest and the highest"


def _length(duration_ms: int) -> str:
    return "hour" if duration_ms == layout.HOUR_MS else "day"


def _may_be_source(name: str, start_ms: int, duration_ms: int) -> bool:
    if duration_ms == layout.HOUR_MS:
        return name == layout.hour_name(start_ms)
    parsed = layout.parse_minutes_name(name)
    return parsed is not None and parsed[1] == layout.HOUR_MS and layout.day_start(parsed[0]) == start_ms
