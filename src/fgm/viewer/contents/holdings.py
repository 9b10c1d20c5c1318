"""A summary of the contents of a data directory."""

from collections.abc import Mapping
from dataclasses import dataclass

from fgm.metrics.rates import gap_ms
from fgm.store.index.index_file import Facts
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S
from fgm.store.samples.header import FileHeader
from fgm.viewer.contents.series_register import SeriesSnapshot

MAX_AGE_MS = 10_000
"""Maximum distance of the newest data from now; if it is larger, no series is reported as alive."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """The contents of a data directory at one moment, as the scanner has found them. It never changes."""

    series: SeriesSnapshot
    metrics: frozenset[str]
    """Names of the recorded columns that have a value in at least one file."""
    header: FileHeader | None
    """The header of the newest file that was read; None: none was read yet."""
    node_name: str | None
    """The node whose data is shown; None: no file with a node name was read yet."""
    oldest_ms: int | None
    """The oldest tick, according to the index and the files that were read; None: no tick was found yet."""
    newest_ms: int | None
    """The newest tick, likewise."""
    index: str
    """State of index.json: `ok`, `missing` or `bad`; `rebuilt` if files were read instead of it."""
    index_note: str | None
    """What is wrong with the index or the directory, for a reader; None: nothing."""
    facts: Mapping[str, Facts]
    """The facts about each container in index.json, by full container id."""
    now_ms: int
    """The time at which this was found out, in ms since 1970."""
    revision: str = ""
    """Token of the revision of the series and their facts; see `SeriesRevisions`."""
    foreign_folders: frozenset[str] = frozenset()
    """Folders found so far that have data of other nodes. More may be found as files are read."""

    @property
    def alive_from_ms(self) -> int:
        """The limit for a series to be alive: its last tick is at that time or later."""
        newest_ms = self.newest_ms or 0
        if abs(self.now_ms - newest_ms) > max(MAX_AGE_MS, 5 * self.tick_ms):
            return max(self.now_ms, newest_ms + 1)
        return newest_ms - round(gap_ms(self.tick_ms))

    @property
    def tick_ms(self) -> int:
        """The sampling interval in the newest header; the default interval until a header is read."""
        return DEFAULT_INTERVAL_MS if self.header is None else self.header.interval_ms

    @property
    def rotation_ms(self) -> int:
        """The length of windows in the newest header; the default length until a header is read."""
        return 1000 * (DEFAULT_ROTATION_S if self.header is None else self.header.rotation_s)
