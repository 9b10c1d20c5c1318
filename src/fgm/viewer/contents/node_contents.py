"""What the data of one node contains, as far as it was read."""

from collections.abc import Mapping

from fgm.store.samples.header import FileHeader
from fgm.viewer.contents.series_register import SeriesRegister


class NodeContents:
    """The series, metrics and times in all files of one node that were read. Not thread-safe.

    `header`: that of the newest file; None if none was read. `oldest_ms`, `newest_ms`: the first and the last tick of
    all files.
    """

    def __init__(self, first_seen_ms: Mapping[str, int]) -> None:
        """Contain nothing yet. `first_seen_ms`: see `SeriesRegister`."""
        self.register = SeriesRegister(first_seen_ms)
        self.metrics: set[str] = set()
        self.header: FileHeader | None = None
        self.oldest_ms: int | None = None
        self.newest_ms: int | None = None

    def add_file(self, header: FileHeader, metrics: frozenset[str], first_ms: int, last_ms: int) -> None:
        """Add the metrics and times of a file; its series are added to `register`."""
        self.metrics |= metrics
        self.oldest_ms = first_ms if self.oldest_ms is None else min(self.oldest_ms, first_ms)
        if self.newest_ms is None or last_ms >= self.newest_ms:
            self.header, self.newest_ms = header, last_ms
