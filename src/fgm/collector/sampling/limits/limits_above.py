"""The limits of a cgroup that is not recorded, but contains a recorded one."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.kernel_file import GONE, MAX_RECORD_BYTES, columns_of
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.series_reader import WIDTH
from fgm.collector.sampling.sources import Source
from fgm.parse.errors import ParseError


class LimitsAbove:
    """Reads a few small files, which are not kept open: they are few, and are read seldom.

    `row`: the limits, in the columns of a tick; NaN without a limit.
    """

    def __init__(self, files: Sequence[tuple[Source, str]], counts: ReadCounts) -> None:
        """`files`: files to read, each with its folder."""
        self.row: NDArray[np.float64] = np.full(WIDTH, math.nan)
        self._files = [(source, f"{folder}/{source.file}", source.make_parser()) for source, folder in files]
        self._counts = counts

    def read(self) -> bool:
        """Read the files that exist; return whether a limit changed. The root of a hierarchy usually has none."""
        before = self.row.tobytes()
        self.row[:] = math.nan
        for source, path, parser in self._files:
            try:
                with open(path, "rb", buffering=0) as file:
                    values = parser.parse(file.read(MAX_RECORD_BYTES))
                self.row[columns_of(parser.names)] = values
            except OSError as error:
                if error.errno not in GONE:
                    self._counts.count_failure(source.file, path, error)
            except ParseError as error:
                self._counts.count_failure(source.file, path, error)
        return self.row.tobytes() != before
