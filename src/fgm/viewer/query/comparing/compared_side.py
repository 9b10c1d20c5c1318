"""One side of a comparison: the samples of one source in one time range, or in two that follow each other."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fgm.metrics.derived import ShownMetric
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.joined_rows import LEAD_TICKS, ComputedMetrics, MetricReader

SPARE_SERIES = 32
"""Number of series that may be added to those of the register while files are read."""

RowOf = Callable[[Series], int | None]
"""A function that returns the row of a series in the sums; None if there is no room for it."""


@dataclass(frozen=True, slots=True)
class Side:
    """Samples to compare: those of a source in [from_ms, to_ms).

    Those before `split_ms` are of the first range of the comparison, the others of the second.
    """

    holdings: Holdings
    sources: Sources
    from_ms: int
    split_ms: int
    to_ms: int

    def listed(self) -> list[RegisteredSeries]:
        """Return the registered series that may have samples."""
        snapshot = self.holdings.series
        return [each for each in snapshot.by_id.values() if snapshot.is_within(each, self.from_ms, self.to_ms)]

    def leaves(self, keys: set[str]) -> list[Series]:
        """Return the listed series with these keys; those that may have samples in the second range are first."""
        snapshot, listed = self.holdings.series, self.listed()
        listed.sort(key=lambda each: not snapshot.is_within(each, self.split_ms, self.to_ms))
        return [each.series for each in listed if each.series.key in keys]


def leaves_of(sides: Sequence[Side]) -> list[list[Series]]:
    """Return the leaves of each side, among the series of all: a pod is none if its container is on the other side."""
    keys = leaf_keys(each.series for side in sides for each in side.listed())
    return [side.leaves(keys) for side in sides]


def before_and_within(holdings: Holdings, sources: Sources, span: AnalysedSpan) -> Side:
    """Return the side whose first range is the time before a range, and whose second range is that one."""
    return Side(holdings, sources, span.compared_from_ms, span.from_ms, span.to_ms)


def alone(holdings: Holdings, sources: Sources, span: AnalysedSpan, number: int) -> Side:
    """Return a side with one range, without the time before it. `number`: 0: it is the first range; 1: the second."""
    return Side(holdings, sources, span.from_ms, span.from_ms if number else span.to_ms, span.to_ms)


class SideReader:
    """Reads a side, one file at a time. Not thread-safe.

    `members`: by row, the keys of the workloads (`workload_key`) of the series that were read.
    """

    def __init__(self, side: Side, metrics: Sequence[ShownMetric], listed: Sequence[Series]) -> None:
        """Prepare the reading. `listed`: the registered series of all sides of the comparison."""
        self.side, holdings = side, side.holdings
        self._reader = Reader(side.sources, holdings.node_name)
        self._within = (side.from_ms - LEAD_TICKS * holdings.tick_ms, side.to_ms)
        self._files = side.sources.files.between(*self._within, layout.reach_ms(holdings.rotation_ms))
        self._read_files = 0
        self._listed, self._own = listed, {each.series.key for each in side.listed()}
        self.row_of = np.zeros(len(leaf_keys(listed)) + SPARE_SERIES, np.intp)
        self._index_of: dict[str, int] = {}
        self.members: dict[int, set[str]] = {}
        self._metric_reader = MetricReader(self._reader, metrics, self._within, len(self.row_of))

    @property
    def files(self) -> int:
        """Number of files to read."""
        return len(self._files)

    @property
    def read_files(self) -> int:
        """Number of files that have been read."""
        return self._read_files

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    def read(self, row_of: RowOf) -> Generator[ComputedMetrics | None]:
        """Yield metrics of some series of a file, and None after each file. May block."""
        for file in self._files:
            with self._reader.opening(lambda series: self._chosen(series, row_of), self._within) as open_file:
                opened = open_file(file)
                if opened is not None:
                    try:
                        yield from self._metric_reader.read(opened, self._index_of)
                    except (BadFileError, OSError) as error:
                        self._reader.note(opened, error)
            self._read_files += 1
            yield None

    def drop(self) -> None:
        """Free the memory of the last rows."""
        self._metric_reader = MetricReader(self._reader, (), self._within, 0)

    def _chosen(self, series: Iterable[Series], row_of: RowOf) -> set[str]:
        """Return the keys of the series of a file that are leaves among all series of all sides, and have room.

        The decision must be the same for all files: a pod whose container is in one, but not in the next, would seem
        to be new there. `series`: also those that are not registered yet count.
        """
        of_file = {each.key: each for each in series}
        unregistered = [each for key, each in of_file.items() if self.side.holdings.series.find(key) is None]
        leaves = leaf_keys((*self._listed, *unregistered))
        own = self._own.union(each.key for each in unregistered)
        return set(self._with_room((each for key, each in of_file.items() if key in leaves and key in own), row_of))

    def _with_room(self, series: Iterable[Series], row_of: RowOf) -> Iterator[str]:
        for each in series:
            is_full = each.key not in self._index_of and len(self._index_of) >= len(self.row_of)
            row = None if is_full else row_of(each)
            if row is None:
                continue
            if each.key not in self._index_of:
                self.row_of[len(self._index_of)] = row
                self._index_of[each.key] = len(self._index_of)
                self.members.setdefault(row, set()).add(workload_key(each))
            yield each.key


def workload_key(series: Series) -> str:
    """Return the key that successive containers of one workload share; the key of the series if it has no names."""
    workload = workload_of(series)
    return series.key if workload is None else "/".join(workload)
