"""Decides which hours of a range are read from minutes. Pure: it knows only the names of files.

An hour is read from minutes if it has some and no window or journal: those are not merged yet, so its minutes may lack
them. If the question wants every sample, it is read from samples as long as they exist. So are minutes that are only
partly in the range, at its ends, because their extremes may be outside.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple

from fgm.store.directory.layout import DAY_MS, HOUR_MS, reach_ms
from fgm.store.minutes.minute_rows import MINUTE_MS

SMALLEST_PART = 0.5
"""Minimum length of the last part of a range, as a share of the other parts."""
_HOURS = DAY_MS // HOUR_MS


class NamesOfDay(NamedTuple):
    """What the names of files say about one day of one identifier.

    `windows`: start of each window and journal that is not merged. `hours`, `minutes`: starts of the merged hours, and
    of the hours that have minutes.
    """

    midnight_ms: int
    identifier: str
    windows: Sequence[int]
    hours: frozenset[int]
    minutes: frozenset[int]


class Segment(NamedTuple):
    """A part of a range.

    `minutes`: identifiers whose data is read from minutes. `has_samples`: whether that of others is read from samples.
    """

    from_ms: int
    to_ms: int
    minutes: frozenset[str] = frozenset()
    has_samples: bool = True


class Lengths(NamedTuple):
    """Lengths of the parts that take equally long to read from samples and from minutes."""

    samples_ms: int
    minutes_ms: int


class _Use(Enum):
    NOTHING = auto()
    MINUTES = auto()
    SAMPLES = auto()


def plan(days: Iterable[NamesOfDay], from_ms: int, to_ms: int, rotation_ms: int, *, is_coarse: bool) -> list[Segment]:
    """Return the segments of the range [from_ms, to_ms), in ascending time and without gaps.

    `days`: all days that the range touches. `rotation_ms`: length of the windows. `is_coarse`: whether minutes are
    preferred to samples. A segment with minutes does not cross midnight UTC.
    """
    days = list(days)
    first_ms, last_ms = -(-from_ms // MINUTE_MS) * MINUTE_MS, to_ms // MINUTE_MS * MINUTE_MS
    if first_ms >= last_ms:
        return _joined(_segments(days, from_ms, to_ms, rotation_ms, is_coarse=False))
    return _joined(
        [
            *_segments(days, from_ms, first_ms, rotation_ms, is_coarse=False),
            *_segments(days, first_ms, last_ms, rotation_ms, is_coarse=is_coarse),
            *_segments(days, last_ms, to_ms, rotation_ms, is_coarse=False),
        ]
    )


def _segments(
    days: Sequence[NamesOfDay], from_ms: int, to_ms: int, rotation_ms: int, *, is_coarse: bool
) -> list[Segment]:
    """Return one segment for each hour of the range that has data, and one for each range between them.

    An empty range has none: reading the rows before it, from which its first rates would be computed, is expensive.
    """
    if from_ms >= to_ms:
        return []
    uses: dict[int, dict[str, _Use]] = {}
    for day in days:
        if day.midnight_ms < to_ms and day.midnight_ms + DAY_MS > from_ms:
            for hour_ms, use in _uses(day, rotation_ms, is_coarse=is_coarse):
                if use is not _Use.NOTHING and hour_ms < to_ms and hour_ms + HOUR_MS > from_ms:
                    uses.setdefault(hour_ms, {})[day.identifier] = use
    segments, until_ms = [], from_ms
    for hour_ms in sorted(uses):
        begin_ms, end_ms = max(hour_ms, from_ms), min(hour_ms + HOUR_MS, to_ms)
        if begin_ms > until_ms:
            segments.append(Segment(until_ms, begin_ms))
        minutes = frozenset(name for name, use in uses[hour_ms].items() if use is _Use.MINUTES)
        segments.append(Segment(begin_ms, end_ms, minutes, len(minutes) < len(uses[hour_ms])))
        until_ms = end_ms
    if until_ms < to_ms:
        segments.append(Segment(until_ms, to_ms))
    return segments


def _uses(day: NamesOfDay, rotation_ms: int, *, is_coarse: bool) -> Iterable[tuple[int, _Use]]:
    """Yield the start of each hour of a day, and what is read for it."""
    reach = -(-reach_ms(rotation_ms) // HOUR_MS)
    waiting = {start_ms // HOUR_MS * HOUR_MS for start_ms in day.windows}
    reached = {hour_ms for start_ms in waiting for hour_ms in _hours_from(start_ms, 1 + reach)}
    last, last_ms = _Use.NOTHING, 0
    for hour_ms in _hours_from(day.midnight_ms, _HOURS):
        use = _Use.NOTHING
        is_gone = hour_ms in day.minutes and hour_ms not in day.hours  # all of it but what reaches into it
        if hour_ms in waiting or (hour_ms in reached and not is_gone):
            use = _Use.SAMPLES
        elif hour_ms in day.minutes and (is_coarse or is_gone):
            use = _Use.MINUTES
        elif hour_ms in day.hours:
            use = _Use.SAMPLES
        elif hour_ms <= last_ms + reach * HOUR_MS:
            use = last
        if use is not last or hour_ms in day.hours or hour_ms in day.minutes:
            last, last_ms = use, hour_ms
        yield hour_ms, use


def _hours_from(start_ms: int, count: int) -> Iterable[int]:
    return (start_ms + HOUR_MS * hour for hour in range(count))


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Join neighbours that are read in the same way; but no minutes of different days."""
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if last is not None and last[2:] == segment[2:] and not (segment.minutes and segment.from_ms % DAY_MS == 0):
            joined[-1] = last._replace(to_ms=segment.to_ms)
        else:
            joined.append(segment)
    return joined


def begin_of_part(segments: Sequence[Segment], from_ms: int, until_ms: int, lengths: Lengths) -> int:
    """Return where the part of a range begins that ends at `until_ms` and takes as long to read as any other part.

    `segments`: of the whole range, which begins at `from_ms`. If the rest before the part would be shorter than half a
    part, the part begins with the range.
    """
    spans = []
    for begin_ms, end_ms, minutes, has_samples in reversed(segments):
        length_ms = lengths.minutes_ms if minutes and not has_samples else lengths.samples_ms
        if begin_ms < until_ms:
            spans.append((begin_ms, (min(end_ms, until_ms) - begin_ms) / length_ms, length_ms))
    share, rest = 1.0, sum(parts for _, parts, _ in spans) - 1.0
    if rest < SMALLEST_PART:
        return from_ms
    for begin_ms, parts, length_ms in spans:
        if parts >= share:
            return begin_ms + round((parts - share) * length_ms)
        share -= parts
    return from_ms
