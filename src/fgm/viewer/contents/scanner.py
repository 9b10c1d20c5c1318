"""What there is: series, metrics and the span of the data, from index.json, files and journals.

The newest source of a name wins. What was found once stays known: an index that turns bad, or a data
directory that goes away, takes nothing back, and the holdings say what is wrong. All methods but `holdings`
may block; they may be called from several threads.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.index.index_file import Facts
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS
from fgm.store.samples.header import FileHeader
from fgm.viewer.contents.series_register import Register, Registered
from fgm.viewer.files.data_files import DataFile, DataFiles
from fgm.viewer.files.index_file import IndexFile
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of
from fgm.viewer.start_up import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

NEWEST_FILES = 8
"""Among so many of the newest files are the journals that are being written."""
FILES_WITH_INDEX = 40
"""An index names containers only: pods, services and metrics come from so many of the newest files."""
FILES_TO_BEGIN = 48
"""Without an index, so many files are read before the first answer; the others follow behind it."""
FILES_PER_STEP = 16
NODE_GONE_MS = 60_000
"""Another node's data is shown when it is newer by so much; one directory should have one node."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What is known at one moment.

    `metrics`: recorded columns that hold a value somewhere. `node_name`: the node whose data is shown, None: any.
    `foreign_folders`: of other nodes' writers, as far as they were met.
    `facts`: what the index says of containers, by full id.
    """

    registered: Registered
    metrics: frozenset[str]
    header: FileHeader | None
    node_name: str | None
    oldest_ms: int | None
    newest_ms: int | None
    index: str
    index_note: str | None
    facts: Mapping[str, Facts]
    foreign_folders: frozenset[str] = frozenset()

    @property
    def tick_ms(self) -> int:
        """The sampling interval."""
        return DEFAULT_INTERVAL_MS if self.header is None else self.header.interval_ms


class Library:
    """Follows one data directory."""

    def __init__(
        self, files: DataFiles, journals: Journals, skipped: SkippedFiles, only_node: str | None = None
    ) -> None:
        """`only_node`: whose data is shown; None: that of the node with the newest, and index.json is its."""
        self._only_node = only_node
        self._files, self._journals, self._skipped = files, journals, skipped
        self._index = IndexFile(os.path.join(files.data_dir, layout.INDEX_NAME))
        self._register = Register()
        self._metrics: set[str] = set()
        self._header: FileHeader | None = None
        self._header_ms = -1
        self._node = only_node
        self._foreign: dict[str, str] = {}
        self._oldest_ms: int | None = None
        self._newest_ms: int | None = None
        self._last_learned: DataFile | None = None
        self._unread: Iterator[DataFile] | None = None
        self._files_read = 0
        self._is_all_read = False
        self._is_first_pass = True
        self._lock = threading.Lock()
        self._holdings = self._take_stock()

    def holdings(self) -> Holdings:
        """Return what is known; never blocks."""
        return self._holdings

    def look(self) -> Found:
        """Look for the index, and for data that came since; return what there is."""
        with self._lock:
            if self._only_node is None and self._index.look():
                for container in self._index.containers:
                    self._register.learn(*container)
            first = next(self._files.newest_first(), None)
            if first is not None and self._unread is None:
                self._unread = self._files.newest_first()
            elif first is not None and self._header is None and self._is_all_read:
                self._unread, self._is_all_read = islice(self._files.newest_first(), FILES_TO_BEGIN), False
                self._is_first_pass = False
            elif first is not None:
                self._learn_newest()
            self._follow()
            return self._found()

    def read_more(self) -> Found:
        """Read what some more files say about themselves, the next older ones, as long as that is wanted."""
        with self._lock:
            if self._unread is not None and not self._is_all_read:
                batch = list(islice(self._unread, FILES_PER_STEP))
                for file in batch:
                    if file.kind == "metrics":
                        self._learn(file)
                self._files_read += len(batch)
                is_enough = self._index.was_good and self._files_read >= FILES_WITH_INDEX
                self._is_all_read = is_enough or len(batch) < FILES_PER_STEP
            return self._found()

    def follow(self) -> None:
        """Take in what the journals got since the last call."""
        with self._lock:
            self._follow()
            self._holdings = self._take_stock()

    @property
    def is_all_read(self) -> bool:
        """Whether `read_more` has nothing to do (until the next `look`)."""
        return self._unread is None or self._is_all_read

    def _found(self) -> Found:
        self._holdings = self._take_stock()
        is_readable = self._header is not None
        has_files = is_readable or (self._is_first_pass and not self.is_all_read)
        is_indexed = is_readable and (self.is_all_read or self._files_read >= FILES_TO_BEGIN)
        return Found(self._index.was_good, has_files, is_indexed)

    def _follow(self) -> None:
        newest = list(islice(self._files.newest_first(), NEWEST_FILES))
        journals = [file for file in newest if file.kind == "journal"]
        self._journals.keep_only(journals)
        for file in journals:
            try:
                facts = self._journals.facts(file)
            except FileNotFoundError:
                continue  # it has just become Parquet
            except (BadFileError, OSError) as error:
                self._skipped.note(file.path, reason_of(error))
                continue
            if facts is None:
                continue
            if not self._is_ours(file, facts.header, facts.last_ms):
                continue
            for series in facts.series:
                if series.key in facts.seen_ms:
                    self._register.learn(series, *facts.seen_ms[series.key])
            self._take_in(facts.header, facts.metrics, facts.first_ms, facts.last_ms)

    def _learn_newest(self) -> None:
        closed = (file for file in self._files.newest_first() if file.kind == "metrics")
        newest = next(closed, None)
        if newest is not None and newest != self._last_learned:
            self._learn(newest)

    def _learn(self, file: DataFile) -> None:
        """Take in what a closed window says about itself."""
        if self._last_learned is None or file.start_ms >= self._last_learned.start_ms:
            self._last_learned = file
        try:
            window = self._files.window(file)
            try:
                if not self._is_ours(file, window.header, window.directory.last_ms):
                    return
                time_ms = window.time_ms()
                for run in window.directory.runs:
                    if run.count:
                        first, last = time_ms[run.first], time_ms[run.first + run.count - 1]
                        self._register.learn(run.series, int(first), int(last))
                self._take_in(window.header, window.metrics, window.directory.first_ms, window.directory.last_ms)
            finally:
                window.close()
        except (BadFileError, OSError) as error:
            self._skipped.note(file.path, reason_of(error))
        else:
            self._skipped.forget(file.path)

    def _is_ours(self, file: DataFile, header: FileHeader, last_ms: int) -> bool:
        """Say whether a file is of the node that is shown: the newest. Its successor begins with nothing known."""
        name = header.node_name
        if name is None or name == self._node:
            return True
        if self._only_node or (self._node is not None and last_ms <= self._header_ms + NODE_GONE_MS):
            if file.folder not in self._foreign:
                self._foreign[file.folder] = name
                self._skipped.note(file.folder, f"of the node {name}: only {self._node} is shown")
            return False
        if self._node is not None:
            self._forget()
        self._node = name
        return True

    def _forget(self) -> None:
        for folder in self._foreign:
            self._skipped.forget(folder)
        self._foreign, self._register, self._metrics = {}, Register(), set()
        self._header, self._header_ms, self._oldest_ms, self._newest_ms = None, -1, None, None
        for container in self._index.containers:
            self._register.learn(*container)
        self._unread, self._is_all_read, self._files_read, self._last_learned = None, False, 0, None

    def _take_in(self, header: FileHeader, metrics: frozenset[str], first_ms: int, last_ms: int) -> None:
        self._metrics |= metrics
        if last_ms >= self._header_ms:
            self._header, self._header_ms = header, last_ms
        self._oldest_ms = first_ms if self._oldest_ms is None else min(self._oldest_ms, first_ms)
        self._newest_ms = last_ms if self._newest_ms is None else max(self._newest_ms, last_ms)

    def _take_stock(self) -> Holdings:
        known = [ms for ms in (self._index.earliest_ms, self._oldest_ms) if ms is not None]
        newest = [ms for ms in (self._index.latest_ms, self._newest_ms) if ms is not None]
        index, note = self._index_state()
        return Holdings(
            registered=self._register.take(),
            metrics=frozenset(self._metrics),
            header=self._header,
            node_name=self._node,
            oldest_ms=min(known, default=None),
            newest_ms=max(newest, default=None),
            index=index,
            facts=self._index.facts,
            index_note="; ".join(filter(None, (note, self._other_nodes()))) or None,
            foreign_folders=frozenset(self._foreign),
        )

    def _other_nodes(self) -> str | None:
        if not self._foreign:
            return None
        several = "data of several writers with different node names is in this directory"
        others = ", ".join(sorted(set(self._foreign.values())))
        return f"{several}: only {self._node} is shown, not {others}; --node chooses"

    def _index_state(self) -> tuple[str, str | None]:
        index = self._index
        if not self._files.is_there():
            listed = "; what was there is still listed" if index.was_good or self._header is not None else ""
            return index.state, f"there is no directory {self._files.data_dir}{listed}"
        if index.state == "ok" or index.was_good or self._files_read == 0:
            return index.state, index.note
        far = "from all" if self.is_all_read else "so far from"
        return "rebuilt", f"{index.note}; what is listed was read {far} {self._files_read} files"
