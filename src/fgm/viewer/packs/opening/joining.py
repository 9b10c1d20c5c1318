"""Joins the data of two packs in one data directory, such as those of before and after a fix."""

import os
from dataclasses import replace

import numpy as np

from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.index import first_seen, index_file
from fgm.store.index.index_file import Index
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.packs.pack_format import BadPackError

Range = tuple[int, int]
"""A range [from_ms, to_ms)."""
ALWAYS: Range = (0, END_OF_TIME_MS)
_Times = dict[tuple[str | None, str], np.ndarray]


def join(data_dir: str, other_dir: str, within: Range = ALWAYS, other_within: Range = ALWAYS) -> None:
    """Move the files of another data directory to a data directory.

    If both have a file of the same name, such as of the same hour, that of the other one gets a folder of its own.
    `within`, `other_within`: the ranges [from_ms, to_ms) that their packs are about. Packs have a few samples around
    them, such as those for the first rates, which two packs that follow each other both have.

    Raises: BadPackError if both have samples of the same series and time in their ranges.
    """
    shared = _times(data_dir, within)
    for key, times in _times(other_dir, other_within).items():
        if key in shared and np.isin(times, shared[key]).any():
            raise BadPackError("it has samples that the packs before it have, too: open one of them")
    for day, folder in _writers(other_dir):
        identifier, source = layout.parse_identifier(folder) or "", os.path.join(other_dir, day, folder)
        names, number = os.listdir(source), 1
        target = os.path.join(data_dir, day, folder)
        while any(os.path.lexists(os.path.join(target, name)) for name in names):
            number += 1
            target = os.path.join(data_dir, day, layout.identifier_folder(f"{identifier[:240]}.{number}"))
        os.makedirs(target, exist_ok=True)
        for name in names:
            os.rename(os.path.join(source, name), os.path.join(target, name))
    _join_first_seen(data_dir, other_dir)
    paths = [os.path.join(folder, layout.INDEX_NAME) for folder in (data_dir, other_dir)]
    joined = joined_index(*map(index_file.load, paths))
    with open(paths[0], "wb") as file:
        file.write(index_file.dump(joined))


def joined_index(first: Index, second: Index) -> Index:
    """Return an index with the containers of two. The facts are those of the later entry."""
    entries = dict(first.entries)
    keys = {entry.full_id: key for key, entry in entries.items()}
    for key, entry in second.entries.items():
        earlier = entries.pop(keys.get(entry.full_id, ""), entry)
        later = max(earlier, entry, key=lambda each: each.last_seen_ms)
        first_ms = min(earlier.first_seen_ms, entry.first_seen_ms)
        entries[key if key not in entries else entry.full_id] = replace(later, first_seen_ms=first_ms)
    earliest = [each.earliest_ms for each in (first, second) if each.earliest_ms is not None]
    latest = [each.latest_ms for each in (first, second) if each.latest_ms is not None]
    return replace(
        first,
        entries=entries,
        updated_ms=max(first.updated_ms, second.updated_ms),
        earliest_ms=min(earliest, default=None),
        latest_ms=max(latest, default=None),
    )


def _join_first_seen(data_dir: str, other_dir: str) -> None:
    """Keep the earlier of the times at which the series of both directories were first seen."""
    path = os.path.join(data_dir, layout.FIRST_SEEN_NAME)
    seen_ms = first_seen.load(os.path.join(other_dir, layout.FIRST_SEEN_NAME))
    for key, time_ms in first_seen.load(path).items():
        seen_ms[key] = min(time_ms, seen_ms.get(key, time_ms))
    with open(path, "wb") as file:
        file.write(first_seen.dump(seen_ms))


def _times(data_dir: str, within: Range) -> _Times:
    """Return the ticks of each series in a range, by node and key."""
    from_ms, to_ms = within
    times: dict[tuple[str | None, str], list[np.ndarray]] = {}
    for day, folder in _writers(data_dir):
        path = os.path.join(data_dir, day, folder)
        for name in os.listdir(path):
            if layout.parse_name(name) is not None:
                file = WindowFile.open(os.path.join(path, name))
                for chunk in file.chunks((), with_late=False):
                    is_within = (chunk.time_ms >= from_ms) & (chunk.time_ms < to_ms)
                    times.setdefault((file.header.node_name, chunk.series.key), []).append(chunk.time_ms[is_within])
                file.close()
    return {key: np.concatenate(parts) for key, parts in times.items()}


def _writers(data_dir: str) -> list[tuple[str, str]]:
    """Return the folders of days and writers."""
    days = [day for day in os.listdir(data_dir) if layout.parse_day(day) is not None]
    return [(day, folder) for day in days for folder in os.listdir(os.path.join(data_dir, day))]
