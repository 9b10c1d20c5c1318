"""Finds what stood out in a range: reads a grid, and runs the detectors on it, in short steps.

If the metrics of all detectors do not fit into memory at once, the files are read several times, with other metrics or
other series each time.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.store.events.event import Event
from fgm.store.samples.series import Series
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.event_files import EventFiles
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.findings import detection, ranking
from fgm.viewer.findings.detection import DETECTORS, Detector
from fgm.viewer.findings.grid import Grid, Matrix, Row
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.grids.grid_reader import GridReader, Part
from fgm.viewer.query.analysis.grids.grid_rows import MAX_CELLS, rows_of
from fgm.viewer.query.analysis.grids.matrices import PackedMatrices, UnpackedMatrices
from fgm.viewer.query.analysis.grids.passes import Pass, passes
from fgm.viewer.query.analysis.grids.series_bounds import SeriesBounds, read_range
from fgm.viewer.query.event_query import EventQuery, EventQuestion

MAX_VALUES = 7 * MAX_CELLS
"""Maximum number of values of all packed matrices together, 22 MB: seven metrics of the largest grid."""
STEP_S = 0.005
"""Time after which no more work is begun in a step. A piece of work takes about as long."""
MAX_EVENTS = 5_000
"""Maximum number of events that detectors get, the newest."""


class FindingResult(NamedTuple):
    """What stood out, the most important first.

    `series`: those that were looked at; `Finding.row` is an index. `metrics`: number of metrics with values. `is_cut`:
    whether some series were left out.
    """

    findings: Sequence[Ranked]
    series: Sequence[Series]
    ticks: int
    metrics: int
    is_cut: bool
    skipped_files: int


class FindingQuery:
    """One search for findings. Not thread-safe."""

    def __init__(
        self,
        holdings: Holdings,
        span: AnalysedSpan,
        sources: Sources,
        event_files: EventFiles,
        monotonic: Callable[[], float],
        *,
        detectors: Sequence[Detector] = DETECTORS,
    ) -> None:
        """`monotonic`: returns the time in seconds since some instant."""
        self.span = span
        self._detectors, self._monotonic = detectors, monotonic
        self._reader = Reader(sources, holdings.node_name)
        self._snapshot = holdings.series
        self._rows = rows_of(self._snapshot, span)
        self._files = sources.files.between(*read_range(span), layout.reach_ms(holdings.rotation_ms))
        question = EventQuestion(span.before_ms, span.to_ms, MAX_EVENTS)
        self._event_query = EventQuery(holdings, question, event_files, sources)
        self._recorded = holdings.metrics
        self._events: Sequence[Event] = ()
        self._of_node: dict[str, Row] = {}
        self._found: list[Ranked] = []
        self._with_values: set[str] = set()
        self._progress = 0.0
        self._steps = self._work()

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of events, in samples.

        The matrices are not counted: they have memory of their own, because only one long query runs at a time.
        """
        return self._event_query.max_samples

    @property
    def progress(self) -> float:
        """The share of the work that is done, from 0 to 1."""
        return self._progress

    def step(self) -> bool:
        """Read the next files or run the next detectors; return whether there may be more. May block."""
        until_s = self._monotonic() + STEP_S
        while next(self._steps, None) is not None:
            if self._monotonic() >= until_s:
                return True
        return False

    def result(self) -> FindingResult:
        """Return the result. All steps must be done."""
        return FindingResult(
            findings=ranking.ranked(self._found),
            series=self._rows.series,
            ticks=self.span.ticks,
            metrics=len(self._with_values),
            is_cut=self._rows.is_cut,
            skipped_files=self._reader.skipped_files,
        )

    def drop(self) -> None:
        """Free the memory. Neither `step` nor `result` may be called afterwards.

        If the request was canceled, a step may still run in its thread. Its memory is freed when it ends.
        """
        with suppress(ValueError):  # the generator is being executed
            self._steps.close()
        self._found = []

    def _work(self) -> Generator[float]:
        if self.span.begin >= self.span.ticks:
            return
        bounds = SeriesBounds(self._snapshot, self.span, self._reader)
        for _ in bounds.read(self._files):
            yield self._progress
        rows = self._rows = rows_of(bounds.snapshot, self.span)
        if not rows.series:
            return
        while self._event_query.step():
            yield self._progress
        self._events = self._event_query.result().events[::-1]
        needed = detection.metrics_of(self._detectors)
        available = [name for name in needed if SHOWN[name].has_values(self._recorded)]
        own = {series.key: row for row, series in enumerate(rows.series)}
        packing = bounds.packing((own, rows.row_of_pod), len(rows.series))
        if len(available) * len(rows.series) * self.span.ticks <= MAX_VALUES:
            packing = replace(packing, is_shared=False)
        planned = list(passes(self._detectors, available, rows.pod_of, packing, MAX_VALUES))
        matrices, previous = PackedMatrices(packing), (0, len(rows.series))
        for each in planned:
            if (each.first, each.end) != previous:
                matrices, previous = PackedMatrices(packing.part(each.first, each.end)), (each.first, each.end)
            yield from self._find(each, matrices, 1 / len(planned))

    def _find(self, each: Pass, matrices: PackedMatrices, weight: float) -> Iterator[float]:
        """Read the files, and run detectors. `matrices`: those of the pass before, if it was of the same rows.

        `weight`: the share of the work.
        """
        began, first = self._progress, each.first
        parts = self._parts(each, matrices.keep(each.needs))
        reader = GridReader(parts, self.span, self._files if parts else (), self._reader, matrices)
        try:
            while reader.step():
                self._progress = began + 0.8 * weight * reader.progress
                yield self._progress
        finally:
            reader.close()
        names = matrices.names()
        node = self._rows.node
        if node is not None and first <= node < each.end:
            self._of_node.update({name: matrices.rows(name, node - first, node - first + 1)[0] for name in names})
        self._with_values.update(names)
        grid = self._grid(first, each.end, UnpackedMatrices(matrices, names, 0, each.end - first))
        of_rows = partial(UnpackedMatrices, matrices)
        for call in detection.calls(grid, each.detectors, of_rows):
            for found in ranking.with_strength(call(), grid):
                (finding,) = detection.moved([found.finding], first)
                self._found.append(found._replace(finding=finding))
            yield self._progress
        self._progress = began + weight
        yield self._progress

    def _grid(self, first: int, end: int, matrices: Mapping[str, Matrix]) -> Grid:
        """Return the grid of some rows."""
        rows = self._rows
        pods = rows.pod_of[first:end] - first
        return Grid(
            time_ms=self.span.time_ms(),
            begin=self.span.begin,
            interval_ms=self.span.tick_ms,
            series=rows.series[first:end],
            is_leaf=rows.is_leaf[first:end],
            pod_of=np.where((pods >= 0) & (pods < end - first), pods, -1),
            node=rows.node if rows.node is not None and first <= rows.node < end else None,
            metrics=matrices,
            events=self._events,
            of_node=self._of_node,
        )

    def _parts(self, each: Pass, kept: Collection[str]) -> list[Part]:
        """Return what a pass reads: the network of a pod with one container is that of the container.

        `kept`: metrics that the pass before has read.
        """
        rows, first, end = self._rows, each.first, each.end
        shown = [SHOWN[name] for name in each.needs if name not in kept]
        own = {series.key: row for row, series in enumerate(rows.series[first:end])}
        of_pods = {key: row - first for key, row in rows.row_of_pod.items() if first <= row < end}
        network = [metric for metric in shown if metric.name.startswith("network.")]
        others = [metric for metric in shown if metric not in network]
        in_place_of_pods = set(of_pods.values())
        of_network = {key: row for key, row in own.items() if row not in in_place_of_pods} | of_pods
        parts = [Part(own, others), Part(of_network, network)]
        return [part for part in parts if part.row_of and part.metrics]
