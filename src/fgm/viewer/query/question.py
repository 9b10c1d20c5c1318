"""A question for samples: metrics, series, time range and resolution."""

from dataclasses import dataclass

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.rates import gap_ms
from fgm.store.samples.series import Scope

MAX_SERIES = 500
"""Maximum number of series in a response with samples."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question for the samples of some metrics of some series in [from_ms, to_ms).

    The register may not have all series. Therefore a query adopts series that match `scopes` or `prefixes` when it
    finds them in a file: it reads these, too.
    """

    metrics: tuple[ShownMetric, ...]
    keys: frozenset[str]
    """Keys (`Series.key`) of the series to read."""
    from_ms: int
    to_ms: int
    tick_ms: int
    """Sampling interval of the newest file. Older files may have a different one."""
    columns: int | None = None
    """Number of pixel columns to which samples are reduced; None: all samples are kept."""
    scopes: frozenset[Scope] = frozenset()
    """Scopes whose series are adopted."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of container ids; containers with one of them are adopted."""
    node_name: str | None = None
    """Name of the node whose files are read; None: files of all nodes are read."""
    grid: tuple[int, int, int] | None = None
    """Start, end and number of pixel columns of the view that this range is a part of; None: it is the whole view."""
    line_samples: int = 0
    """Maximum number of samples in memory for each metric of each series."""
    max_series: int = MAX_SERIES
    """Maximum number of series; when it is reached, no more series are adopted."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the recorded columns from which the metrics are computed, each once."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.needs))

    @property
    def lead_ms(self) -> int:
        """Length of the time before `from_ms` that is read, too: the first rate is computed from a sample in it."""
        intervals = [interval_ms(column, self.tick_ms) for column in self.recorded]
        return round(gap_ms(max(intervals, default=self.tick_ms)))
