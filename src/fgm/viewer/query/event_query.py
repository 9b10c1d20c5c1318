"""Finds the events of a range of time: the newest day first, and no more days than the limit needs.

Only for days without `events.jsonl` are events derived from samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from fgm.events.lives import names_differ
from fgm.store.errors import BadFileError
from fgm.store.events.event import Event, merged
from fgm.store.samples.series import SHORT_ID_LENGTH
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import HIDDEN_SCOPES
from fgm.viewer.contents.series_register import RegisteredSeries, SeriesSnapshot
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.derived_events import LEAD_MS, MAX_MS, DerivedEvents

SAMPLES_PER_EVENT = 40
"""Memory of an event, in samples."""


@dataclass(frozen=True, slots=True)
class EventQuestion:
    """Events in [from_ms, to_ms), the newest first, at most `limit`."""

    from_ms: int
    to_ms: int
    limit: int
    ids: tuple[str, ...] | None = None
    """Ids of the series; None: all series."""
    kinds: frozenset[str] = frozenset()
    """Kinds of events; empty: all kinds."""


@dataclass(frozen=True, slots=True)
class EventResult:
    """The events that were found, the newest first."""

    events: tuple[Event, ...]
    is_cut: bool
    """Whether there are more events, or times in which none were looked for."""
    is_derived: bool
    """Whether some events were derived from samples."""
    unknown_ids: tuple[str, ...]
    """Ids of the question that are neither registered nor in an event."""
    skipped_files: int
    skipped_lines: int


class EventQuery:
    """One question whose answer is made step by step; for one thread at a time."""

    def __init__(self, holdings: Holdings, question: EventQuestion, event_files: EventFiles, sources: Sources) -> None:
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
        self._is_cut = self._is_derived = False

    @property
    def max_samples(self) -> int:
        """Memory that it may take, in samples."""
        of_derived = 0 if self._derived is None else self._derived.max_samples
        return SAMPLES_PER_EVENT * max(self._question.limit, len(self._events)) + of_derived

    def step(self) -> bool:
        """Read the next day, or derive events from the next file; return whether there is more to do."""
        if self._derived is not None:
            if not self._derived.step():
                self._skipped_files += self._derived.skipped_files
                self._add(self._derived.events)
                self._derived, self._days = None, []
        elif self._days and len(self._events) <= self._question.limit:
            self._read(self._days.pop())
        elif self._days:
            self._is_cut, self._days = True, []
        elif self._without_file:
            self._begin_to_derive()
        return self._derived is not None or bool(self._days or self._without_file)

    def result(self) -> EventResult:
        """Return the events, when there are no more steps."""
        unknown_ids = tuple(name for name in self._question.ids or () if not self._is_known(name))
        self._events.sort(key=lambda event: event.time_ms, reverse=True)
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
        """Read the written events of one day, of all writers."""
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
        self._add(merged(sorted(events, key=lambda event: event.time_ms)))

    def _begin_to_derive(self) -> None:
        folders, self._without_file = self._without_file, set()
        question, holdings = self._question, self._holdings
        end_ms = min(question.to_ms, (holdings.newest_ms or question.to_ms) + 1)
        begin_ms = max(question.from_ms, end_ms - MAX_MS)
        files = [file for file in self._sources.files.between(begin_ms - LEAD_MS, end_ms) if file.folder in folders]
        self._is_derived = True
        self._is_cut |= begin_ms > max(question.from_ms, holdings.oldest_ms or 0)
        self._derived = DerivedEvents(files, holdings.node_name, holdings.tick_ms, self._sources)

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
            return False  # the collector took it for a container at first
        if question.ids is None:
            return True
        return any(_names(name, event.series, registered) for name in question.ids)

    def _is_known(self, name: str) -> bool:
        if self._holdings.series.find(name) is not None:
            return True
        return any(_names(name, event.series, None) for event in self._events)


def _names(name: str, key: str, registered: RegisteredSeries | None) -> bool:
    """Return whether a name is the key of a series, its id, or a beginning of the key."""
    is_id = registered is not None and name == registered.id
    return name == key or is_id or (len(name) >= SHORT_ID_LENGTH and key.startswith(name))


def _corrected(event: Event, snapshot: SeriesSnapshot) -> Event:
    """Return an event as it is known by now.

    The names of containers arrive late; they may show that a container did not replace the one that ended before.
    """
    if event.kind != "restart":
        return event
    old = snapshot.find(str(event.before.get("container")))
    new = snapshot.find(event.series)
    if old is None or new is None or not names_differ(old.series, new.series):
        return event
    return Event(event.time_ms, "start", event.series, "started")
