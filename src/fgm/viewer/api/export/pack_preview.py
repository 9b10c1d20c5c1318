"""What a pack would contain, and about how large it would be, from a pack of a few minutes in the middle of the range.

To make the whole pack takes a viewer with a tenth of a processor 10 to 25 s. Most bytes are those of samples. So the
rows of the whole range are counted, for which only their times are read, and the parts of the small pack are scaled.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.api.export.pack_answers import to_json
from fgm.viewer.api.export.pack_maker import PackMaker
from fgm.viewer.api.export.pack_question import PackQuestion
from fgm.viewer.api.export.replaced_names import some_replaced_names
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.exports.range_rows import RangeQuestion, RangeReader
from fgm.viewer.packs import page_program
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_writer import MAX_PARTS_BYTES, PackWriter
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.web.problems import bad_parameter

SAMPLE_MS, SAMPLE_SERIES = 240_000, 50
"""Length of the small pack, and its maximum number of series, unless the range is not longer."""
_GROWING = ("samples/", "passed", "rows/", "tables/", "processes", "labelled")
"""Beginnings of the names of parts that grow with the number of rows."""
_SERIES_BYTES, _LINE_BYTES = 600, 70
"""Bytes of a series, and of each of its metrics, however few samples it has, as measured: names, first values."""
_SHRINKING = 0.04
"""How much less a sample takes in a longer pack, where the same values are more often there already, as measured.

In a pack that is `n` times as long, it takes `n ** -_SHRINKING` of the bytes.
"""


class PackPreview:
    """A preview of one pack, made in steps. Not thread-safe; may block."""

    def __init__(self, services: Services, holdings: Holdings, pack: PackQuestion, names: Redaction) -> None:
        """`names`: replaces the names in the pack."""
        self._services, self._holdings, self._pack, self._names = services, holdings, pack, names
        question = pack.question
        count = max(1, round((question.to_ms - question.from_ms) / SAMPLE_MS))
        self._is_whole = count == 1
        self._edges_ms = np.linspace(question.from_ms, question.to_ms, count + 1).astype(np.int64)
        self._edges_ms[1:-1] -= self._edges_ms[1:-1] % question.tick_ms
        self._rows: dict[str, NDArray[np.int64]] = {}
        """Number of rows of each series in each stretch of the range."""
        self._size, self._warnings = 0, list[str]()

    def steps(self) -> Generator[bytes]:
        """Yield no bytes after each step.

        Raises: Problem (404) if there are no samples, and (400) if the pack would be too large. BadFileError or OSError
        if a file cannot be read any more.
        """
        yield from self._count()
        where = self._typical()
        keys = self._some_series(where)
        from_ms, to_ms = self._edges_ms[where : where + 2].tolist()
        stretch = replace(self._pack.question, from_ms=from_ms, to_ms=to_ms, keys=frozenset(keys))
        small = replace(self._pack, question=stretch)
        maker = PackMaker(self._services, self._holdings, small, self._names, is_sample=True)
        other_bytes = 0
        for piece in maker.pieces():
            other_bytes += len(piece)
            yield b""
        growing = sum(size for name, size in maker.part_sizes.items() if name.startswith(_GROWING))
        self._size = _program_bytes() + other_bytes - growing + self._scaled(growing, keys, where)
        self._warnings += maker.warnings()
        if self._size > MAX_PARTS_BYTES:
            raise too_large(BadPackError(f"the pack would have about {self._size >> 20} MiB"))

    def answer(self) -> dict[str, Any]:
        """Return the JSON value. All steps must be done."""
        question = self._pack.question
        return {
            "from_ms": question.from_ms,
            "to_ms": question.to_ms,
            "series": len(self._pack.series),
            "ticks": self._pack.ticks,
            "metrics": [metric.name for metric in question.metrics],
            "bytes": self._size,
            "redacted": some_replaced_names(self._names),
            "warnings": [*self._warnings, *self._names.warnings()],
        }

    def _count(self) -> Generator[bytes]:
        """Count the rows and series of each stretch."""
        question = self._pack.question
        range_ = RangeQuestion(
            question.from_ms, question.to_ms, set(question.keys), (), question.node_name, question.rotation_ms
        )
        reader = RangeReader(range_, self._services.sources)
        for part in reader.parts():
            for run in part.runs:
                rows, _ = np.histogram(part.time_ms[run.first : run.first + run.count], self._edges_ms)
                self._rows[run.series.key] = rows + self._rows.get(run.series.key, np.zeros_like(rows))
            yield b""
        if reader.skipped_files:
            self._warnings.append(f"{reader.skipped_files} files cannot be read; their samples are missing")

    def _typical(self) -> int:
        """Return the stretch whose number of rows is nearest to the mean of those that have rows; 0 if none has."""
        if not self._rows:
            return 0
        rows = np.sum(list(self._rows.values()), axis=0)
        far = np.where(rows > 0, np.abs(rows - rows[rows > 0].mean()), np.inf)
        from_middle = np.abs(np.arange(len(far)) - (len(far) - 1) / 2)
        return int(np.lexsort((from_middle, far))[0])

    def _some_series(self, where: int) -> list[str]:
        """Return the keys of at most SAMPLE_SERIES series that have rows in a stretch, of each scope in proportion."""
        present = sorted(key for key, rows in self._rows.items() if rows[where])
        if self._is_whole or not present:
            return list(self._pack.question.keys)
        return present[:: -(-len(present) // SAMPLE_SERIES)]

    def _scaled(self, growing: int, keys: Sequence[str], where: int) -> int:
        """Return how many bytes parts have in the whole pack that have `growing` ones with some series of a stretch."""
        if self._is_whole or not self._rows:
            return growing
        per_series = _SERIES_BYTES + _LINE_BYTES * len(self._pack.question.metrics)
        of_headers = min(per_series * len(keys), growing // 2)
        all_rows = sum(int(rows.sum()) for rows in self._rows.values())
        of_rows = (growing - of_headers) * all_rows / sum(int(self._rows[key][where]) for key in keys)
        of_rows *= math.pow(len(self._edges_ms) - 1, -_SHRINKING)
        return round(of_rows + of_headers * len(self._rows) / len(keys))


def too_large(error: BadPackError) -> Exception:
    """Return the problem that a pack would be too large."""
    return bad_parameter("range", str(error), "a shorter range, fewer series or fewer metrics")


@cache
def _program_bytes() -> int:
    """Return the size of the page's program in a pack."""
    return len(PackWriter("", "").part("page", to_json(page_program.files())))
