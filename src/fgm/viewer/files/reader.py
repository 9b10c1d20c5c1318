"""Reads the rows of single files of one node; what cannot be read is noted, and counted."""

from collections.abc import Callable, Iterable
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
"""Says which series of a file are wanted, by key."""


class Sources(NamedTuple):
    """Where samples are read."""

    files: DataFiles
    journals: Journals
    skipped: SkippedFiles


class Reader:
    """Reads file by file. `node_name`: files of another node hold nothing here (None: of none).

    `interval_ms`: how often the file that was read last was sampled.
    """

    def __init__(self, sources: Sources, node_name: str | None) -> None:
        self.skipped_files = 0
        self.interval_ms: int | None = None
        self._files, self._journals, self._skipped = sources
        self._node_name = node_name

    def chunks(self, file: DataFile, columns: tuple[str, ...], choose: Choose) -> list[Chunk]:
        """Return the rows of a file; none where it cannot be read, or is another node's."""
        try:
            if file.kind == "journal":
                facts = self._journals.facts(file)
                if facts is None or self._is_foreign(facts.header):
                    return []
                self.interval_ms = facts.header.interval_ms
                return self._journals.chunks_once(file, columns, choose(facts.series))
            window = self._files.window(file)
            self.interval_ms = window.header.interval_ms
            try:
                return [] if self._is_foreign(window.header) else window.chunks(columns, choose(window.series))
            finally:
                window.close()
        except (BadFileError, OSError) as error:
            if file.kind == "journal" and isinstance(error, FileNotFoundError):  # it was closed meanwhile
                closed = replace(file, kind="metrics", name=layout.metrics_name(file.start_ms))
                return self.chunks(closed, columns, choose)
            self._skipped.note(file.path, reason_of(error))
            self.skipped_files += 1
            return []

    def _is_foreign(self, header: FileHeader) -> bool:
        return None not in (header.node_name, self._node_name) and header.node_name != self._node_name
