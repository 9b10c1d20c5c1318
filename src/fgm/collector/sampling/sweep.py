"""One pass over the files of all series: it reads all files, and then parses only those that changed.

A tick comes once a second. By then, the CPU caches contain code and data of other programs. So the cost of a tick
depends on how much code and data it touches. Therefore the reads are one loop in C over plain numbers, an unchanged
file is only compared with its last text, and changed files of the same kind are parsed together.
"""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from itertools import compress, count, repeat
from operator import ne

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import NEARLY_FULL_BYTES, KernelFile
from fgm.collector.sampling.series_reader import LIVENESS_FILES, WIDTH, SeriesReader

Text = bytes | OSError
"""Content of a file, or the error of reading it."""


class Sweep:
    """Reads the files of every tick. If the set of files changes, make a new sweep. Used by one thread at a time.

    `table`: the newest values, a row for each reader. Each reader writes to its row, and the sweep itself writes the
    values of files that it parses together. `read_at`: time of the last read of each series' first file (cpu.stat), by
    the clock that is passed to `read`; `skipped`: number of files that the last pass left out.

    The sweep has the last text of each file. KernelFile.text may be older until `settle` is called, because updating it
    would touch every file at every tick.
    """

    def __init__(self, readers: Sequence[SeriesReader], alternating: Collection[str] = ()) -> None:
        """`alternating`: names of files that are read for half of the series at one tick, for the others at the next.

        At the ticks that do not read them, their values are null.
        """
        self.table: NDArray[np.float64] = np.empty((len(readers), WIDTH))
        self.read_at: list[float] = []
        self.skipped = 0
        for reader, row in zip(readers, self.table, strict=True):
            reader.write_to(row)
        cells = self.table.reshape(-1)
        parities = (0, 1) if alternating else (None,)
        self._passes = [_Pass(readers, cells, frozenset(alternating), parity) for parity in parities]

    def read(self, monotonic: Callable[[], float]) -> None:
        """Read every file; put the values of changed files into the table, and nulls for failed reads."""
        self.read_at, self.skipped = self._passes[0].read(monotonic)
        self._passes.append(self._passes.pop(0))
        if len(self._passes) > 1:
            self._passes[0].continue_from(self._passes[-1].last_texts())

    def texts(self, names: Collection[str]) -> Iterator[tuple[SeriesReader, str, bytes]]:
        """Yield the last text of each file with one of these names, with its reader and its name.

        The text of an alternating file may be that of the pass before.
        """
        last = {
            id(file): (reader, file.name, text) for each in self._passes for reader, file, text in each.named(names)
        }
        for reader, name, text in last.values():
            if isinstance(text, bytes):
                yield reader, name, text

    def settle(self) -> None:
        """Store the last text of each file in its KernelFile, for the next sweep."""
        for each in self._passes:
            each.settle()


class _Pass:
    """The files that are read at one tick. `parity`: 0 or 1 if alternating files are read for even or odd rows only."""

    def __init__(
        self,
        readers: Sequence[SeriesReader],
        cells: NDArray[np.float64],
        alternating: frozenset[str],
        parity: int | None,
    ) -> None:
        self._cells = cells
        self._files: list[tuple[SeriesReader, KernelFile]] = []
        self._reads: list[tuple[list[int], list[int]]] = []
        rows: list[int] = []
        skipped: list[NDArray[np.intp]] = []
        for row, reader in enumerate(readers):
            left_out = alternating if row % 2 != parity else frozenset()
            files = [file for file in reader.every_tick if file.name not in left_out]
            self._reads.append(([file.fd for file in files], [file.size for file in files]))
            self._files += [(reader, file) for file in files]
            rows += [row] * len(files)
            skipped += [WIDTH * row + file.columns for file in reader.every_tick if file.name in left_out]
        self._skipped_cells = np.concatenate(skipped) if skipped else np.empty(0, np.intp)
        self._skipped = len(skipped)
        self._sizes = [file.size for _, file in self._files]
        self._limits = [min(size, NEARLY_FULL_BYTES) for size in self._sizes]
        kinds: dict[Hashable, int] = {}
        self._kinds: list[int | None] = []
        self._index_in_kind: list[int] = []
        cells_of_kind: list[list[NDArray[np.intp]]] = []
        for row, (_, file) in zip(rows, self._files, strict=True):
            form = file.parser.form(file.names) if file.names and file.name not in LIVENESS_FILES else None
            kind = None if form is None else kinds.setdefault(form, len(kinds))
            if kind == len(cells_of_kind):
                cells_of_kind.append([])
            self._kinds.append(kind)
            self._index_in_kind.append(0 if kind is None else len(cells_of_kind[kind]))
            if kind is not None:
                cells_of_kind[kind].append(WIDTH * row + file.columns)
        self._cells_of_kind = [np.array(cells) for cells in cells_of_kind]
        self._last: list[Text | None] = [file.text for _, file in self._files]
        self._alternating = [i for i, (_, file) in enumerate(self._files) if file.name in alternating]

    def read(self, monotonic: Callable[[], float]) -> tuple[list[float], int]:
        """Read the files; return the time at which the reads of each series began, and the number of files left out."""
        texts: list[Text | None] = []
        read_at: list[float] = []
        for fds, sizes in self._reads:
            read_at.append(monotonic())
            reads = map(os.pread, fds, sizes, repeat(0))
            while True:
                try:
                    texts.extend(reads)
                    break
                except OSError as error:  # of one file; `reads` continues with the file after it
                    texts.append(error)
        for i in self._alternating:
            self._last[i] = None  # its values were null at the tick before: parse it even if it did not change
        changed = list(compress(count(), map(ne, texts, self._last)))
        self._last = texts
        self._cells[self._skipped_cells] = math.nan
        by_kind: defaultdict[int | None, list[int]] = defaultdict(list)
        for i in changed:
            by_kind[self._kinds[i]].append(i)
        for kind, files in by_kind.items():
            if kind is None or not self._parse_together(kind, files):
                for i in files:
                    reader, file = self._files[i]
                    text = texts[i]
                    assert text is not None
                    reader.update(file, text)
                    if isinstance(text, bytes) and len(text) >= self._limits[i]:
                        texts[i] = file.text  # all of it, so that the same beginning with another rest is a change
        return read_at, self._skipped

    def last_texts(self) -> dict[int, Text | None]:
        """Return the last text of each file, by the `id()` of the file."""
        return {id(file): text for (_, file), text in zip(self._files, self._last, strict=True)}

    def named(self, names: Collection[str]) -> Iterator[tuple[SeriesReader, KernelFile, Text | None]]:
        """Yield the files with one of these names, each with its reader and its last text."""
        for (reader, file), text in zip(self._files, self._last, strict=True):
            if file.name in names:
                yield reader, file, text

    def continue_from(self, texts: Mapping[int, Text | None]) -> None:
        """Compare the next read with the texts of the pass before, if that pass read the file."""
        self._last = [texts.get(id(file), text) for (_, file), text in zip(self._files, self._last, strict=True)]

    def settle(self) -> None:
        for (_, file), text in zip(self._files, self._last, strict=True):
            file.text = text if isinstance(text, bytes) else None

    def _parse_together(self, kind: int, files: Sequence[int]) -> bool:
        """Parse changed files of one kind. Return False, without an effect, if one no longer has its earlier form.

        Each is one record, which the kernel returns whole, so a text shorter than asked for is complete.
        """
        _, first = self._files[files[0]]
        last, sizes = self._last, self._sizes
        texts = [text for i in files if isinstance(text := last[i], bytes) and len(text) < sizes[i]]
        values = first.parser.parse_alike(texts, first.names) if len(texts) == len(files) else None
        if values is None:
            return False
        self._cells[self._cells_of_kind[kind][[self._index_in_kind[i] for i in files]]] = values
        return True
