"""The range that is analysed, with the time before it that shows what is usual."""

from typing import NamedTuple

import numpy as np

from fgm.metrics.rates import Times
from fgm.store.directory import layout
from fgm.viewer.contents.holdings import Holdings

MAX_MS = layout.HOUR_MS
"""Maximum length of a range; every sample in it is read."""
MAX_BEFORE_MS = 900_000
"""Length of the time before it, as far as it is recorded.

It does not depend on the range: what is usual is not known from the two minutes before two minutes.
"""


class AnalysedSpan(NamedTuple):
    """The range in question, [from_ms, to_ms), and the time before it, [before_ms, from_ms), which may be empty.

    If nothing is recorded before a tick in the range, that tick is `before_ms`. The end is not after the newest tick.
    Its ticks are whole multiples of `tick_ms`, as those of all files are. `compared_from_ms`: begin of the part of the
    time before that the range is compared with, which is not longer than the range.
    """

    before_ms: int
    from_ms: int
    to_ms: int
    tick_ms: int
    compared_from_ms: int

    @property
    def first_ms(self) -> int:
        """The first tick."""
        return -(-self.before_ms // self.tick_ms) * self.tick_ms

    @property
    def ticks(self) -> int:
        """Number of ticks."""
        return max(0, -(-(self.to_ms - self.first_ms) // self.tick_ms))

    @property
    def begin(self) -> int:
        """Index of the first tick of the range in question."""
        return max(0, -(-(self.from_ms - self.first_ms) // self.tick_ms))

    def time_ms(self) -> Times:
        """Return all ticks."""
        return self.first_ms + self.tick_ms * np.arange(self.ticks, dtype=np.int64)


def span_of(holdings: Holdings, from_ms: int, to_ms: int) -> AnalysedSpan:
    """Return a range with the time before it, as far as it is recorded."""
    tick_ms, before_ms, length_ms = holdings.tick_ms, from_ms - MAX_BEFORE_MS, to_ms - from_ms
    if holdings.newest_ms is not None:
        to_ms = max(from_ms, min(to_ms, holdings.newest_ms + tick_ms))
    if holdings.oldest_ms is not None:
        before_ms = min(to_ms, max(before_ms, holdings.oldest_ms))
    before_ms = max(0, before_ms)
    return AnalysedSpan(before_ms, from_ms, to_ms, tick_ms, min(from_ms, max(before_ms, from_ms - length_ms)))
