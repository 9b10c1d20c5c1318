"""The requests of the paths that take parameters, parsed and checked."""

from dataclasses import dataclass, field

from fgm.metrics.derived import ShownMetric
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.web.problems import bad_parameter


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time as it was requested: from `from_ms` on, or `length_ms` (None: everything) up to `to_ms`."""

    length_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def resolve(self, now_ms: int, oldest_ms: int, tick_ms: int) -> tuple[int, int]:
        """Return [from_ms, to_ms). "Now" is the end of the tick that is under way, so that its sample counts.

        Raises: Problem if the range is empty.
        """
        present_ms = now_ms // tick_ms * tick_ms + tick_ms
        to_ms = present_ms if self.to_ms is None else self.to_ms
        if self.from_ms is not None:
            from_ms = self.from_ms
        elif self.length_ms is None:
            from_ms = min(oldest_ms, to_ms - tick_ms)
        else:
            from_ms = max(0, to_ms - self.length_ms)
        if from_ms >= to_ms:
            if self.from_ms is None:
                raise bad_parameter("to", "the range is empty", f"an instant after {from_ms}, where the range begins")
            raise bad_parameter("from", "the range is empty", f"an instant before {to_ms}, where the range ends")
        return from_ms, to_ms


@dataclass(frozen=True, slots=True)
class TimeseriesRequest:
    """A request of /api/timeseries, by ids or by `filter`; without either, every container and the node."""

    metrics: tuple[ShownMetric, ...]
    ids: tuple[str, ...] | None
    span: Span
    points: int
    is_raw: bool = False
    is_binary: bool = False
    within_ms: int = 0
    filter: SeriesFilter | None = None


@dataclass(frozen=True, slots=True)
class ContainersRequest:
    """A request of /api/containers. `metrics`: list only series with a value of one of these in `span`."""

    filter: SeriesFilter = field(default_factory=SeriesFilter)
    span: Span | None = None
    metrics: tuple[ShownMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """A request of /api/changes: compare `span` with the time before it, and list at most `limit` series."""

    span: Span
    limit: int


@dataclass(frozen=True, slots=True)
class TopRequest:
    """A request of /api/top. `by`: the total to rank by; `parts`: number of parts of the range for peaks."""

    metric: ShownMetric
    filter: SeriesFilter
    span: Span
    by: str
    limit: int
    parts: int = 0


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """A request of /api/events. `ids`: None for every series; `kinds`: empty for every kind."""

    span: Span
    ids: tuple[str, ...] | None
    kinds: frozenset[str]
    limit: int
