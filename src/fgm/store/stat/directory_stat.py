"""Adds up the files of a data directory: by day, by kind of file and by metric. Each sample counts once.

Files that vanish while it works are left out: a collector may merge or remove them.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.stat.file_stat import ColumnStat, FileStat, read_file

Kind = Literal["windows", "hours", "tables", "minutes", "journals", "events", "set aside", "other"]
KINDS: tuple[Kind, ...] = ("windows", "hours", "tables", "minutes", "journals", "events", "set aside", "other")
"""Kinds of files. `tables`: process, region and labelled tables, merged or not."""


class StoredFile(NamedTuple):
    """A file in the folder of a day.

    `disk_bytes`: the space that it takes, in whole blocks of the file system, as retention counts it. `start_ms`: start
    of a window, an hour or minutes, by its name; else None.
    """

    path: str
    day: str
    kind: Kind
    size_bytes: int
    disk_bytes: int
    start_ms: int | None


@dataclass(slots=True)
class Sums:
    """Files and samples of one day, or of all. `merged_values`: those of `values` that are in merged hours."""

    files: Counter[Kind] = field(default_factory=Counter)
    size_bytes: Counter[Kind] = field(default_factory=Counter)
    disk_bytes: Counter[Kind] = field(default_factory=Counter)
    rows: int = 0
    values: int = 0
    merged_values: int = 0

    def add(self, other: "Sums") -> None:
        """Add the files and samples of another day."""
        self.files.update(other.files)
        self.size_bytes.update(other.size_bytes)
        self.disk_bytes.update(other.disk_bytes)
        self.rows += other.rows
        self.values += other.values
        self.merged_values += other.merged_values

    @property
    def raw_disk_bytes(self) -> int:
        """Space of all files but minutes and events."""
        return self.disk_bytes.total() - self.tiers_disk_bytes

    @property
    def tiers_disk_bytes(self) -> int:
        """Space of minutes and events."""
        return self.disk_bytes["minutes"] + self.disk_bytes["events"]

    @property
    def sample_bytes(self) -> int:
        """Size of all windows and merged hours."""
        return self.size_bytes["windows"] + self.size_bytes["hours"]

    @property
    def bytes_per_value(self) -> float | None:
        """Size of windows and merged hours, divided by their values; None if there are none."""
        return self.sample_bytes / self.values if self.values else None

    @property
    def bytes_per_value_with_minutes(self) -> float | None:
        """The same, with the minutes."""
        return (self.sample_bytes + self.size_bytes["minutes"]) / self.values if self.values else None


@dataclass(slots=True)
class DirectoryStat:
    """Contents of a data directory.

    `metrics`: by name, including `late_us`. `unreadable`: paths of metrics files that are damaged. `first_ms`,
    `last_ms`: first and last tick in a file; `minutes_first_ms`: start of the oldest minutes. `writers`: identifiers.
    """

    days: dict[str, Sums] = field(default_factory=dict)
    metrics: dict[str, ColumnStat] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    writers: set[str] = field(default_factory=set)
    first_ms: int | None = None
    last_ms: int | None = None
    minutes_first_ms: int | None = None

    @property
    def total(self) -> Sums:
        """The sums over all days."""
        total = Sums()
        for sums in self.days.values():
            total.add(sums)
        return total


def stored_files(data_dir: str) -> list[StoredFile]:
    """Return the files in the folders of all days, in order of day, writer and name.

    Raises: OSError if the directory cannot be listed.
    """
    os.listdir(data_dir)
    return sorted(file for parent in (data_dir, os.path.join(data_dir, layout.TIERS_FOLDER)) for file in _below(parent))


def add_up(files: list[StoredFile], on_file: Callable[[], object] = lambda: None) -> DirectoryStat:
    """Return the sums of these files; `on_file` is called after each of them.

    Raises: OSError if a file cannot be read.
    """
    stat = DirectoryStat()
    merged: dict[tuple[str, int], FileStat] = {}
    # Merged hours first, so that their sources are known when the windows are added.
    for file in sorted(files, key=lambda file: (file.day, file.kind != "hours", file.path)):
        stat.writers.add(_writer(file.path))
        sums = stat.days.setdefault(file.day, Sums())
        sums.files[file.kind] += 1
        sums.size_bytes[file.kind] += file.size_bytes
        sums.disk_bytes[file.kind] += file.disk_bytes
        if file.kind in {"windows", "hours"}:
            _add_samples(stat, sums, file, merged)
        elif file.kind == "minutes" and file.start_ms is not None:
            stat.minutes_first_ms = min(file.start_ms, stat.minutes_first_ms or file.start_ms)
        on_file()
    return stat


def _add_samples(stat: DirectoryStat, sums: Sums, file: StoredFile, merged: dict[tuple[str, int], FileStat]) -> None:
    folder, name = os.path.split(file.path)
    assert file.start_ms is not None
    hour = folder, file.start_ms - file.start_ms % layout.HOUR_MS
    try:
        found = read_file(file.path, name)
    except FileNotFoundError:
        return
    except BadFileError:
        stat.unreadable.append(file.path)
        return
    if file.kind == "hours":
        merged[hour] = found
        sums.merged_values += found.values
    elif hour in merged and found.source in merged[hour].sources:
        return
    sums.rows += found.rows
    sums.values += found.values
    stat.first_ms = found.first_ms if stat.first_ms is None else min(stat.first_ms, found.first_ms)
    stat.last_ms = found.last_ms if stat.last_ms is None else max(stat.last_ms, found.last_ms)
    for metric, column in found.columns.items():
        before = stat.metrics.get(metric, ColumnStat(0, 0))
        stat.metrics[metric] = ColumnStat(before.size_bytes + column.size_bytes, before.values + column.values)


def _below(parent: str) -> Iterator[StoredFile]:
    for day in _folders(parent):
        if layout.parse_day(day.name) is None:
            continue
        for writer in _folders(day.path):
            if layout.parse_identifier(writer.name) is not None:
                yield from _in_folder(writer.path, day.name)


def _in_folder(folder: str, day: str) -> Iterator[StoredFile]:
    for entry in _entries(folder):
        try:
            if entry.is_file(follow_symlinks=False):
                kind, start_ms = _kind_of(entry.name)
                status = entry.stat(follow_symlinks=False)
                disk_bytes = max(status.st_size, status.st_blocks * 512)
                yield StoredFile(entry.path, day.removeprefix("dt="), kind, status.st_size, disk_bytes, start_ms)
        except FileNotFoundError:
            continue


def _kind_of(name: str) -> tuple[Kind, int | None]:
    if (parsed := layout.parse_name(name)) is not None:
        if parsed.kind == "journal":
            return "journals", None
        return ("windows" if parsed.duration_ms is None else "hours"), parsed.start_ms
    if (minutes := layout.parse_minutes_name(name)) is not None:
        return "minutes", minutes[0]
    kinds: dict[Kind, bool] = {
        "tables": layout.parse_table_name(name) is not None or layout.parse_table_hour_name(name) is not None,
        "journals": layout.parse_table_journal_name(name) is not None,
        "events": name == layout.EVENTS_NAME,
        "set aside": layout.is_set_aside(name),
    }
    return next((kind for kind, is_kind in kinds.items() if is_kind), "other"), None


def _writer(path: str) -> str:
    return os.path.basename(os.path.dirname(path)).partition("=")[2]


def _folders(path: str) -> list[os.DirEntry[str]]:
    return [entry for entry in _entries(path) if entry.is_dir(follow_symlinks=False)]


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
