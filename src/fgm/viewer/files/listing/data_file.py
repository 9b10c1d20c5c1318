"""One data file, as its name describes it, and the order of such files."""

from collections.abc import Iterable
from typing import NamedTuple

from fgm.store.directory import layout


class DataFile(NamedTuple):
    """One data file, as described by its name.

    `start_ms`: start of its window or hour. `folder`: path relative to the data directory. `duration_ms`: None for a
    single window, whose length is not in its name. `parts`: the single windows and journals next to a merged hour,
    which start in it; `Reader` finds out which of them the hour contains already.
    """

    start_ms: int
    folder: str
    name: str
    kind: layout.Kind
    duration_ms: int | None = None
    parts: "tuple[DataFile, ...]" = ()

    @property
    def path(self) -> str:
        """The path relative to the data directory."""
        return f"{self.folder}/{self.name}"


def order(file: DataFile) -> tuple[int, bool, str]:
    """Return the sort key of a file: by start, then Parquet before journals, then by folder."""
    return (file.start_ms, file.kind == "journal", file.folder)


def with_parts(files: Iterable[DataFile]) -> list[DataFile]:
    """Return the files of one folder in order. The single windows and journals of a merged hour are its parts."""
    files = list(files)
    parts: dict[int, list[DataFile]] = {file.start_ms: [] for file in files if file.duration_ms is not None}
    whole: list[DataFile] = []
    for file in files:
        of_hour = parts.get(file.start_ms - file.start_ms % layout.HOUR_MS) if file.duration_ms is None else None
        (whole if of_hour is None else of_hour).append(file)
    return sorted(
        (
            file if file.duration_ms is None else file._replace(parts=tuple(sorted(parts[file.start_ms], key=order)))
            for file in whole
        ),
        key=order,
    )
