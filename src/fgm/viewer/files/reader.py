"""Reads the rows of chosen series from windows, merged hours and journals.

Files that cannot be read are skipped and counted. Between the listing of files and their reading, a journal may have
been closed to a window, and a window may have been merged into an hour: the rows are then read from the new file, and
no row twice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from fgm.store.errors import BadFileError
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.hours import merged_rows
from fgm.viewer.files.hours.file_parts import FilePart, FileParts, close, closed
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.listing.folders import Folders
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.skipped_files import SkipCounter, SkippedFiles

MAX_VALUES = 600_000
"""Maximum number of values of a file that are read at once, if several series can be read one after the other."""

COLUMNS_AT_ONCE = 4
"""Number of columns of a merged hour whose pages are in memory at once, if many columns are read."""

MAX_TRIES = 3
"""Maximum number of times that a file is opened: it may be merged each time."""

Choose = Callable[[Iterable[Series]], set[str]]
"""A function that gets all series in a file and returns the keys (`Series.key`) of those to read."""


class Sources(NamedTuple):
    """The objects that a query needs to read samples. `minutes`: None: nothing is read from minutes."""

    files: DataFiles
    journals: Journals
    skipped: SkippedFiles
    minutes: MinuteFiles | None = None


class FileRows(NamedTuple):
    """Rows of one file.

    `chunks`: one for each series. `interval_ms`: sampling interval of the file; None if no file was read.
    """

    chunks: list[Chunk]
    interval_ms: int | None


NO_ROWS = FileRows([], None)


@dataclass(slots=True)
class OpenFile:
    """An open data file, or a merged hour with the windows that replace parts of it.

    `keys`: keys of the chosen series that it has, in the order of the file. `rows`: upper limit of the rows of each.
    `first_ms`, `last_ms`: its first and its last tick, of any series.
    """

    interval_ms: int
    first_ms: int
    last_ms: int
    keys: list[str]
    rows: dict[str, int]
    parts: list[FilePart]
    with_late: bool

    @property
    def may_grow(self) -> bool:
        """Whether it is a journal, or has one."""
        return any(part.content is None for part in self.parts)

    def values(self, columns: int) -> int:
        """Return an upper limit of the values of the chosen series, with the times and the lateness of each row."""
        return sum(self.rows.values()) * (2 + columns)


class _Choice(NamedTuple):
    """What is read of each file. Fields: see `Reader.opening`."""

    choose: Choose | set[str]
    within: Range | None
    columns: Sequence[str]
    is_cached: bool
    with_late: bool


class Reader:
    """Reads rows, one file at a time.

    A file that cannot be read is counted in `skipped_files`, and is on the list of skipped files until it can be read.
    A file of another node is treated as a file without rows; it is not counted, because it is intact.
    """

    def __init__(self, sources: Sources, node_name: str | None, *, keeps_journal_columns: bool = False) -> None:
        """`node_name`: read only files of this node; None: files of all nodes.

        `keeps_journal_columns`: whether to keep the columns of journals in memory for the next request.
        """
        self._files, self._journals, self._skipped = sources.files, sources.journals, sources.skipped
        self._skip_counter = SkipCounter(self._skipped)
        self._parts = FileParts(self._files, self._journals, node_name, self._skip_counter)
        self._journal_chunks = self._journals.chunks if keeps_journal_columns else self._journals.chunks_once

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._skip_counter.count

    def read(
        self, file: DataFile, columns: Sequence[str], choose: Choose | set[str], within: Range | None = None
    ) -> FileRows:
        """Return rows of a file; no rows if it cannot be read. May block.

        `columns`: names of the columns. `choose`: keys of the series to read, or a function that chooses them.
        `within`: range [from_ms, to_ms); only rows of a file with samples in it are returned, and of a merged hour only
        those in it. None: all rows.
        """
        with self.opening(choose, within) as open_file:
            opened = open_file(file)
            return (
                NO_ROWS if opened is None else FileRows(self.chunks(opened, columns, opened.keys), opened.interval_ms)
            )

    @contextmanager
    def opening(
        self,
        choose: Choose | set[str],
        within: Range | None = None,
        columns: Sequence[str] = (),
        *,
        is_cached: bool = False,
        with_late: bool = True,
    ) -> Iterator[Callable[[DataFile], OpenFile | None]]:
        """Yield a function that opens a file, and close all files at the end. Parameters: see `read`.

        The function returns None if the file cannot be read, or has no rows of the node. `is_cached`: whether to keep
        the rows in memory for the next request, if all chosen series are read with `columns`. `with_late`: whether
        `late_ms` is needed; it is for rates.
        """
        choice = _Choice(choose, within, columns, is_cached, with_late)
        opened: list[OpenFile] = []

        def open_file(file: DataFile) -> OpenFile | None:
            new = self._open(file, choice, folders)
            if new is not None:
                opened.append(new)
            return new

        with self._files.folders() as folders:
            try:
                yield open_file
            finally:
                close(part for file in opened for part in file.parts)

    def chunks(self, file: OpenFile, columns: Sequence[str], keys: Sequence[str]) -> list[Chunk]:
        """Return the rows of some of the chosen series. A part that cannot be read is skipped. May block."""
        chunks: list[Chunk] = []
        waiting = deque(file.parts if keys else ())
        while waiting:
            part = waiting.popleft()
            try:
                chunks += self._chunks_of(part, columns, keys, with_late=file.with_late)
                if part.content is not None:  # `Journals` does this for journals: they can be damaged and be readable
                    self._skipped.forget(part.file.path)
            except (BadFileError, OSError) as error:
                file.parts.remove(part)
                close([part])
                instead = self._instead_of(part, error)
                file.parts += instead
                waiting += instead
        return merged_rows.joined(chunks) if len(file.parts) > 1 else chunks

    def note(self, file: OpenFile, error: BadFileError | OSError) -> None:
        """Count a file that was opened and whose columns cannot be read."""
        for part in file.parts:
            self._skip_counter.note(part.file.path, error)

    def forget_problems(self, file: OpenFile) -> None:
        """Remove a file from the list of skipped files, after all of it was read."""
        for part in file.parts:
            if part.content is not None:
                self._skipped.forget(part.file.path)

    def _chunks_of(
        self, part: FilePart, columns: Sequence[str], keys: Sequence[str], *, with_late: bool
    ) -> list[Chunk]:
        if part.content is None:
            return self._journal_chunks(part.file, columns, keys)
        is_large = len(columns) > COLUMNS_AT_ONCE and part.content.block.rows > MAX_VALUES // len(columns)
        if part.within is None and not part.hidden and not is_large:
            return part.content.chunks(columns, keys, with_late=with_late)
        chunks: list[Chunk] = []
        for group in merged_rows.groups_of(keys, part.rows(set(keys)), MAX_VALUES // (2 + len(columns))):
            if is_large:
                read = part.content.copied_chunks(columns, group, COLUMNS_AT_ONCE, with_late=with_late)
            else:
                read = part.content.chunks(columns, group, with_late=with_late)
            chunks += [merged_rows.cut(chunk, part.within, part.hidden) for chunk in read]
        return [chunk for chunk in chunks if len(chunk.time_ms)]

    def _instead_of(self, part: FilePart, error: BadFileError | OSError) -> list[FilePart]:
        """Return what to read instead of a part that cannot be read: the window of a journal that was closed."""
        if part.content is None and isinstance(error, FileNotFoundError):
            with self._files.folders() as folders:
                try:
                    parts = self._parts.open(closed(part.file), folders)
                    for new in parts:
                        if new.content is not None:
                            new.content.hold()
                    return parts
                except (BadFileError, OSError) as new_error:
                    self._skip_counter.note(closed(part.file).path, new_error)
                    return []
        self._skip_counter.note(part.file.path, error)
        return []

    def _open(self, file: DataFile, choice: _Choice, folders: Folders) -> OpenFile | None:
        """Open a file and choose its series. Return None if it cannot be read, or has no rows of the node.

        It is tried again if a file is gone: then it has just been merged.
        """
        problem: BadFileError | OSError | None = None
        for _ in range(MAX_TRIES):
            parts: list[FilePart] = []
            try:
                parts = self._parts.open(file, folders)
                opened = self._chosen(parts, choice, can_cut=file.duration_ms is not None)
            except (BadFileError, OSError) as error:
                close(parts)
                problem = error
                if not isinstance(error, FileNotFoundError):
                    break
            else:
                if (opened is None or not opened.keys) and file.kind != "journal":
                    self._skipped.forget(file.path)
                return opened
        if problem is not None:
            self._skip_counter.note(file.path, problem)
        return None

    @staticmethod
    def _chosen(parts: list[FilePart], choice: _Choice, *, can_cut: bool) -> OpenFile | None:
        """Choose the series of open parts, and close those without rows in the range.

        Raises: OSError if one of them has just been removed.
        """
        if not parts:
            return None
        within, choose = choice.within, choice.choose
        interval_ms = max(part.header.interval_ms for part in parts)
        first_ms, last_ms = min(part.first_ms for part in parts), max(part.last_ms for part in parts)
        kept = [part for part in parts if _overlaps(within, part.first_ms, part.last_ms)]
        if within is not None and can_cut:
            for part in kept:
                part.limit(within)
        chosen = choose([series for part in kept for series in part.series]) if callable(choose) else choose
        rows: dict[str, int] = {}
        for part in kept:
            of_part = part.rows(chosen)
            rows = of_part if not rows else {key: rows.get(key, 0) + of_part.get(key, 0) for key in {**rows, **of_part}}
        if rows:
            for part in kept:
                if part.content is not None:
                    keys = list(rows) if choice.is_cached else ()
                    part.content.hold(choice.columns, keys, with_late=choice.with_late)
        else:
            kept = []
        close(part for part in parts if part not in kept)
        return OpenFile(interval_ms, first_ms, last_ms, list(rows), rows, kept, choice.with_late)


def _overlaps(within: Range | None, first_ms: int, last_ms: int) -> bool:
    return within is None or (first_ms < within[1] and last_ms >= within[0])
