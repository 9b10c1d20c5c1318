"""Intact files of each kind that hours are merged into, damaged copies of them, and what their readers return."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.window_file import WindowFile
from fgm.store.tables import process_tables
from tests.support.collector.known_history import KnownHistory
from tests.support.merged_files import merge_day_of_minutes, merge_hours
from tests.support.viewer.damage import DAMAGES, with_other_tail
from tests.support.viewer.data_directory import T0

Content = tuple[tuple[str, bytes], ...]
HOURS = 24


@dataclass(frozen=True, slots=True)
class IntactFile:
    """A file, and one of the same kind with other content."""

    kind: str
    name: str
    data: bytes
    other: bytes
    content: Content


@dataclass(slots=True)
class Outcomes:
    """Number of damaged files that were refused, and that were read as the intact file, by kind of file."""

    refused: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)
    misread: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.refused.total() + self.same.total() + len(self.misread)


def merged_day(folder: Path, hours: int = HOURS) -> KnownHistory:
    """Write the merged hours and minutes of the day before T0; return what is in them."""
    history = KnownHistory(T0 - T0 % layout.DAY_MS - layout.DAY_MS, hours)
    history.write(folder)
    merge_hours(str(folder))
    return history


def intact_files(folder: Path) -> list[IntactFile]:
    """Merge some hours, and return the files: an hour, its tables, its minutes, and the minutes of a day."""
    history = merged_day(folder)
    hours_of_minutes = next(folder.glob(f"{layout.TIERS_FOLDER}/dt=*/identifier=*/"))
    kept = sorted(hours_of_minutes.iterdir())[:2]
    contents = [path.read_bytes() for path in kept]
    merge_day_of_minutes(str(folder), str(hours_of_minutes.relative_to(folder / layout.TIERS_FOLDER)), history.from_ms)
    for path, data in zip(kept, contents, strict=True):
        path.write_bytes(data)
    patterns = {
        "hour": "dt=*/identifier=*/metrics-*--PT1H.parquet",
        "tables of an hour": "dt=*/identifier=*/processes-*--PT1H.parquet",
        "minutes of an hour": f"{layout.TIERS_FOLDER}/dt=*/identifier=*/minutes-*--PT1H.parquet",
        "minutes of a day": f"{layout.TIERS_FOLDER}/dt=*/identifier=*/minutes-*--P1D.parquet",
    }
    files = []
    for kind, pattern in patterns.items():
        paths = sorted(folder.glob(pattern))
        if paths:
            path, other = paths[0], paths[-1]
            files.append(IntactFile(kind, path.name, path.read_bytes(), other.read_bytes(), content(path)))
    return files


def content(path: Path) -> Content:
    """Return everything that the reader of a file returns.

    Raises: BadFileError if it refuses the file.
    """
    return tuple(_content(path))


def _content(path: Path) -> Iterator[tuple[str, bytes]]:
    if layout.parse_minutes_name(path.name) is not None:
        yield from _minutes(path)
    elif layout.parse_table_hour_name(path.name) is not None:
        yield "rows", repr(process_tables.rows(str(path))).encode()
    else:
        yield from _metrics(path)


def _metrics(path: Path) -> Iterator[tuple[str, bytes]]:
    file = WindowFile.open(str(path))
    try:
        yield "time", file.time_ms().tobytes()
        for chunk in file.chunks(sorted(file.metrics)):
            yield chunk.series.key, chunk.time_ms.tobytes() + chunk.late_ms.tobytes()
            yield from ((name, values.tobytes()) for name, values in chunk.values.items())
    finally:
        file.close()


def _minutes(path: Path) -> Iterator[tuple[str, bytes]]:
    file = MinutesFile.open(str(path))
    try:
        for metric in sorted(file.metrics):
            for chunk in file.read(metric):
                parts = (chunk.time_ms, chunk.min, chunk.min_at_ms, chunk.mean, chunk.max, chunk.max_at_ms)
                yield f"{metric} {chunk.series.key}", b"".join(part.tobytes() for part in parts)
                yield "rest", chunk.last.tobytes() + chunk.count.tobytes()
    finally:
        file.close()


def read_damaged(file: IntactFile, folder: Path, count: int, seed: int, outcomes: Outcomes) -> None:
    """Damage a file in `count` ways, and note what its reader makes of each. An error of another kind is raised."""
    chance = random.Random(seed)
    path = folder / file.name
    for number in range(count):
        kind = number % (1 + len(DAMAGES))
        name = "other tail" if kind == len(DAMAGES) else DAMAGES[kind].__name__
        data = with_other_tail(file.data, file.other) if kind == len(DAMAGES) else DAMAGES[kind](file.data, chance)
        path.write_bytes(data)
        try:
            read = content(path)
        except BadFileError:
            outcomes.refused[file.kind] += 1
            continue
        except Exception as error:
            error.add_note(f"{file.kind}: {name}, number {number} of seed {seed}")
            raise
        if read == file.content or data == file.data:
            outcomes.same[file.kind] += 1
        else:
            outcomes.misread.append(f"{file.kind}: {name}, number {number} of seed {seed}")
