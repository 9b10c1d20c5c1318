"""Reads the rows of some series from windows and journals of one node, and counts the files that it cannot read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFile, DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

Choose = Callable[[Iterable[Series]], set[str]]
"""Returns the keys (`Series.key`) of the series to read, given the series of a file."""


class Sources(NamedTuple):
    """Everything that samples are read from."""

    files: DataFiles
    journals: Journals
    skipped: SkippedFiles


class FileRows(NamedTuple):
    """The rows of one file, a chunk for each series. `interval_ms`: its sampling interval; None if it is not known."""

    chunks: list[Chunk]
    interval_ms: int | None


NO_ROWS = FileRows([], None)


class Reader:
    """Reads file by file.

    A file that cannot be read is skipped: it is counted in `skipped_files` and listed for /api/health. It is taken off
    that list as soon as it can be read. A file of another node has no rows here, but it is not skipped: it is sound.
    """

    def __init__(self, sources: Sources, node_name: str | None, *, keeps_journal_columns: bool = False) -> None:
        """Read files of the node `node_name`; None: of all nodes.

        `keeps_journal_columns`: keep the columns of journals in memory, because the next request needs them, too.
        """
        self.skipped_files = 0
        self._files, self._journals, self._skipped = sources
        self._node_name = node_name
        self._journal_chunks = self._journals.chunks if keeps_journal_columns else self._journals.chunks_once

    def read(
        self, file: DataFile, columns: Sequence[str], choose: Choose | set[str], within: tuple[int, int] | None = None
    ) -> FileRows:
        """Return the rows of the chosen series; none if the file cannot be read.

        `choose`: keys of series, or a function that chooses them. `within`: the rows of a file are read only if it has
        samples in this range, [from_ms, to_ms).
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
        """Yield the rows with the columns of each group, so that not all columns are in memory at once.

        One empty group is yielded if no series is chosen, and nothing (more) if the file cannot be read.
        """
        count = 0
        try:
            read = self._read_journal if file.kind == "journal" else self._read_window
            for rows in read(file, groups, choose, within):
                count += 1
                yield rows
            if file.kind != "journal":  # a journal takes itself off the list: its readable part may end before damage
                self._skipped.forget(file.path)
        except (BadFileError, OSError) as error:
            if file.kind == "journal" and isinstance(error, FileNotFoundError):
                # The window was closed after it was listed: its Parquet file was there before the journal was removed.
                closed = replace(file, kind="metrics", name=layout.metrics_name(file.start_ms))
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
