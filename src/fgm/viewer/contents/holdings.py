"""What is known of a data directory at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from fgm.store.index.index_file import Facts
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS
from fgm.store.samples.header import FileHeader
from fgm.viewer.contents.series_register import SeriesSnapshot


@dataclass(frozen=True, slots=True)
class Holdings:
    """Which series and metrics a data directory holds, of which node, and from when to when."""

    series: SeriesSnapshot
    metrics: frozenset[str]
    """Recorded columns that hold a value in some file."""
    header: FileHeader | None
    """The header of the newest file that was read."""
    node_name: str | None
    """The node whose data is shown; None: no file has named its node yet."""
    oldest_ms: int | None
    newest_ms: int | None
    index: str
    """State of index.json: `ok`, `missing`, `bad`, or `rebuilt` if the files are read instead of it."""
    index_note: str | None
    facts: Mapping[str, Facts]
    """What index.json says of each container besides its names, by full id."""
    foreign_folders: frozenset[str] = frozenset()
    """Folders that hold data of other nodes, as far as their files have been read."""

    @property
    def tick_ms(self) -> int:
        """The sampling interval of the newest file header; the default until one is read."""
        return DEFAULT_INTERVAL_MS if self.header is None else self.header.interval_ms
