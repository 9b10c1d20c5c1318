"""A question about a range of time: which metrics of which series, and how finely."""

from dataclasses import dataclass

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.rates import gap_ms
from fgm.store.samples.series import Scope

MAX_SERIES = 500
"""Maximum number of series in an answer of samples."""


@dataclass(frozen=True, slots=True)
class Question:
    """Metrics of series in [from_ms, to_ms).

    Series that match `scopes` or `prefixes` are adopted while files are read: the register may not have all of them.
    """

    metrics: tuple[ShownMetric, ...]
    keys: frozenset[str]
    """Keys (`Series.key`) of the series that are read."""
    from_ms: int
    to_ms: int
    tick_ms: int
    """Sampling interval of the newest file; older files may have another."""
    columns: int | None = None
    """Number of pixel columns to reduce the samples to; None: every sample is kept."""
    scopes: frozenset[Scope] = frozenset()
    """Every series of these scopes is adopted."""
    prefixes: tuple[str, ...] = ()
    """Containers whose id begins with one of these are adopted."""
    node_name: str | None = None
    """The node whose files are read; None: of all nodes."""
    grid: tuple[int, int, int] | None = None
    """Begin, end and pixel columns of the view of which this range is a part; None: it is the whole view."""
    line_samples: int = 0
    """Maximum number of samples that one metric of one series has in memory."""
    max_series: int = MAX_SERIES
    """Maximum number of series; further ones are not adopted."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """The recorded columns that the metrics are computed from."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.needs))

    @property
    def lead_ms(self) -> int:
        """The time before `from_ms` from which samples are needed: the first rate counts from one of them."""
        intervals = [interval_ms(column, self.tick_ms) for column in self.recorded]
        return round(gap_ms(max(intervals, default=self.tick_ms)))
