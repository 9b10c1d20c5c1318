"""Files with rows of a range. Each stays open, and as it was, while its columns are read one after the other."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_block import LATE, TIME
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.hours.file_parts import FilePart, FileParts, close
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.listing.folders import Folders
from fgm.viewer.files.reader import MAX_TRIES, Choose, Sources
from fgm.viewer.files.skipped_files import SkipCounter
from fgm.viewer.files.window_cache import CachedWindow


class OpenRows(Protocol):
    """The rows of an open file."""

    def chunks(self, columns: Sequence[str], keys: Collection[str], *, with_late: bool) -> list[Chunk]:
        """Return the rows of series, one chunk for each, always in the same order.

        Raises: BadFileError if a column is damaged.
        """

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True, slots=True)
class RowSource:
    """A window, a merged hour, or what a journal had when it was opened.

    `file`: number of its data file. Other sources may be parts of the same file. `series`: the chosen ones that it has,
    by `Series.key`. `counts`: upper limit of the rows of each. `columns`: those that can be read. `within`: range of
    the rows that count. `hidden`: ranges whose rows other sources replace.
    """

    file: int
    header: FileHeader
    rows: OpenRows
    series: Mapping[str, Series]
    counts: Mapping[str, int]
    columns: frozenset[str]
    within: Range
    hidden: Sequence[Range]


class RowSources:
    """Opens the files of ranges. A file that cannot be read is skipped and counted, as in all queries. May block."""

    def __init__(
        self, sources: Sources, node_name: str | None, columns: Iterable[str], skip_counter: SkipCounter
    ) -> None:
        """`node_name`: the node whose files are read; None: all. `columns`: the recorded columns that will be read."""
        self._files, self._skipped, self._skip_counter = sources.files, sources.skipped, skip_counter
        self._parts = FileParts(sources.files, sources.journals, node_name, skip_counter)
        self._columns = tuple(columns)

    def bounds(self, within: Range, reach_ms: int) -> Range:
        """Return the part of a range in which there are files, judged by their names. It may be empty."""
        files = self._files.between(*within, reach_ms)
        if not files:
            return within[0], within[0]
        end_ms = max(file.start_ms + (file.duration_ms or layout.DAY_MS) for file in files)
        return max(within[0], files[0].start_ms), min(within[1], end_ms + reach_ms)

    @contextmanager
    def opened(self, within: Range, choose: Choose | set[str], reach_ms: int) -> Iterator[list[RowSource]]:
        """Open the files that have rows of chosen series in a range, and close them at the end.

        `choose`: see `Reader.read`; `reach_ms`: see `DataFiles.between`.
        """
        opened: list[RowSource] = []
        try:
            with self._files.folders() as folders:
                for number, file in enumerate(self._files.between(*within, reach_ms)):
                    for part, rows in self._open(file, folders):
                        source = self._source(number, part, rows, within, choose)
                        if source is None:
                            rows.close()
                        else:
                            opened.append(source)
            yield opened
        finally:
            for source in opened:
                source.rows.close()

    def _open(self, file: DataFile, folders: Folders) -> list[tuple[FilePart, OpenRows]]:
        """Open the parts of a file; try again if it is gone, because it was closed or merged since it was listed."""
        problem: BadFileError | OSError | None = None
        for _ in range(MAX_TRIES):
            try:
                return self._opened_parts(self._parts.open(file, folders), folders)
            except (BadFileError, OSError) as error:
                problem = error
                if not isinstance(error, FileNotFoundError):
                    break
        if problem is not None:
            self._skip_counter.note(file.path, problem)
        return []

    def _opened_parts(self, parts: list[FilePart], folders: Folders) -> list[tuple[FilePart, OpenRows]]:
        opened: list[tuple[FilePart, OpenRows]] = []
        try:
            for part in parts:
                rows: OpenRows
                if part.content is None:
                    fd = folders.open(part.file.folder)
                    rows = _JournalRows(JournalReader(part.file.name, fd, metrics=self._columns, is_packed=True))
                else:
                    part.content.hold()
                    rows = part.content
                opened.append((part, rows))
        except BaseException:
            close(parts)
            for _, rows in opened:
                rows.close()
            raise
        return opened

    def _source(
        self, number: int, part: FilePart, rows: OpenRows, within: Range, choose: Choose | set[str]
    ) -> RowSource | None:
        if part.first_ms >= within[1] or part.last_ms < within[0]:
            return None
        series: Sequence[Series] = rows.series if isinstance(rows, _JournalRows) else part.series
        chosen = choose(series) if callable(choose) else choose
        by_key = {each.key: each for each in series if each.key in chosen}
        if not by_key:
            return None
        columns = frozenset(self._columns)
        if part.content is not None:
            damaged = self._damaged(part.file, part.content)
            if TIME in damaged:
                return None
            in_file = part.content.block.columns
            columns = frozenset(
                name for name in columns - damaged if name in in_file
            )  # those of old files are parsed here
        part.limit(within)
        counts = part.rows(by_key.keys())
        return RowSource(number, part.header, rows, by_key, counts, columns, part.within or within, part.hidden)

    def _damaged(self, file: DataFile, content: CachedWindow) -> frozenset[str]:
        """Return the columns that do not match their checksum. The file counts as skipped if there is one."""
        damaged = content.damaged_columns([TIME, LATE, *self._columns])
        if damaged:
            reason = f"columns do not match their checksum: {', '.join(damaged)}"
            self._skip_counter.note(file.path, BadFileError(file.path, reason))
        else:
            self._skipped.forget(file.path)
        return frozenset(damaged)


class _JournalRows:
    """The rows that a journal had when it was opened."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader

    @property
    def series(self) -> Sequence[Series]:
        return self._reader.series

    def chunks(self, columns: Sequence[str], keys: Collection[str], *, with_late: bool) -> list[Chunk]:
        del with_late  # it is in memory in any case
        return self._reader.chunks(columns, keys)

    def close(self) -> None:
        self._reader.close()
