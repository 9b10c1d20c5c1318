"""Finds the events in a time range. Days are read from the newest to the oldest, until there are enough events.

For days without `events.jsonl`, events are derived from samples.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from fgm.events.lives import names_differ
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.events.event import Event, in_order, merged
from fgm.store.samples.series import SHORT_ID_LENGTH
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import HIDDEN_SCOPES
from fgm.viewer.contents.series_register import RegisteredSeries, SeriesSnapshot
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.derived_events import LEAD_MS, MAX_MS, DerivedEvents

SAMPLES_PER_EVENT = 40
"""Memory of one event, in samples."""


class EventQuestion(NamedTuple):
    """A question for the newest events in [from_ms, to_ms), at most `limit`."""

    from_ms: int
    to_ms: int
    limit: int
    ids: tuple[str, ...] | None = None
    """Ids of the series whose events are wanted; None: all series."""
    kinds: frozenset[str] = frozenset()
    """Kinds of the events that are wanted; empty: all kinds."""


class EventResult(NamedTuple):
    """The result of an event query. `events`: newest first."""

    events: tuple[Event, ...]
    is_cut: bool
    """Whether events may be missing: there are more than the limit, or a part of the range was not searched."""
    is_derived: bool
    """Whether some events were derived from samples."""
    unknown_ids: tuple[str, ...]
    """Ids of the question that belong neither to a registered series nor to one of the events."""
    skipped_files: int
    skipped_lines: int


class EventQuery:
    """Finds the events for one question, step by step. Not thread-safe."""

    def __init__(
        self,
        holdings: Holdings,
        question: EventQuestion,
        event_files: EventFiles,
        sources: Sources,
        *,
        is_derived: bool = False,
    ) -> None:
        """`is_derived`: whether events in the files were derived from samples when the files were written."""
        self._holdings, self._question = holdings, question
        self._event_files, self._sources = event_files, sources
        folders = [
            (midnight_ms, folder)
            for midnight_ms, folder in sources.files.folders_between(question.from_ms, question.to_ms)
            if folder not in holdings.foreign_folders
        ]
        self._days = [[folder for _, folder in day] for _, day in groupby(folders, itemgetter(0))]
        self._events: list[Event] = []
        self._derived: DerivedEvents | None = None
        self._without_file: set[str] = set()
        self._skipped_files = self._skipped_lines = 0
        self._is_cut, self._is_derived = False, is_derived

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        of_derived = 0 if self._derived is None else self._derived.max_samples
        return SAMPLES_PER_EVENT * max(self._question.limit, len(self._events)) + of_derived

    @property
    def is_deriving(self) -> bool:
        """Whether the next step derives events from samples, which takes long."""
        return self._derived is not None

    def step(self) -> bool:
        """Read the next day, or derive events from the next ticks; return whether there is more to do. May block."""
        if self._derived is not None:
            if not self._derived.step():
                self._skipped_files += self._derived.skipped_files
                self._add(merged(in_order(self._derived.events)))
                self._derived, self._days = None, []
        elif self._days and len(self._events) <= self._question.limit:
            self._read(self._days.pop())
        elif self._days:
            self._is_cut, self._days = True, []
        elif self._without_file:
            self._begin_to_derive()
        return self._derived is not None or bool(self._days or self._without_file)

    def result(self) -> EventResult:
        """Return the result. All steps must be done."""
        unknown_ids = tuple(name for name in self._question.ids or () if not self._is_known(name))
        self._events = in_order(self._events)[::-1]
        newest = tuple(self._events[: self._question.limit])
        return EventResult(
            events=newest,
            is_cut=self._is_cut or len(newest) < len(self._events),
            is_derived=self._is_derived,
            unknown_ids=unknown_ids,
            skipped_files=self._skipped_files,
            skipped_lines=self._skipped_lines,
        )

    def _read(self, folders: Sequence[str]) -> None:
        """Read the events files of all writers for one day."""
        events: list[Event] = []
        for folder in folders:
            try:
                read = self._event_files.read(folder)
            except (BadFileError, OSError):
                self._skipped_files += 1
                continue
            if read is None:
                self._without_file.add(folder)
                continue
            self._skipped_lines += read.skipped
            self._is_cut |= read.is_cut
            events += read.events
        self._add(merged(in_order(events)))

    def _begin_to_derive(self) -> None:
        folders, self._without_file = self._without_file, set()
        question, holdings = self._question, self._holdings
        end_ms = min(question.to_ms, (holdings.newest_ms or question.to_ms) + 1)
        begin_ms = max(question.from_ms, end_ms - MAX_MS)
        within = (begin_ms - LEAD_MS, end_ms)
        reach = layout.reach_ms(holdings.rotation_ms)
        files = [file for file in self._sources.files.between(*within, reach) if file.folder in folders]
        self._is_derived = True
        self._is_cut |= begin_ms > max(question.from_ms, holdings.oldest_ms or 0)
        self._derived = DerivedEvents(files, within, holdings.node_name, holdings.tick_ms, self._sources)

    def _add(self, events: Sequence[Event]) -> None:
        question, snapshot = self._question, self._holdings.series
        for event in events:
            corrected = _corrected(event, snapshot)
            if question.from_ms <= event.time_ms < question.to_ms and self._passes(corrected):
                self._events.append(corrected)

    def _passes(self, event: Event) -> bool:
        question = self._question
        if question.kinds and event.kind not in question.kinds:
            return False
        registered = self._holdings.series.find(event.series)
        if registered is not None and registered.series.scope in HIDDEN_SCOPES:
            return False  # the collector has taken the sandbox for a container at first
        if question.ids is None:
            return True
        return any(_names(name, event.series, registered) for name in question.ids)

    def _is_known(self, name: str) -> bool:
        if self._holdings.series.find(name) is not None:
            return True
        return any(_names(name, event.series, None) for event in self._events)


def _names(name: str, key: str, registered: RegisteredSeries | None) -> bool:
    """Return whether a name is the id or the key of a series, or the start of its key."""
    is_id = registered is not None and name == registered.id
    return name == key or is_id or (len(name) >= SHORT_ID_LENGTH and key.startswith(name))


def _corrected(event: Event, snapshot: SeriesSnapshot) -> Event:
    """Return an event, corrected if a restart was in fact a start.

    Names of containers arrive late. They may show that a container is not the successor of the one that exited before
    it.
    """
    if event.kind != "restart":
        return event
    old = snapshot.find(str(event.before.get("container")))
    new = snapshot.find(event.series)
    if old is None or new is None or not names_differ(old.series, new.series):
        return event
    return Event(event.time_ms, "start", event.series, "started")
