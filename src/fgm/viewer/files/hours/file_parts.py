"""Opens what a data file consists of: a window, a journal, or a merged hour with the windows that replace parts of it.

Between the listing of the files and their reading, a journal may have been closed to a window, and a window may have
been merged into an hour: the rows are then read from the new file, and no row twice.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import WindowBlock
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.hours import merged_rows
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.journals import JournalFacts, Journals
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.listing.folders import Folders
from fgm.viewer.files.skipped_files import SkipCounter
from fgm.viewer.files.window_cache import CachedWindow

_FIRST_ROW = attrgetter("first")


@dataclass(slots=True, eq=False)
class FilePart:
    """A file whose rows are read: `content` is None for a journal.

    `within`: range of the rows to read; None: all. `hidden`: ranges whose rows other files replace.
    """

    file: DataFile
    header: FileHeader
    first_ms: int
    last_ms: int
    content: CachedWindow | None
    facts: JournalFacts | None = None
    within: Range | None = None
    hidden: Sequence[Range] = ()

    @property
    def series(self) -> Sequence[Series]:
        """All series of the file."""
        if self.facts is not None:
            return self.facts.series
        return [run.series for run in _block(self).runs]

    def rows(self, keys: AbstractSet[str]) -> dict[str, int]:
        """Return the number of rows of those series that the file has, in its order; of a journal, an upper limit."""
        if self.facts is not None:
            interval_ms, seen_ms = self.header.interval_ms, self.facts.seen_ms
            return {key: (seen_ms[key][1] - seen_ms[key][0]) // interval_ms + 1 for key in seen_ms.keys() & keys}
        by_key = _block(self).by_key
        runs = sorted([run for key in by_key.keys() & keys for run in by_key[key]], key=_FIRST_ROW)
        rows: dict[str, int] = {}
        for run in runs:
            rows[run.series.key] = rows.get(run.series.key, 0) + run.count
        return rows

    def limit(self, within: Range) -> None:
        """Read only rows in a range."""
        if self.within is not None:
            within = max(within[0], self.within[0]), min(within[1], self.within[1])
        if self.within is not None or self.first_ms < within[0] or self.last_ms >= within[1]:
            self.within = within


class FileParts:
    """Opens the parts of data files. All methods may block."""

    def __init__(self, files: DataFiles, journals: Journals, node_name: str | None, skip_counter: SkipCounter) -> None:
        """`node_name`: the node whose files are read; None: all. `skip_counter`: counts parts that cannot be read."""
        self._files, self._journals = files, journals
        self._node_name, self._skip_counter = node_name, skip_counter

    def open(self, file: DataFile, folders: Folders) -> list[FilePart]:
        """Open a file, and what belongs to it; return those parts that have rows of the node.

        Raises: BadFileError or OSError if it cannot be read.
        """
        if file.kind == "journal":
            try:
                facts = self._journals.facts(file)
            except FileNotFoundError:
                return self.open(closed(file), folders)
            return self._of_this_node([] if facts is None else [_part_of_journal(file, facts)])
        if file.parts:
            return self._of_this_node(self._parts_of_hour(file, folders))
        if self._journals.is_superseded(file):
            return []
        try:
            part = _part_of_window(file, self._files.cached_window(file, folders))
        except FileNotFoundError:
            if file.duration_ms is not None:
                raise
            part = self._part_of_source(file, folders)
        return self._of_this_node([part])

    def _parts_of_hour(self, file: DataFile, folders: Folders) -> list[FilePart]:
        """Open a merged hour and what is next to it, and return those parts that count.

        The others are opened before the hour: a window that is gone then was merged into the hour before.
        """
        others = [part for each in file.parts if (part := self._part_if_readable(each, folders)) is not None]
        try:
            if others:
                hour = self._part_if_readable(file, folders)
            else:
                hour = _part_of_window(file, self._files.cached_window(file, folders))
        except BaseException:
            close(others)
            raise
        again = {part.file.start_ms for part in others if part.facts is not None and part.facts.supersedes}
        later = [part for part in others if part.content is None or part.file.start_ms not in again]
        if hour is not None:
            later = [part for part in later if part.content is None or not _has_rows_of(hour, part)]
            hour.hidden = [_range_of(part) for part in later if part.facts is None or part.facts.supersedes]
        close(part for part in others if part not in later)
        return later if hour is None else [hour, *later]

    def _part_if_readable(self, file: DataFile, folders: Folders) -> FilePart | None:
        try:
            if file.kind == "journal":
                facts = self._journals.facts(file)
                return None if facts is None else _part_of_journal(file, facts)
            return _part_of_window(file, self._files.cached_window(file, folders))
        except FileNotFoundError:
            return None if file.kind == "metrics" else self._part_if_readable(closed(file), folders)
        except (BadFileError, OSError) as error:
            self._skip_counter.note(file.path, error)
            return None

    def _part_of_source(self, window: DataFile, folders: Folders) -> FilePart:
        """Return the rows of a window that was merged after it was listed.

        Raises: FileNotFoundError if there is no hour that has them.
        """
        start_ms = window.start_ms - window.start_ms % layout.HOUR_MS
        name = layout.hour_name(start_ms)
        hour = DataFile(start_ms, window.folder, name, "metrics", layout.HOUR_MS)
        part = _part_of_window(hour, self._files.cached_window(hour, folders))
        part.within = merged_rows.range_of_source(_block(part), window.name)
        if part.within is None:
            close([part])
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), window.name)
        return part

    def _of_this_node(self, parts: list[FilePart]) -> list[FilePart]:
        own = [part for part in parts if not self._is_foreign(part.header)]
        close(part for part in parts if part not in own)
        return own

    def _is_foreign(self, header: FileHeader) -> bool:
        return None not in (header.node_name, self._node_name) and header.node_name != self._node_name


def closed(journal: DataFile) -> DataFile:
    """Return the window to which a journal was closed."""
    return journal._replace(kind="metrics", name=layout.metrics_name(journal.start_ms))


def close(parts: Iterable[FilePart]) -> None:
    """Close the files of parts. Journals stay open for the next request."""
    for part in parts:
        if part.content is not None:
            part.content.close()


def _block(part: FilePart) -> WindowBlock:
    assert part.content is not None
    return part.content.block


def _has_rows_of(hour: FilePart, window: FilePart) -> bool:
    return merged_rows.has_rows_of(_block(hour), _block(window))


def _range_of(part: FilePart) -> Range:
    """Return the range of a window or a journal."""
    if part.content is not None:
        return merged_rows.range_of(_block(part))
    window = layout.window_at(part.file.start_ms, part.header.rotation_s)
    return window.start_ms, window.end_ms


def _part_of_window(file: DataFile, content: CachedWindow) -> FilePart:
    block = content.block
    return FilePart(file, block.header, block.first_ms, block.last_ms, content)


def _part_of_journal(file: DataFile, facts: JournalFacts) -> FilePart:
    return FilePart(file, facts.header, facts.first_ms, facts.last_ms, None, facts)
