"""Fills matrices of float32 with metrics of all series, one file or a part of a merged hour in each step."""

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

from fgm.metrics.derived import ShownMetric
from fgm.store.errors import BadFileError
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.reader import Reader
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.grids.matrices import Destination, PackedMatrices
from fgm.viewer.query.analysis.grids.series_bounds import read_range
from fgm.viewer.query.analysis.joined_rows import ComputedMetrics, JoinedRows, MetricReader


class Part(NamedTuple):
    """Metrics that are read of some series.

    `row_of`: the row in the matrices of each series, by `Series.key`.
    """

    row_of: Mapping[str, int]
    metrics: Sequence[ShownMetric]


class GridReader:
    """Reads metrics of some series. Not thread-safe."""

    def __init__(
        self,
        parts: Sequence[Part],
        span: AnalysedSpan,
        files: Sequence[DataFile],
        reader: Reader,
        matrices: PackedMatrices,
    ) -> None:
        """`files`: those with samples in the range, in order of time. `matrices`: those that are filled."""
        self._span = span
        self._within = read_range(span)
        self._parts = [(part, MetricReader(reader, part.metrics, self._within, matrices.series)) for part in parts]
        self._files, self._reader = files, reader
        self._matrices = matrices
        self._destinations: tuple[JoinedRows, list[Destination]] | None = None
        self._read_files = 0
        self._pieces = self._read()

    @property
    def progress(self) -> float:
        """The share of files that have been read, from 0 to 1."""
        return self._read_files / max(1, len(self._files))

    def step(self) -> bool:
        """Read the next file or part of it; return whether there may be more. May block."""
        return next(self._pieces, None) is not None

    def close(self) -> None:
        """Close the file that is being read."""
        self._pieces.close()

    def _read(self) -> Generator[bool]:
        wanted = {key for part, _ in self._parts for key in part.row_of}
        for file in self._files:
            with self._reader.opening(wanted, self._within) as open_file:
                opened = open_file(file)
                if opened is not None:
                    try:
                        for part, metrics in self._parts:
                            for computed in metrics.read(opened, part.row_of):
                                self._fill(computed)
                                yield True
                    except (BadFileError, OSError) as error:
                        self._reader.note(opened, error)
            self._read_files += 1
            yield True

    def _fill(self, computed: ComputedMetrics) -> None:
        """Write the values of metrics into the matrices."""
        span, rows = self._span, computed.rows
        if self._destinations is None or self._destinations[0] is not rows:  # other metrics may be of the same rows
            ticks = (rows.time_ms - span.first_ms) // span.tick_ms
            self._destinations = rows, self._matrices.destinations(rows.series, ticks, rows.places)
        destinations = self._destinations[1]
        for metric in computed.metrics:
            self._matrices.write(metric.name, destinations, metric.compute(computed.samples))
