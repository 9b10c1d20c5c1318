"""A question for samples: metrics, series, time range and resolution."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fgm.metrics.catalogue import BY_NAME
from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import interval_ms
from fgm.metrics.rates import gap_ms
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.samples.defaults import DEFAULT_ROTATION_S
from fgm.store.samples.series import Scope, Series

MAX_SERIES = 500
"""Maximum number of series in a response with samples."""
MIN_COLUMN_MS = MINUTE_MS
"""Minimum length of a pixel column, or of a part with a peak, for which minutes are read instead of samples."""


@dataclass(frozen=True)
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

    prefers_minutes: bool = False
    """Whether hours that have minutes are read from them; otherwise only those whose samples were removed are."""
    rotation_ms: int = 1000 * DEFAULT_ROTATION_S
    """Length of the windows, likewise that of the newest file."""

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Names of the recorded columns from which the metrics are computed, each once."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.needs))

    @cached_property
    def has_rates(self) -> bool:
        """Whether the metrics may be computed from rates of counters, for which `late_ms` is needed."""
        return any(name not in BY_NAME or BY_NAME[name].kind == "counter" for name in self.recorded)

    @cached_property
    def lead_ms(self) -> int:
        """Length of the time before `from_ms` that is read, too: the first rate is computed from a sample in it."""
        intervals = [interval_ms(column, self.tick_ms) for column in self.recorded]
        return round(gap_ms(max(intervals, default=self.tick_ms)))


class ChosenSeries:
    """The series that a query reads: those of its question, and those that it adopts. Not thread-safe."""

    def __init__(self, question: Question) -> None:
        self.keys = set(question.keys)
        """Keys (`Series.key`) of the series to read; grows as series are adopted."""
        self.is_cut = False
        """Whether series were left out, because there are more than the question allows."""
        self.adopted_prefixes: dict[str, str] = {}
        """The key of the first series that was adopted for each prefix of the question."""
        self._question = question

    @property
    def may_grow(self) -> bool:
        """Whether the question allows that series are adopted."""
        return bool(self._question.scopes or self._question.prefixes)

    @property
    def max_series(self) -> int:
        """Upper limit of the number of series so far; may grow as files are read."""
        return len(self.keys) + len(self._question.prefixes)

    def choose(self, present: Iterable[Series]) -> set[str]:
        """Return the keys of the series to read in a file. Adopt those that match the question."""
        return {series.key for series in present if series.key in self.keys or self._adopts(series)}

    def _adopts(self, series: Series) -> bool:
        question, key = self._question, series.key
        prefix = next((p for p in question.prefixes if (series.container_id or "").startswith(p)), None)
        if prefix is None and series.scope not in question.scopes:
            return False
        if len(self.keys) >= question.max_series:
            self.is_cut = True
            return False
        if prefix is not None:
            self.adopted_prefixes.setdefault(prefix, key)
        self.keys.add(key)
        return True
