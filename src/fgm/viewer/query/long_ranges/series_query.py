"""Finds the series that files of minutes have in a range, also those that no index and no samples have any more."""

from collections import deque
from typing import NamedTuple

from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.samples.series import Series
from fgm.viewer.files.minute_files import MinuteFile
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import reason_of
from fgm.viewer.query.long_ranges.names import days_between

FILES_PER_STEP = 8
"""Maximum number of files in one step; only their blocks are read."""
SAMPLES_PER_SERIES = 40
"""Memory of one series, in samples."""


class SeenSeries(NamedTuple):
    """A series, with the first and last minute of the files that have it: it may have lived for a part of that time."""

    series: Series
    first_ms: int
    last_ms: int


class SeriesQuery:
    """Finds the series in [from_ms, to_ms), step by step. Not thread-safe."""

    def __init__(self, sources: Sources, from_ms: int, to_ms: int, node_name: str | None) -> None:
        """List the files; may block. `node_name`: read only files of this node; None: files of all nodes."""
        self._sources, self._node_name = sources, node_name
        listed = [file for day in days_between(sources, from_ms, to_ms) for file in day.files]
        self._waiting = deque(f for f in listed if f.start_ms < to_ms and f.start_ms + f.duration_ms > from_ms)
        self._seen: dict[str, SeenSeries] = {}

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return SAMPLES_PER_SERIES * len(self._seen)

    def step(self) -> bool:
        """Read the blocks of the next files; return whether there are more. May block."""
        for _ in range(min(FILES_PER_STEP, len(self._waiting))):
            self._read(self._waiting.popleft())
        return bool(self._waiting)

    def result(self) -> list[SeenSeries]:
        """Return the series with their newest names, the oldest first. All steps must be done."""
        return list(self._seen.values())

    def _read(self, file: MinuteFile) -> None:
        if self._sources.minutes is None:
            return
        try:
            opened = self._sources.minutes.open(file)
        except FileNotFoundError:
            return  # its series are in the file that has replaced it, or its time is over
        except (BadFileError, OSError) as error:
            self._sources.skipped.note(file.path, reason_of(error))
            return
        block = opened.block
        opened.close()
        if None not in (block.header.node_name, self._node_name) and block.header.node_name != self._node_name:
            return
        for series in block.series:
            earlier = self._seen.get(series.key)
            first_ms = block.first_ms if earlier is None else min(earlier.first_ms, block.first_ms)
            last_ms = block.last_ms + MINUTE_MS - 1
            self._seen[series.key] = SeenSeries(
                series, first_ms, max(last_ms, 0 if earlier is None else earlier.last_ms)
            )
