"""Reads the rows of chosen series from windows and journals. Files that cannot be read are skipped and counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFile, DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

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


class Reader:
    """Reads rows, one file at a time.

    A file that cannot be read is counted in `skipped_files`, and is on the list of skipped files until it can be read.
    A file of another node is treated as a file without rows; it is not counted, because it is intact.
    """

    def __init__(self, sources: Sources, node_name: str | None, *, keeps_journal_columns: bool = False) -> None:
        """`node_name`: read only files of this node; None: files of all nodes.

        `keeps_journal_columns`: whether to keep the columns of journals in memory for the next request.
        """
        self.skipped_files = 0
        self._files, self._journals, self._skipped = sources.files, sources.journals, sources.skipped
        self._node_name = node_name
        self._journal_chunks = self._journals.chunks if keeps_journal_columns else self._journals.chunks_once

    def read(
        self, file: DataFile, columns: Sequence[str], choose: Choose | set[str], within: tuple[int, int] | None = None
    ) -> FileRows:
        """Return rows of a file; no rows if it cannot be read. May block.

        `columns`: names of the columns. `choose`: keys of the series to read, or a function that chooses them.
        `within`: range [from_ms, to_ms); if the file has samples in it, all its rows are returned, else none. None:
        always all rows.
        """
        groups = list(self.read_in_groups(file, (columns,), choose, within))
        return groups[0] if groups else NO_ROWS

    def read_in_groups(
        self,
        file: DataFile,
        groups: Sequence[Sequence[str]],
        choose: Choose | set[str],
        within: tuple[int, int] | None = None,
    ) -> Iterator[FileRows]:
        """Yield the rows once for each group of columns, so that not all columns are in memory at once. May block.

        If no series is chosen, only one result without rows is yielded. After an error, nothing more is yielded.
        Parameters: see `read`.
        """
        count = 0
        try:
            read = self._read_journal if file.kind == "journal" else self._read_window
            for rows in read(file, groups, choose, within):
                count += 1
                yield rows
            if file.kind != "journal":  # `Journals` does this for journals, which can be damaged and still be readable
                self._skipped.forget(file.path)
        except (BadFileError, OSError) as error:
            if file.kind == "journal" and isinstance(error, FileNotFoundError):
                # The window was closed after its journal was listed: now it has a Parquet file.
                closed = file._replace(kind="metrics", name=layout.metrics_name(file.start_ms))
                yield from self.read_in_groups(closed, groups[count:], choose, within)
                return
            self._skipped.note(file.path, reason_of(error))
            self.skipped_files += 1

    def _read_journal(
        self,
        file: DataFile,
        groups: Sequence[Sequence[str]],
        choose: Choose | set[str],
        within: tuple[int, int] | None,
    ) -> Iterator[FileRows]:
        facts = self._journals.facts(file)
        if facts is None or self._is_foreign(facts.header) or not _overlaps(within, facts.first_ms, facts.last_ms):
            return
        keys = choose(facts.series) if callable(choose) else choose
        for columns in groups if keys else groups[:1]:
            chunks = self._journal_chunks(file, columns, keys) if keys else []
            yield FileRows(chunks, facts.header.interval_ms)

    def _read_window(
        self,
        file: DataFile,
        groups: Sequence[Sequence[str]],
        choose: Choose | set[str],
        within: tuple[int, int] | None,
    ) -> Iterator[FileRows]:
        if self._journals.is_superseded(file):
            return
        window = self._files.window(file)
        try:
            block = window.block
            if self._is_foreign(block.header):
                return
            if not _overlaps(within, block.first_ms, block.last_ms):
                keys = set()
            elif callable(choose):
                keys = choose(window.series)
            else:
                keys = choose & block.by_key.keys()
            for columns in groups if keys else groups[:1]:
                yield FileRows(window.chunks(columns, keys) if keys else [], block.header.interval_ms)
        finally:
            window.close()

    def _is_foreign(self, header: FileHeader) -> bool:
        return None not in (header.node_name, self._node_name) and header.node_name != self._node_name


def _overlaps(within: tuple[int, int] | None, first_ms: int, last_ms: int) -> bool:
    return within is None or (first_ms < within[1] and last_ms >= within[0])
