"""One pass over the files of all series: everything is read, and only then is parsed what says something new.

A tick comes once a second, when the processor's caches hold other programs' code and data, so what counts is how much
of both a tick touches. Therefore the reads are one loop in C over plain numbers; of a file that says nothing new,
nothing is touched but its last text; and what is new is parsed, and put into the table, all files of one kind together.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import compress, count, repeat
from operator import ne

import numpy as np
from numpy.typing import NDArray

from fgm.collector.series_reader import SIGNS_OF_LIFE, WIDTH, SeriesReader

Text = bytes | OSError
"""What a file said, or why it said nothing."""


class Sweep:
    """The files that are read at every tick; made anew when these change. Used by one thread at a time.

    `table`: the newest values, a row for each series; the rows of the readers are views of it.
    """

    def __init__(self, readers: Sequence[SeriesReader]) -> None:
        self.table: NDArray[np.float64] = np.array([reader.row for reader in readers])
        self._cells = self.table.reshape(-1)
        self._files = [(reader, file) for reader in readers for file in reader.every_tick]
        self._reads = [
            (reader, [file.fd for file in reader.every_tick], [file.size for file in reader.every_tick])
            for reader in readers
        ]
        self._first_cells = np.repeat(WIDTH * np.arange(len(readers)), [len(fds) for _, fds, _ in self._reads])
        self._kinds = [None if file.name in SIGNS_OF_LIFE else (file.name, id(file.names)) for _, file in self._files]
        self._last: Sequence[Text | None] = [file.text for _, file in self._files]
        for reader, row in zip(readers, self.table, strict=True):
            reader.row = row
            reader.is_swept = True

    def read(self, monotonic: Callable[[], float]) -> None:
        """Read every file; what it says, or why it says nothing, goes into the table if that is new."""
        texts: list[Text] = []
        for reader, fds, sizes in self._reads:
            reader.read_at = monotonic()
            reads = map(os.pread, fds, sizes, repeat(0))
            while True:
                try:
                    texts.extend(reads)
                    break
                except OSError as error:  # one file's; the next round goes on behind it
                    texts.append(error)
        news = compress(count(), map(ne, texts, self._last))
        self._last = texts
        kinds: defaultdict[object, list[int]] = defaultdict(list)
        for i in news:
            kinds[self._kinds[i]].append(i)
        for kind, files in kinds.items():
            if kind is None or not self._take_alike(files):
                for i in files:
                    reader, file = self._files[i]
                    reader.take(file, texts[i])

    def settle(self) -> None:
        """Leave to each file what it said last, for the next sweep."""
        for (_, file), text in zip(self._files, self._last, strict=True):
            file.text = text if isinstance(text, bytes) else None

    def _take_alike(self, files: Sequence[int]) -> bool:
        """Parse files of one kind together, if all of them say what they said before, but for the numbers."""
        _, first = self._files[files[0]]
        texts = [text for i in files if isinstance(text := self._last[i], bytes) and len(text) < self._files[i][1].size]
        values = first.parser.parse_alike(texts, first.names) if len(texts) == len(files) else None
        if values is None:
            return False
        self._cells[self._first_cells[files][:, np.newaxis] + first.columns] = values
        return True
