"""Answers what happened in a range of time: the newest day first, and no more days than the limit needs.

Moved on in steps, as `Query` is. Only where a day has no events.jsonl are events derived from its samples.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from fgm.events.lives import names_differ
from fgm.store.errors import BadFileError
from fgm.store.events.event import Event, merged
from fgm.store.samples.series import SHORT_ID_LENGTH
from fgm.viewer.api.request.parsing import EventsParameters
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import HIDDEN_SCOPES
from fgm.viewer.contents.series_names import name_of
from fgm.viewer.contents.series_register import RegisteredSeries, SeriesSnapshot
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.derived_events import LEAD_MS, MOST_MS, DerivedEvents
from fgm.viewer.web.problems import unknown

SAMPLES_OF_EVENT = 40
"""An event takes as much memory as so many samples."""


class EventQuery:
    """One question on its way to its answer; for one thread at a time."""

    def __init__(
        self, holdings: Holdings, asked: EventsParameters, now_ms: int, event_files: EventFiles, sources: Sources
    ) -> None:
        """Find the days to read. Raises Problem where the range is empty."""
        self._holdings, self._asked = holdings, asked
        self._event_files, self._sources = event_files, sources
        tick_ms = holdings.tick_ms
        self._from_ms, self._to_ms = asked.span.resolve(now_ms, holdings.oldest_ms or now_ms, tick_ms)
        folders = [
            f for f in sources.files.folders_between(self._from_ms, self._to_ms) if f[1] not in holdings.foreign_folders
        ]
        self._days = [[f for _, f in of_day] for _, of_day in groupby(folders, itemgetter(0))]
        self._found: list[Event] = []
        self._derived: DerivedEvents | None = None
        self._missing: set[str] = set()
        self._skipped_files = self._skipped_lines = 0
        self._is_cut = self._is_derived = False

    @property
    def most_samples(self) -> int:
        """How much memory it may take, in samples."""
        of_derived = 0 if self._derived is None else self._derived.most_samples
        return SAMPLES_OF_EVENT * max(self._asked.limit, len(self._found)) + of_derived

    def step(self) -> bool:
        """Look at the next day, or the next file of one without events; return whether there is more to do."""
        if self._derived is not None:
            if not self._derived.step():
                self._skipped_files += self._derived.skipped_files
                self._add(self._derived.events)
                self._derived, self._days = None, []
        elif self._days and len(self._found) <= self._asked.limit:
            self._read(self._days.pop())
        elif self._days:
            self._is_cut, self._days = True, []
        elif self._missing:
            self._begin_to_derive()
        return self._derived is not None or bool(self._days or self._missing)

    def answer(self) -> dict[str, Any]:
        """Return the answer of /api/events, when there are no more steps. Raises Problem where no series is known."""
        registered = self._holdings.series
        missing = [name for name in self._asked.ids or () if not self._is_known(name)]
        if self._asked.ids and len(missing) == len(self._asked.ids):
            raise unknown("containers", "series", missing[0][:256], "an id from /api/containers, or of an event")
        self._found.sort(key=lambda event: event.time_ms, reverse=True)
        shown = self._found[: self._asked.limit]
        return {
            "from_ms": self._from_ms,
            "to_ms": self._to_ms,
            "partial": self._is_cut or len(shown) < len(self._found),
            "derived": self._is_derived,
            "skipped_files": self._skipped_files,
            "skipped_lines": self._skipped_lines,
            "unknown": missing,
            "events": [_shown(event, registered) for event in shown],
        }

    def _read(self, folders: Sequence[str]) -> None:
        """Read what was written down on one day, by all writers."""
        events: list[Event] = []
        for folder in folders:
            try:
                read = self._event_files.read(folder)
            except (BadFileError, OSError):
                self._skipped_files += 1
                continue
            if read is None:
                self._missing.add(folder)
                continue
            self._skipped_lines += read.skipped
            self._is_cut |= read.is_cut
            events += read.events
        self._add(merged(sorted(events, key=lambda event: event.time_ms)))

    def _begin_to_derive(self) -> None:
        folders, self._missing = self._missing, set()
        end_ms = min(self._to_ms, (self._holdings.newest_ms or self._to_ms) + 1)
        begin_ms = max(self._from_ms, end_ms - MOST_MS)
        found = [file for file in self._sources.files.between(begin_ms - LEAD_MS, end_ms) if file.folder in folders]
        self._is_derived = True
        self._is_cut |= begin_ms > max(self._from_ms, self._holdings.oldest_ms or 0)
        holdings = self._holdings
        self._derived = DerivedEvents(found, holdings.node_name, holdings.tick_ms, self._sources)

    def _add(self, events: Sequence[Event]) -> None:
        registered = self._holdings.series
        for event in events:
            corrected = _corrected(event, registered)
            if self._from_ms <= event.time_ms < self._to_ms and self._is_asked(corrected, registered):
                self._found.append(corrected)

    def _is_asked(self, event: Event, registered: SeriesSnapshot) -> bool:
        asked = self._asked
        if asked.kinds and event.kind not in asked.kinds:
            return False
        known = registered.find(event.series)
        if known is not None and known.series.scope in HIDDEN_SCOPES:
            return False  # it was taken for a container at first
        if asked.ids is None:
            return True
        return any(_stands_for(name, event.series, known) for name in asked.ids)

    def _is_known(self, name: str) -> bool:
        registered = self._holdings.series
        if registered.find(name) is not None:
            return True
        return any(_stands_for(name, event.series, None) for event in self._found)


def _stands_for(name: str, key: str, known: RegisteredSeries | None) -> bool:
    return (
        name == key
        or (known is not None and name == known.id)
        or (len(name) >= SHORT_ID_LENGTH and key.startswith(name))
    )


def _corrected(event: Event, registered: SeriesSnapshot) -> Event:
    """Return what is known by now: the names of containers come late, and show who was no restart of whom."""
    if event.kind != "restart":
        return event
    old = registered.find(str(event.before.get("container")))
    new = registered.find(event.series)
    if old is None or new is None or not names_differ(old.series, new.series):
        return event
    return Event(event.time_ms, "start", event.series, "started")


def _shown(event: Event, registered: SeriesSnapshot) -> dict[str, Any]:
    known = registered.find(event.series)
    return {
        "time_ms": event.time_ms,
        "kind": event.kind,
        "series": _id(event.series, registered),
        "name": event.series[:SHORT_ID_LENGTH] if known is None else name_of(known),
        "what": event.what,
        "before": _with_ids(event.before, registered),
        "after": _with_ids(event.after, registered),
    }


def _with_ids(facts: Any, registered: SeriesSnapshot) -> dict[str, Any]:
    return {name: _id(value, registered) if name == "container" else value for name, value in facts.items()}


def _id(key: str, registered: SeriesSnapshot) -> str:
    known = registered.find(key)
    if known is not None:
        return known.id
    is_container = ":" not in key and key != "node"
    return key[:SHORT_ID_LENGTH] if is_container else key
