"""The scanner of a data directory: finds out which series, metrics and times it contains.

It reads index.json, the newest windows (all of them if there is no index) and the journals. If sources have different
names for a series, the newest source wins. If the index becomes unreadable or the directory disappears, the scanner
keeps what it has found, and `Holdings.index_note` describes the problem.
"""

import logging
import os
import threading
from dataclasses import replace
from itertools import islice

from fgm.iso_time import END_OF_TIME_MS
from fgm.logs import fields
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.index import first_seen
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.viewer.contents.backlog import Backlog, Phase
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.node_choice import Choice, choose
from fgm.viewer.contents.node_contents import NodeContents
from fgm.viewer.contents.notes import note_of_clock, note_of_other_nodes
from fgm.viewer.contents.series_revisions import SeriesChanges, SeriesRevisions
from fgm.viewer.files.data_files import AHEAD_MS
from fgm.viewer.files.index_reader import IndexFile
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.minute_files import identifier_of
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import reason_of
from fgm.viewer.start_up import ScanResult

NEWEST_FILES = 8
"""Number of the newest files among which the scanner looks for journals."""

log = logging.getLogger(__name__)


class Scanner:
    """Follows one data directory.

    Thread-safe. All methods except `holdings` may block.
    """

    def __init__(self, sources: Sources, only_node: str | None = None) -> None:
        """Read nothing yet. `only_node`: the node to show; None: the one with the newest data.

        With `only_node`, index.json is not read, because it belongs to the node that wrote last.
        """
        self._files, self._journals, self._skipped, self._minutes = sources
        self._only_node = only_node
        self._index = IndexFile(os.path.join(self._files.data_dir, layout.INDEX_NAME))
        self._first_seen_ms: dict[str, int] = {}
        self._contents, self._revisions = NodeContents(self._first_seen_ms), SeriesRevisions()
        self._node = only_node
        self._other_nodes: dict[str, str] = {}
        self._oldest_minutes_ms: int | None = None
        self._horizon_ms = END_OF_TIME_MS
        self._after_horizon: DataFile | None = None
        self._newest_read: DataFile | None = None
        self._superseding: str | None = None
        self._backlog = Backlog()
        self._lock = threading.Lock()
        self._holdings = self._make_holdings()

    def holdings(self) -> Holdings:
        """Return the contents found so far. It never blocks."""
        return self._holdings

    def scan(self) -> ScanResult:
        """Read the index if it has changed, the newest window and the journals; return what was found so far."""
        with self._lock:
            self._read_clock()
            self._after_horizon = self._files.after_horizon()
            if self._backlog.phase is Phase.WAITING:
                self._read_first_seen()
            if self._minutes is not None:
                self._oldest_minutes_ms = self._minutes.oldest_ms(map(identifier_of, self._other_nodes))
            if self._only_node is None and self._index.reload():
                self._add_indexed()
            if next(self._files.newest_first(), None) is not None:
                if self._backlog.phase is Phase.WAITING:
                    self._backlog.begin(self._files.newest_first())
                    self._read_newest_window()  # so that the first lists have metrics and pods
                elif self._backlog.phase is Phase.DONE and self._contents.header is None:
                    self._backlog.begin_again(self._files.newest_first())
                else:
                    self._read_newest_window()
            self._read_journals()
            return self._found()

    def read_more(self) -> ScanResult:
        """Read the next older files, unless `has_nothing_to_read`; return what was found so far."""
        with self._lock:
            if not self.has_nothing_to_read:
                batch, is_last = self._backlog.next_batch()
                for file in batch:
                    if file.kind == "metrics":
                        self._read_window(file)
                if self._backlog.phase is not Phase.WAITING:  # else the node has changed: the scan starts again
                    if is_last and self._backlog.phase is Phase.READING:
                        self._contents.register.note_all_read()
                    self._backlog.note_read(batch, is_last=is_last, has_series_of_all=self._has_series_of_all)
            return self._found()

    def unread_hour(self, from_ms: int, to_ms: int) -> int | None:
        """Return the start of an hour of a range whose files `read_hour` should read; None if there is none.

        The index has no services and pods: those that ended before the files that are read in turn are only in files.
        """
        reach_ms = layout.reach_ms(self._holdings.rotation_ms)
        return self._backlog.unread_hour(max(self._holdings.oldest_ms or 0, from_ms - reach_ms), to_ms)

    def read_hour(self, hour_ms: int) -> None:
        """Read the files that begin in an hour, unless another thread has just read them."""
        with self._lock:
            backlog = self._backlog  # a file may make the scanner start again
            if backlog.has_read_hour(hour_ms):
                return
            for file in self._files.between(hour_ms, hour_ms + layout.HOUR_MS):
                if file.kind == "metrics" and file.start_ms >= hour_ms:
                    self._read_window(file)
            backlog.note_hour(hour_ms)
            self._holdings = self._make_holdings()

    @property
    def _has_series_of_all(self) -> bool:
        """Whether the index has the series of files that are not read, except those that are seldom looked at.

        The data of a pack is short, and all of it is looked at.
        """
        return self._index.was_good and not self._first_seen_ms

    def follow(self) -> None:
        """Read the new ticks of the journals, and update the holdings."""
        with self._lock:
            self._read_clock()
            self._read_journals()
            self._holdings = self._make_holdings()

    def changes_since(self, token: str) -> tuple[Holdings, SeriesChanges | None]:
        """Read the new ticks; return the contents, and the changes of the list of series since a token.

        The changes are None if the token is not known (any more).
        """
        self.follow()
        with self._lock:
            return self._holdings, self._revisions.since(token)

    @property
    def has_nothing_to_read(self) -> bool:
        """Whether there is nothing to read before the next `scan`."""
        return self._backlog.is_done

    def _found(self) -> ScanResult:
        self._holdings = self._make_holdings()
        is_readable = self._contents.header is not None
        has_files = is_readable or self._backlog.phase is Phase.READING
        is_indexed = is_readable and (self.has_nothing_to_read or self._backlog.is_enough_to_begin)
        return ScanResult(self._index.was_good, has_files, is_indexed)

    def _add_indexed(self) -> None:
        register = self._contents.register
        for series, first_ms, last_ms, index_key in self._index.containers:
            if first_ms > self._horizon_ms:
                continue
            if last_ms <= self._horizon_ms:
                register.add(series, first_ms, last_ms, index_key)
            else:  # its true end is unknown; files may show more
                register.add(series, first_ms, first_ms, index_key)
                register.extend(series, last_ms)

    def _read_first_seen(self) -> None:
        try:
            self._first_seen_ms.update(first_seen.load(os.path.join(self._files.data_dir, layout.FIRST_SEEN_NAME)))
        except (BadFileError, OSError) as error:
            self._skipped.note(layout.FIRST_SEEN_NAME, reason_of(error))

    def _read_clock(self) -> None:
        """Find out which times have come. If the clock was set back, start again without the data after now."""
        self._horizon_ms = self._files.horizon_ms()
        newest_ms = self._contents.newest_ms
        if newest_ms is not None and newest_ms > self._horizon_ms:
            log.warning("the wall clock was set back; searching the data again", extra=fields(newest_ms=newest_ms))
            self._start_again()
            self._after_horizon = self._files.after_horizon()

    def _read_journals(self) -> None:
        newest = list(islice(self._files.newest_first(), NEWEST_FILES))
        journals = [part for file in newest for part in (file, *file.parts) if part.kind == "journal"]
        self._journals.keep_only(journals)
        for file in journals:
            try:
                facts = self._journals.facts(file)
            except FileNotFoundError:
                continue  # the window was closed just now, so there is a Parquet file instead
            except (BadFileError, OSError) as error:
                self._skipped.note(file.path, reason_of(error))
                continue
            if facts is None or not self._is_shown(file, facts.header, facts.last_ms):
                continue
            if facts.supersedes and file.path != self._superseding:
                self._superseding = file.path
                if self._newest_read is not None and self._newest_read.start_ms >= file.start_ms:
                    self._start_again()  # the closed window that was read has times of another clock
            for series in facts.series:
                if series.key in facts.seen_ms:
                    first_ms, last_ms = facts.seen_ms[series.key]
                    self._contents.register.add(series, first_ms, self._clipped(last_ms))
            self._contents.add_file(facts.header, facts.metrics, facts.first_ms, self._clipped(facts.last_ms))

    def _read_newest_window(self) -> None:
        windows = (file for file in self._files.newest_first() if file.kind == "metrics")
        newest = next(windows, None)
        if newest is not None and newest != self._newest_read:
            self._read_window(newest)

    def _read_window(self, file: DataFile) -> None:
        """Add the series, metrics and times of a closed window or a merged hour, unless it is recorded again."""
        if self._journals.is_superseded(file):
            return
        if self._newest_read is None or file.start_ms >= self._newest_read.start_ms:
            self._newest_read = file
        for part in (file, *(part for part in file.parts if part.kind == "metrics")):
            try:
                window = self._files.window(part)
                try:
                    self._add_window(part, window)
                finally:
                    window.close()
            except (BadFileError, OSError) as error:
                if part is file or not isinstance(error, FileNotFoundError):  # else it is in the hour now
                    self._skipped.note(part.path, reason_of(error))
            else:
                self._skipped.forget(part.path)

    def _add_window(self, file: DataFile, window: WindowFile) -> None:
        if not self._is_shown(file, window.header, window.block.last_ms):
            return
        for series, first_ms, last_ms in window.seen_ms():
            self._contents.register.add(series, first_ms, self._clipped(last_ms))
        last_ms = self._clipped(window.block.last_ms)
        self._contents.add_file(window.header, window.metrics, window.block.first_ms, last_ms)

    def _is_shown(self, file: DataFile, header: FileHeader, last_ms: int) -> bool:
        """Return whether a file belongs to the node that is shown, after changing to its node if that is due."""
        is_fixed = self._only_node is not None
        choice = choose(header.node_name, last_ms, self._node, self._contents.newest_ms, is_fixed=is_fixed)
        if choice is Choice.OTHER:
            if file.folder not in self._other_nodes:
                self._other_nodes[file.folder] = str(header.node_name)
                log.warning(
                    "ignoring the data of another node",
                    extra=fields(folder=file.folder, node=header.node_name, shown=self._node),
                )
            return False
        if choice is Choice.SUCCESSOR:
            if self._node is not None:
                self._start_again()
            self._node = header.node_name
        return True

    def _start_again(self) -> None:
        """Remove all data of the node that was shown. The next scan starts again, for its successor."""
        self._contents, self._other_nodes = NodeContents(self._first_seen_ms), {}
        self._add_indexed()
        self._backlog, self._newest_read = Backlog(), None

    def _clipped(self, last_ms: int) -> int:
        """Return the last tick of a file. If its window was recorded partly while the clock was ahead, return now."""
        return last_ms if last_ms <= self._horizon_ms else self._horizon_ms - AHEAD_MS

    def _make_holdings(self) -> Holdings:
        contents = self._contents
        oldest = [ms for ms in (self._index.earliest_ms, contents.oldest_ms, self._oldest_minutes_ms) if ms is not None]
        newest = [ms for ms in (self._index.latest_ms, contents.newest_ms) if ms is not None and ms <= self._horizon_ms]
        index, note = self._index_state()
        notes = (note, note_of_other_nodes(self._node, self._other_nodes.values()), note_of_clock(self._after_horizon))
        holdings = Holdings(
            series=contents.register.snapshot(),
            metrics=frozenset(contents.metrics),
            header=contents.header,
            node_name=self._node,
            oldest_ms=min(oldest, default=None),
            newest_ms=max(newest, default=None),
            index=index,
            facts=self._index.facts,
            index_note="; ".join(filter(None, notes)) or None,
            now_ms=self._files.now_ms(),
            foreign_folders=frozenset(self._other_nodes),
        )
        self._revisions.update(holdings.series, holdings.facts, holdings.alive_from_ms)
        return replace(holdings, revision=self._revisions.token)

    def _index_state(self) -> tuple[str, str | None]:
        index, has_contents = self._index, self._index.was_good or self._contents.header is not None
        if not self._files.is_there():
            kept = "; what it contained is still shown" if has_contents else ""
            return index.state, f"there is no directory {self._files.data_dir}{kept}"
        if index.state == "ok" or index.was_good or self._backlog.files_read == 0:
            return index.state, index.note
        extent = "from all" if self.has_nothing_to_read else "so far from"
        return "rebuilt", f"{index.note}; names and times were read {extent} {self._backlog.files_read} files"
