"""One pass over the files of all series: everything is read, and only then is parsed what says something new.

A tick comes once a second, when the processor's caches hold other programs' code and data, so what counts is how much
of both a tick touches. Therefore the reads are one loop in C over plain numbers; of a file that says nothing new,
nothing is touched but its last text; and what is new is parsed, and put into the table, all files of one kind together.
"""

import math
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import compress, count, repeat
from operator import ne

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import KernelFile
from fgm.collector.sampling.series_reader import SIGNS_OF_LIFE, WIDTH, SeriesReader

Text = bytes | OSError
"""What a file said, or why it said nothing."""


class Sweep:
    """The files that are read at every tick; made anew when these change. Used by one thread at a time.

    `table`: the newest values, a row for each series; the rows of the readers are views of it. `read_at`: when cpu.stat
    of each, its first file, was read last, by the clock of `read`. `skipped`: how many reads the last pass left out.
    """

    def __init__(self, readers: Sequence[SeriesReader], in_turns: Collection[str] = ()) -> None:
        """`in_turns`: names of files that are read for one half of the series at one tick, for the other at the next.

        Where they are not read they are null.
        """
        self.table: NDArray[np.float64] = np.array([reader.row for reader in readers])
        self.read_at: list[float] = []
        self.skipped = 0
        for reader, row in zip(readers, self.table, strict=True):
            reader.row = row
        cells = self.table.reshape(-1)
        turns = (0, 1) if in_turns else (None,)
        self._turns = [_Turn(readers, cells, frozenset(in_turns), turn) for turn in turns]

    def read(self, monotonic: Callable[[], float]) -> None:
        """Read every file; what it says, or why it says nothing, goes into the table if that is new."""
        self.read_at, self.skipped = self._turns[0].read(monotonic)
        self._turns.append(self._turns.pop(0))
        if len(self._turns) > 1:
            self._turns[0].go_on_from(self._turns[-1].said())

    def settle(self) -> None:
        """Leave to each file what it said last, for the next sweep."""
        for turn in self._turns:
            turn.settle()


class _Turn:
    """What is read at a tick, or at each second one. `turn`: series of this parity have their turn; None: all have."""

    def __init__(
        self, readers: Sequence[SeriesReader], cells: NDArray[np.float64], in_turns: frozenset[str], turn: int | None
    ) -> None:
        self._cells = cells
        self._files: list[tuple[SeriesReader, KernelFile]] = []
        self._reads: list[tuple[list[int], list[int]]] = []
        rows: list[int] = []
        skipped: list[NDArray[np.intp]] = []
        for row, reader in enumerate(readers):
            left_out = in_turns if row % 2 != turn else frozenset()
            files = [file for file in reader.every_tick if file.name not in left_out]
            self._reads.append(([file.fd for file in files], [file.size for file in files]))
            self._files += [(reader, file) for file in files]
            rows += [row] * len(files)
            skipped += [WIDTH * row + file.columns for file in reader.every_tick if file.name in left_out]
        self._skipped = np.concatenate(skipped) if skipped else np.empty(0, np.intp)
        self._skips = len(skipped)
        self._sizes = [file.size for _, file in self._files]
        forms: dict[Hashable, int] = {}
        self._kinds: list[int | None] = []
        self._place_in_kind: list[int] = []
        places: list[list[NDArray[np.intp]]] = []
        for row, (_, file) in zip(rows, self._files, strict=True):
            form = file.parser.form(file.names) if file.names and file.name not in SIGNS_OF_LIFE else None
            kind = None if form is None else forms.setdefault(form, len(forms))
            if kind == len(places):
                places.append([])
            self._kinds.append(kind)
            self._place_in_kind.append(0 if kind is None else len(places[kind]))
            if kind is not None:
                places[kind].append(WIDTH * row + file.columns)
        self._cells_of_kind = [np.array(of_kind) for of_kind in places]
        self._last: list[Text | None] = [file.text for _, file in self._files]
        self._always = [i for i, (_, file) in enumerate(self._files) if file.name in in_turns]

    def read(self, monotonic: Callable[[], float]) -> tuple[list[float], int]:
        """Read; return when the reads of each series began, and how many files were left out."""
        texts: list[Text | None] = []
        read_at: list[float] = []
        for fds, sizes in self._reads:
            read_at.append(monotonic())
            reads = map(os.pread, fds, sizes, repeat(0))
            while True:
                try:
                    texts.extend(reads)
                    break
                except OSError as error:  # one file's; the next round goes on behind it
                    texts.append(error)
        for i in self._always:
            self._last[i] = None
        news = list(compress(count(), map(ne, texts, self._last)))
        self._last = texts
        self._cells[self._skipped] = math.nan
        kinds: defaultdict[int | None, list[int]] = defaultdict(list)
        for i in news:
            kinds[self._kinds[i]].append(i)
        for kind, files in kinds.items():
            if kind is None or not self._take_alike(kind, files):
                for i in files:
                    reader, file = self._files[i]
                    text = texts[i]
                    assert text is not None
                    reader.take(file, text)
        return read_at, self._skips

    def said(self) -> dict[int, Text | None]:
        """Return what each file said last, by its object's id."""
        return {id(file): text for (_, file), text in zip(self._files, self._last, strict=True)}

    def go_on_from(self, said: Mapping[int, Text | None]) -> None:
        """Take what the turn before said: the next one's files are compared with that, those that both read."""
        self._last = [said.get(id(file), text) for (_, file), text in zip(self._files, self._last, strict=True)]

    def settle(self) -> None:
        for (_, file), text in zip(self._files, self._last, strict=True):
            file.text = text if isinstance(text, bytes) else None

    def _take_alike(self, kind: int, files: Sequence[int]) -> bool:
        """Parse files of one kind together, if all of them say what they said before, but for the numbers."""
        _, first = self._files[files[0]]
        last, sizes = self._last, self._sizes
        texts = [text for i in files if isinstance(text := last[i], bytes) and len(text) < sizes[i]]
        values = first.parser.parse_alike(texts, first.names) if len(texts) == len(files) else None
        if values is None:
            return False
        self._cells[self._cells_of_kind[kind][[self._place_in_kind[i] for i in files]]] = values
        return True
