"""Exact rows of a range, of any mixture of merged hours, windows and journals: each tick of each series once.

The range is read hour by hour, and an hour with very many rows in groups of series. Of each of these parts, only one
column is in memory at a time. If several files have the same tick of a series, the row counts that all queries show.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times
from fgm.store.directory import layout
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, order, with_known_names
from fgm.viewer.exports.row_sources import RowSource, RowSources
from fgm.viewer.files.hours.merged_rows import Range, groups_of
from fgm.viewer.files.reader import Choose, Sources
from fgm.viewer.files.skipped_files import SkipCounter

MAX_ROWS = 200_000
"""Maximum number of rows of a part, unless one series has more: 1.6 MB for a column of 55 containers in an hour."""

Named = Callable[[Series], Series]
"""A function that returns the names with which a series is written, such as newer ones, or pseudonyms."""
_Index = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RangeQuestion:
    """What is read: rows of the chosen series in [from_ms, to_ms).

    `choose`: keys of the series, or a function that chooses them. `columns`: the recorded columns that will be read.
    `node_name`: the node whose files are read; None: all. `rotation_ms`: length of the windows. `span_ms`: length of a
    part; parts begin at whole multiples of it. `max_rows`: number of rows at which a part is divided by series; None:
    it is never divided.
    """

    from_ms: int
    to_ms: int
    choose: Choose | set[str]
    columns: Sequence[str]
    node_name: str | None
    rotation_ms: int
    span_ms: int = layout.HOUR_MS
    max_rows: int | None = MAX_ROWS


class _Piece(NamedTuple):
    """Rows of a series from one source. `source`: its number; `place`: that of the chunk; `kept`: rows that count."""

    source: int
    place: int
    chunk: Chunk
    kept: _Index


class _Placed(NamedTuple):
    """Rows of a chunk, and their positions in the part."""

    rows: _Index
    positions: _Index


class RangeRows:
    """Rows of a part of the range, sorted by series and time, in the form that `write_metrics` takes.

    `within`: the range of the part. `header`: that of its newest file. `runs`: the series. `time_ms`: the tick of each
    row. `columns`: the recorded columns that at least one file has. It can be read until the next part is made.
    """

    def __init__(self, sources: Sequence[RowSource], within: Range, keys: set[str], named: Named) -> None:
        """Order the rows. `keys`: of the series to read.

        Raises: BadFileError if the times of a source are damaged.
        """
        self.within = within
        self.header: FileHeader = max(sources, key=lambda source: source.within[1]).header
        self._sources = sources
        self._keys = [keys & source.series.keys() for source in sources]
        self.columns = frozenset[str]().union(*(source.columns for source in sources))
        self._placed: list[list[_Placed]] = [[] for _ in sources]
        self.runs, self.time_ms = self._order(named)

    def column(self, name: str) -> Floats:
        """Return a recorded column of the question, or `late_ms`, as a new array.

        Shape: float64[rows], NaN for null.
        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        values = np.full(len(self.time_ms), np.nan)
        for source, keys, placed in zip(self._sources, self._keys, self._placed, strict=True):
            if name != LATE and name not in source.columns:
                continue
            chunks = source.rows.chunks([] if name == LATE else [name], keys, with_late=name == LATE)
            for chunk, of_chunk in zip(chunks, placed, strict=True):
                column = chunk.late_ms if name == LATE else chunk.values[name]
                values[of_chunk.positions] = column[of_chunk.rows]
        return values

    def _order(self, named: Named) -> tuple[tuple[Run, ...], Times]:
        by_key: dict[str, list[_Piece]] = {}
        for number, (source, keys) in enumerate(zip(self._sources, self._keys, strict=True)):
            chunks = source.rows.chunks([], keys, with_late=False)
            self._placed[number] = [_Placed(slice(0), slice(0))] * len(chunks)
            for place, chunk in enumerate(chunks):
                kept = _kept(chunk.time_ms, source)
                if len(chunk.time_ms[kept]):
                    by_key.setdefault(chunk.series.key, []).append(_Piece(number, place, chunk, kept))
        series_of = {key: _newest_names(pieces) for key, pieces in by_key.items()}
        runs, times, first = list[Run](), list[Times](), 0
        for key in sorted(by_key, key=lambda key: order(named(series_of[key]))):
            pieces = self._by_precedence(by_key[key])
            joined = np.concatenate([chunk.time_ms[kept] for _, _, chunk, kept in pieces])
            positions, time_ms = _positions(joined)
            at = 0
            for number, place, chunk, kept in pieces:
                count = len(chunk.time_ms[kept])
                self._placed[number][place] = _placed(kept, positions, at, count, first)
                at += count
            runs.append(Run(named(series_of[key]), first, len(time_ms)))
            times.append(time_ms)
            first += len(time_ms)
        return tuple(runs), np.concatenate(times) if times else np.empty(0, np.int64)

    def _by_precedence(self, pieces: list[_Piece]) -> list[_Piece]:
        """Return the pieces of a series as queries join them: by file, and the files by their first tick."""
        firsts: dict[int, int] = {}
        for number, _, chunk, kept in pieces:
            file, first_ms = self._sources[number].file, int(chunk.time_ms[kept][0])
            firsts[file] = min(first_ms, firsts.get(file, first_ms))

        def precedence(piece: _Piece) -> tuple[int, int, int]:
            file = self._sources[piece.source].file
            return firsts[file], file, piece.source

        return sorted(pieces, key=precedence)


class RangeReader:
    """Reads the rows of a range, part by part. Not thread-safe; may block."""

    def __init__(self, question: RangeQuestion, sources: Sources, named: Named = lambda series: series) -> None:
        self._question, self._named = question, named
        self._skip_counter = SkipCounter(sources.skipped)
        self._sources = RowSources(sources, question.node_name, question.columns, self._skip_counter)

    @property
    def skipped_files(self) -> int:
        """Number of files so far that could not be read, or lack columns."""
        return self._skip_counter.count

    def parts(self) -> Iterator[RangeRows]:
        """Yield the parts that have rows, by time and, within an hour, by series. Read each before the next one.

        Raises: BadFileError or OSError if a file cannot be read any more.
        """
        question = self._question
        reach_ms = layout.reach_ms(question.rotation_ms)
        from_ms, to_ms = self._sources.bounds((question.from_ms, question.to_ms), reach_ms)
        for first_ms in range(from_ms - from_ms % question.span_ms, to_ms, question.span_ms):
            within = max(first_ms, from_ms), min(first_ms + question.span_ms, to_ms)
            with self._sources.opened(within, question.choose, reach_ms) as sources:
                for keys in self._groups(sources, within) if sources else ():
                    rows = RangeRows(sources, within, keys, self._named)
                    if rows.runs:
                        yield rows

    def _groups(self, sources: Sequence[RowSource], within: Range) -> Iterator[set[str]]:
        """Yield keys of series that are read together, in the order of the rows."""
        names = {key: self._named(series) for source in sources for key, series in source.series.items()}
        if self._question.max_rows is None:
            yield set(names)
            return
        most = -(-(within[1] - within[0]) // min(source.header.interval_ms for source in sources))
        counts = {key: min(most, sum(source.counts.get(key, 0) for source in sources)) for key in names}
        keys = sorted(names, key=lambda key: order(names[key]))
        for group in groups_of(keys, counts, self._question.max_rows):
            yield set(group)


def _kept(time_ms: Times, source: RowSource) -> _Index:
    """Return the rows of a chunk that count."""
    first, end = np.searchsorted(time_ms, source.within).tolist()
    if not source.hidden:
        return slice(first, end)
    is_kept = np.ones(end - first, np.bool_)
    for start_ms, end_ms in source.hidden:
        is_kept[(time_ms[first:end] >= start_ms) & (time_ms[first:end] < end_ms)] = False
    return slice(first, end) if is_kept.all() else first + np.flatnonzero(is_kept)


def _positions(time_ms: Times) -> tuple[NDArray[np.intp] | None, Times]:
    """Return the position of each row in order of time, and these times. Of equal times the first one counts.

    The positions are -1 for rows that do not count, and None if all rows count and are in order already.
    """
    if (time_ms[1:] > time_ms[:-1]).all():
        return None, time_ms
    by_time = np.argsort(time_ms, kind="stable")
    ordered = time_ms[by_time]
    is_first = np.append(True, ordered[1:] != ordered[:-1])
    positions = np.full(len(time_ms), -1, np.intp)
    positions[by_time[is_first]] = np.arange(np.count_nonzero(is_first))
    return positions, ordered[is_first]


def _placed(kept: _Index, positions: NDArray[np.intp] | None, at: int, count: int, first: int) -> _Placed:
    """Return where rows of a piece are in the part. `at`: where it begins in `positions`; `first`: row of the run."""
    if positions is None:
        return _Placed(kept, slice(first + at, first + at + count))
    of_piece = positions[at : at + count]
    counts = np.flatnonzero(of_piece >= 0)
    rows = kept.start + counts if isinstance(kept, slice) else kept[counts]
    return _Placed(rows, first + of_piece[counts])


def _newest_names(pieces: Sequence[_Piece]) -> Series:
    """Return the newest identity of a series with what older ones have in addition."""
    by_time = sorted(pieces, key=lambda piece: int(piece.chunk.time_ms[-1]))
    names = [chunk.series for _, _, chunk, _ in by_time]
    return reduce(lambda older, newer: newer if newer is older else with_known_names(newer, older), names)
