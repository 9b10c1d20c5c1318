"""The parsed requests of the paths that accept parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fgm.metrics.derived import ShownMetric
from fgm.metrics.labelled import LabelledMetric
from fgm.viewer.contents.series_filter import SeriesFilter
from fgm.viewer.packs.redaction.rules import Rules
from fgm.viewer.web.problems import bad_parameter

if TYPE_CHECKING:
    from fgm.viewer.contents.holdings import Holdings
    from fgm.viewer.findings.studies.names import StudyName
    from fgm.viewer.query.processes.usage import By
    from fgm.viewer.query.wall.grouping import Rows


class Span(NamedTuple):
    """A requested time range.

    `from_ms`: its start; if None, `length_ms` applies. `length_ms`: its length; None: everything since the oldest data.
    `to_ms`: its end (exclusive); None: now.
    """

    length_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def resolve(self, now_ms: int, oldest_ms: int, tick_ms: int) -> tuple[int, int]:
        """Return the start (inclusive) and the end (exclusive) of the range, in ms since 1970.

        "Now" means the end of the current tick, so that the sample of this tick is in the range.

        Raises: Problem (400) if the range is empty.
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

    def resolve_at_most(self, max_ms: int, holdings: Holdings, now_ms: int) -> tuple[int, int]:
        """Return the start and the end of a range whose samples are all read; see `resolve`.

        Raises: Problem (400) if the range is empty, or longer than `max_ms` and a tick.
        """
        from_ms, to_ms = self.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
        if to_ms - from_ms > max_ms + holdings.tick_ms:
            detail = f"a range of {(to_ms - from_ms) // 1000} s is too long to look at every second of it"
            raise bad_parameter("from", detail, f"a range of at most {max_ms // 1000} s")
        return from_ms, to_ms


def resolve_or_instant(
    span: Span | None, at_ms: int | None, holdings: Holdings, now_ms: int, max_age_ms: int
) -> tuple[int, int]:
    """Return the start and the end of a range or, if `span` is None, of the `max_age_ms` that end with an instant.

    `at_ms`: the instant; None: the newest tick.

    Raises: Problem (400) if the range is empty.
    """
    if span is not None:
        return span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    if at_ms is None:
        at_ms = holdings.newest_ms or now_ms
    return max(0, at_ms - max_age_ms), at_ms + 1


class TimeseriesRequest(NamedTuple):
    """A request to /api/timeseries. If `ids` and `filter` are None, it is for all leaves and the node."""

    metrics: tuple[ShownMetric, ...]
    ids: tuple[str, ...] | None
    span: Span
    points: int
    is_raw: bool = False
    is_binary: bool = False
    within_ms: int = 0
    filter: SeriesFilter | None = None
    is_mean: bool = False


class ContainersRequest(NamedTuple):
    """A request to /api/containers.

    `span`: list only series that were seen in this range; None: all. `metrics`: if not empty, list only series that
    have a value of one of these metrics in `span`. `since`: token of an earlier list: list only the changes; None: all.
    """

    filter: SeriesFilter = SeriesFilter()
    span: Span | None = None
    metrics: tuple[ShownMetric, ...] = ()
    since: str | None = None

    @property
    def is_whole_list(self) -> bool:
        """Whether the list of all series is requested, so that changes of it can be requested later."""
        return self.span is None and self.filter == SeriesFilter()


class ChangesRequest(NamedTuple):
    """A request to /api/changes: compare `span` with another range, and list at most `limit` series.

    `against_ms`: begin of the other range, which has the same length; None: the range before it. `pairs`: ids of series
    to compare with each other, each first that in the other range.
    """

    span: Span
    limit: int
    against_ms: int | None = None
    pairs: tuple[tuple[str, str], ...] = ()


class FindingsRequest(NamedTuple):
    """A request to /api/findings: what stood out in `span`, at most `limit` findings."""

    span: Span
    limit: int


class StudiesRequest(NamedTuple):
    """A request to /api/studies: one study of one metric of the series with these ids."""

    study: StudyName
    metric: ShownMetric
    ids: tuple[str, ...]
    span: Span


class TopRequest(NamedTuple):
    """A request to /api/top.

    `filter`: if it has no scope, only leaves are ranked. `by`: rank by this value: `mean`, `max` or `last`. `parts`:
    number of equal parts of the range, each with its own peak.
    """

    metrics: tuple[ShownMetric, ...]
    filter: SeriesFilter
    span: Span
    by: str
    limit: int
    parts: int = 0


class WallRequest(NamedTuple):
    """A request to /api/wall. If `ids` and `filter` are None, it is for all leaves, or all pods.

    `until_ms`: end of what is read; None: the end of the range. `within_ms`: time limit; 0: none.
    """

    metrics: tuple[ShownMetric, ...]
    ids: tuple[str, ...] | None
    filter: SeriesFilter | None
    span: Span
    columns: int
    rows: Rows
    limit: int
    until_ms: int | None
    within_ms: int
    is_binary: bool


class ExportRequest(NamedTuple):
    """A request to /api/export. If `ids` and `filter` are None, it is for all leaves and the node.

    `metrics`: empty: those that the page draws. `view`: fragment of the page's URL, without `#`. `rules`: names that
    are left out of a pack.
    """

    span: Span
    format: str
    metrics: tuple[ShownMetric, ...]
    ids: tuple[str, ...] | None
    filter: SeriesFilter | None
    view: str = ""
    rules: Rules = Rules()
    is_preview: bool = False


class ProcessesRequest(NamedTuple):
    """A request to /api/processes. `span`: None: for an instant. `at_ms`: the instant; None: now."""

    id: str
    at_ms: int | None
    span: Span | None
    by: By
    limit: int
    points: int


class LabelledRequest(NamedTuple):
    """A request to /api/labelled. `span`: None: for an instant. `at_ms`: the instant; None: now."""

    metric: LabelledMetric
    ids: tuple[str, ...]
    at_ms: int | None
    span: Span | None
    points: int


class EventsRequest(NamedTuple):
    """A request to /api/events. `ids`: None: events of all series. `kinds`: empty: events of all kinds."""

    span: Span
    ids: tuple[str, ...] | None
    kinds: frozenset[str]
    limit: int
