"""Names of the files and folders of the data directory, and the windows that the files contain.

    dt=2025-12-30/identifier=node-1/
        metrics-20251230T160000Z.parquet        one closed window
        metrics-20251230T160000Z--PT1H.parquet  the windows that start in one hour, merged
        live-20251230T160300Z.journal           the window being recorded
        processes-20251230T160000Z.parquet      process table of a closed window; also regions-…, labelled-…
        processes-20251230T160000Z--PT1H.parquet  the process tables of one hour, merged
        processes-20251230T160300Z.journal      process table of the window being recorded
        events.jsonl                            the events of that day
    tiers/dt=2025-12-30/identifier=node-1/
        minutes-20251230T160000Z--PT1H.parquet  summaries of each minute of a merged hour
        minutes-20251230T000000Z--P1D.parquet   those of a whole day

Windows start at multiples of the rotation interval, counted from 00:00 UTC of their day. The last window of a day ends
at midnight, so every window belongs to one `dt=` folder.

These are pure functions: none of them uses a disk or a clock. Instants are integer milliseconds since 1970 UTC, in the
years 1970 to 9999. Ranges include their start and exclude their end.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

from fgm.iso_time import END_OF_TIME_MS

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MAX_ROTATION_S = 86_400
"""Maximum length of a window: a day."""

INDEX_NAME = "index.json"
LOCK_NAME = ".lock"
EVENTS_NAME = "events.jsonl"
SESSION_NAME = "session.json"
COLUMNS_NAME = "columns.json"
FIRST_SEEN_NAME = "first-seen.json"
TIERS_FOLDER = "tiers"
TEMPORARY_SUFFIX = ".tmp"

_DURATIONS = {HOUR_MS: "PT1H", DAY_MS: "P1D"}
"""Durations of merged files in ISO 8601."""

Kind = Literal["metrics", "journal"]
TableKind = Literal["processes", "regions", "labelled"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)
_DAY = re.compile(r"dt=(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_STAMP = r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z"
_METRICS = re.compile(rf"metrics-{_STAMP}(--PT1H)?\.parquet", re.ASCII)
_JOURNAL = re.compile(rf"live-{_STAMP}\.journal", re.ASCII)
_TABLE = re.compile(rf"(processes|regions|labelled)-{_STAMP}(--PT1H)?\.parquet", re.ASCII)
_TABLE_JOURNAL = re.compile(rf"(processes|regions|labelled)-{_STAMP}\.journal", re.ASCII)
_MINUTES = re.compile(rf"minutes-{_STAMP}--(PT1H|P1D)\.parquet", re.ASCII)
_ASIDE = re.compile(
    rf"bad-(?:metrics|processes|regions|labelled)-{_STAMP}(?:--PT1H)?\.parquet(?:\.\d+)?"
    rf"|bad-minutes-{_STAMP}--(?:PT1H|P1D)\.parquet(?:\.\d+)?"
    rf"|bad-(?:processes|regions|labelled)-{_STAMP}\.journal(?:\.\d+)?"
    rf"|live-{_STAMP}\.journal\.bad(?:\.\d+)?"
    rf"|superseded-{_STAMP}-\d+\.parquet",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A window: the range [start_ms, end_ms), which is one rotation interval or the rest of a day."""

    start_ms: int
    end_ms: int

    def __contains__(self, instant_ms: int) -> bool:
        return self.start_ms <= instant_ms < self.end_ms


@dataclass(frozen=True, slots=True)
class ParsedName:
    """The kind and times in the name of a metrics file or journal.

    `duration_ms`: length of an hourly file; None for a single window, whose length is in its header.
    """

    kind: Kind
    start_ms: int
    duration_ms: int | None = None


def window_at(instant_ms: int, rotation_s: int) -> Window:
    """Return the window that contains an instant.

    Raises: ValueError if the rotation interval or the instant is out of range.
    """
    if not 1 <= rotation_s <= MAX_ROTATION_S:
        raise ValueError(f"a rotation interval of {rotation_s} s is not allowed: it must be 1 to {MAX_ROTATION_S} s")
    midnight_ms = day_start(instant_ms)
    length_ms = rotation_s * 1000
    start_ms = midnight_ms + (instant_ms - midnight_ms) // length_ms * length_ms
    return Window(start_ms, min(start_ms + length_ms, midnight_ms + DAY_MS))


def day_start(instant_ms: int) -> int:
    """Return 00:00 UTC of the day that contains an instant."""
    return instant_ms - instant_ms % DAY_MS


def day_folder(instant_ms: int) -> str:
    """Return the name of the folder of an instant's day, such as `dt=2025-12-30`."""
    return f"dt={_calendar(instant_ms):%Y-%m-%d}"


def identifier_folder(identifier: str) -> str:
    """Return the name of a writer's folder, such as `identifier=node-1`.

    Raises: ValueError if the identifier is not allowed.
    """
    if not valid_identifier(identifier):
        raise ValueError(
            f"{identifier!r} is not an identifier: allowed are 1 to 253 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return f"identifier={identifier}"


def metrics_name(start_ms: int) -> str:
    """Return the name of the file of a closed window, such as `metrics-20251230T160000Z.parquet`."""
    return f"metrics-{_stamp(start_ms)}.parquet"


def reach_ms(rotation_ms: int) -> int:
    """Return the time by which the windows of an hour may reach into later hours."""
    return 0 if HOUR_MS % rotation_ms == 0 else rotation_ms


def hour_name(start_ms: int) -> str:
    """Return the name of the file of a merged hour, such as `metrics-20251230T160000Z--PT1H.parquet`."""
    return f"metrics-{_stamp(start_ms)}--PT1H.parquet"


def journal_name(start_ms: int) -> str:
    """Return the name of the journal of a window, such as `live-20251230T160300Z.journal`."""
    return f"live-{_stamp(start_ms)}.journal"


def table_name(kind: TableKind, start_ms: int) -> str:
    """Return the name of a process or region table of a window, such as `processes-20251230T160000Z.parquet`."""
    return f"{kind}-{_stamp(start_ms)}.parquet"


def table_hour_name(kind: TableKind, start_ms: int) -> str:
    """Return the name of the merged tables of an hour, such as `processes-20251230T160000Z--PT1H.parquet`."""
    return f"{kind}-{_stamp(start_ms)}--PT1H.parquet"


def minutes_name(start_ms: int, duration_ms: int) -> str:
    """Return the name of the file with the minutes of an hour or of a day.

    Raises: ValueError if `duration_ms` is neither an hour nor a day.
    """
    if duration_ms not in _DURATIONS:
        raise ValueError(f"minutes are in files of an hour or a day, not of {duration_ms} ms")
    return f"minutes-{_stamp(start_ms)}--{_DURATIONS[duration_ms]}.parquet"


def table_journal_name(kind: TableKind, start_ms: int) -> str:
    """Return the name of the journal of a table, such as `processes-20251230T160300Z.journal`."""
    return f"{kind}-{_stamp(start_ms)}.journal"


def parse_table_name(name: str) -> tuple[TableKind, int] | None:
    """Return the kind and the window start (ms) in the name of a table of one window; None for other names."""
    match = _TABLE.fullmatch(name)
    return None if match is None or match[8] is not None else _parse_table(match)


def parse_table_hour_name(name: str) -> tuple[TableKind, int] | None:
    """Return the kind and the start (ms) in the name of the merged tables of an hour; None for other names."""
    match = _TABLE.fullmatch(name)
    parsed = None if match is None or match[8] is None else _parse_table(match)
    return None if parsed is None or parsed[1] % HOUR_MS else parsed


def parse_table_journal_name(name: str) -> tuple[TableKind, int] | None:
    """Return the kind and the window start (ms) in the name of a table's journal; None for other names."""
    match = _TABLE_JOURNAL.fullmatch(name)
    return None if match is None else _parse_table(match)


def parse_minutes_name(name: str) -> tuple[int, int] | None:
    """Return the start and the duration (ms) in the name of a file of minutes; None for other names."""
    match = _MINUTES.fullmatch(name)
    start_ms = None if match is None else _parse_calendar(*match.groups()[:6])
    if match is None or start_ms is None:
        return None
    duration_ms = HOUR_MS if match[7] == _DURATIONS[HOUR_MS] else DAY_MS
    return None if start_ms % duration_ms else (start_ms, duration_ms)


def _parse_table(match: re.Match[str]) -> tuple[TableKind, int] | None:
    start_ms = _parse_calendar(*match.groups()[1:7])
    return None if start_ms is None else (cast("TableKind", match[1]), start_ms)


def parse_name(name: str) -> ParsedName | None:
    """Parse the name of a metrics file or journal; return None for other names."""
    kind: Kind = "metrics"
    match = _METRICS.fullmatch(name)
    if match is None:
        kind, match = "journal", _JOURNAL.fullmatch(name)
    start_ms = None if match is None else _parse_calendar(*match.groups()[:6])
    if match is None or start_ms is None:
        return None
    if kind == "journal" or match[7] is None:
        return ParsedName(kind, start_ms)
    return None if start_ms % HOUR_MS else ParsedName(kind, start_ms, HOUR_MS)


def superseded_name(start_ms: int, number: int) -> str:
    """Return the new name of a file whose window is recorded again, such as `superseded-20251230T160000Z-1.parquet`."""
    return f"superseded-{_stamp(start_ms)}-{number}.parquet"


def is_set_aside(name: str) -> bool:
    """Return whether this is the name of a file that was set aside: it is kept, but readers do not read it."""
    return set_aside_ms(name) is not None


def set_aside_ms(name: str) -> int | None:
    """Return the window start in the name of a file that was set aside; None for other names."""
    match = _ASIDE.fullmatch(name)
    return None if match is None else _parse_calendar(*[part for part in match.groups() if part is not None])


def parse_day(folder: str) -> int | None:
    """Return 00:00 UTC (ms) of the day in the name of a `dt=` folder; None for other names."""
    match = _DAY.fullmatch(folder)
    return None if match is None else _parse_calendar(*match.groups())


def parse_identifier(folder: str) -> str | None:
    """Return the identifier in the name of an `identifier=` folder; None for other names."""
    prefix, separator, identifier = folder.partition("=")
    return identifier if separator and prefix == "identifier" and valid_identifier(identifier) else None


def valid_identifier(identifier: str) -> bool:
    """Return whether an identifier is allowed.

    It must consist of at most 253 letters, digits, '.', '_' and '-', and start with a letter or digit.
    """
    return _IDENTIFIER.fullmatch(identifier) is not None


def _stamp(instant_ms: int) -> str:
    if instant_ms % 1000:
        raise ValueError(f"a window starts on a whole second, not at {instant_ms} ms")
    return f"{_calendar(instant_ms):%Y%m%dT%H%M%SZ}"


def _calendar(instant_ms: int) -> datetime:
    if not 0 <= instant_ms < END_OF_TIME_MS:
        raise ValueError(f"{instant_ms} ms is not an instant between the years 1970 and 9999")
    return _EPOCH + timedelta(milliseconds=instant_ms)


def _parse_calendar(*digits: str) -> int | None:
    """Return the instant of (year, month, day) or (…, hour, minute, second); None if there is no such date or time."""
    try:
        moment = datetime(*map(int, digits), tzinfo=UTC)  # type: ignore[misc,arg-type]  # the patterns give 3 or 6
    except ValueError:
        return None
    instant_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
    return instant_ms if instant_ms >= 0 else None
