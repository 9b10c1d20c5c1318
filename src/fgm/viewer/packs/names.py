"""The names that a pack gets: those that are recorded, or pseudonyms by the rules of a redaction."""

from typing import Protocol

from fgm.store.events.event import Event
from fgm.store.index.index_file import Index
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series


class Names(Protocol):
    """Replaces the names in everything that is written into a pack."""

    def series(self, series: Series, /) -> Series:
        """Return a series as it is written."""

    def header(self, header: FileHeader) -> FileHeader:
        """Return the header of a file as it is written."""

    def index(self, index: Index) -> Index:
        """Return the index as it is written."""

    def event(self, event: Event) -> Event:
        """Return an event as it is written."""


class RecordedNames:
    """The names as they are recorded."""

    @staticmethod
    def series(series: Series, /) -> Series:
        """Return the series."""
        return series

    @staticmethod
    def header(header: FileHeader) -> FileHeader:
        """Return the header."""
        return header

    @staticmethod
    def index(index: Index) -> Index:
        """Return the index."""
        return index

    @staticmethod
    def event(event: Event) -> Event:
        """Return the event."""
        return event
