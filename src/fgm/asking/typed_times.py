"""Times as they are typed: a time of day, with or without a day, ISO 8601, seconds since 1970, or a length before now.

A text without a time zone is local time, as on the page.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from fgm import iso_time
from fgm.asking.viewer_client import AskError

MINUTE_MS = 60_000
FORM = "14:32, 14:32:10, 14:32 UTC, 2025-12-30 14:32, 2025-12-30T14:32:10Z, 5m ago, now, or seconds since 1970"
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*(Z|UTC)?", re.ASCII | re.IGNORECASE)
_DAY = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
_AGO = re.compile(r"(?:now\s*-\s*)?((?:\d{1,6}\s*[smhd]\s*)+)(?:\s*ago)?", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d+)\s*([smhd])", re.IGNORECASE)
_EPOCH = re.compile(r"1\d{9}(\d{3})?", re.ASCII)
_UNIT_MS = {"s": 1000, "m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS}


@dataclass(frozen=True, slots=True)
class TypedTime:
    """What a text means: a range of one minute, and the second in it to which the page's cursor is set.

    `has_seconds`: whether a second was named; then the minute is around it, else it is the minute that was named.
    """

    from_ms: int
    to_ms: int
    at_ms: int
    has_seconds: bool


def read_time(text: str, now_ms: int, zone: tzinfo | None = None) -> TypedTime:
    """Return what a text means. A time of day is the last one before now. `zone`: local time zone; None: the machine's.

    Raises: AskError if it is not a time.
    """
    typed = text.strip()
    try:
        at_ms, has_seconds = _instant(typed, now_ms, zone)
    except (ValueError, OverflowError, OSError):
        at_ms, has_seconds = -1, False
    if not 0 <= at_ms < iso_time.END_OF_TIME_MS - MINUTE_MS:
        raise AskError(f"{text[:60]!r} is not a time: give {FORM}")
    if has_seconds:
        from_ms = max(0, at_ms - MINUTE_MS // 2)
        return TypedTime(from_ms, from_ms + MINUTE_MS, at_ms, has_seconds)
    from_ms = at_ms // MINUTE_MS * MINUTE_MS
    return TypedTime(from_ms, from_ms + MINUTE_MS, from_ms, has_seconds)


def local_text(at_ms: int, zone: tzinfo | None = None) -> str:
    """Return an instant in local time with its time zone, such as `2025-12-30 14:32:00 CET`."""
    return f"{_local(at_ms, zone):%Y-%m-%d %H:%M:%S %Z}"


def local_clock(at_ms: int, zone: tzinfo | None = None) -> str:
    """Return the local time of day of an instant, such as `14:32:00`."""
    return f"{_local(at_ms, zone):%H:%M:%S}"


def _local(at_ms: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)


def _instant(text: str, now_ms: int, zone: tzinfo | None) -> tuple[int, bool]:
    """Return the instant of a text, and whether it names a second."""
    if text.lower() == "now":
        return now_ms - MINUTE_MS // 2, True
    if _EPOCH.fullmatch(text):
        return int(text) * (1 if len(text) == 13 else 1000), True
    if match := _CLOCK.fullmatch(text):
        clock = (int(match[1]), int(match[2]), int(match[3] or 0))
        return _last_clock(clock, now_ms, UTC if match[4] else zone), match[3] is not None
    if match := _DAY.fullmatch(text):
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
        offset = (match[4] or "").upper()
        if offset:
            moment = datetime.fromisoformat(f"{moment.isoformat()}{'Z' if offset in ('Z', 'UTC') else offset}")
        elif zone is not None:
            moment = moment.replace(tzinfo=zone)
        return int(moment.timestamp() * 1000), match[3] is not None
    if match := _AGO.fullmatch(text):
        length_ms = sum(int(count) * _UNIT_MS[unit.lower()] for count, unit in _PART.findall(match[1]))
        return now_ms - length_ms, True
    raise ValueError(text)


def _last_clock(clock: tuple[int, int, int], now_ms: int, zone: tzinfo | None) -> int:
    """Return the last instant before now at which clocks showed a time of day."""
    today = _local(now_ms, zone)
    for days in range(3):  # a day on which clocks are set may not have this time of day
        day = (today - timedelta(days=days)).date()
        naive = datetime(day.year, day.month, day.day, *clock)  # noqa: DTZ001 - local, as the next lines say
        moment = naive.replace(tzinfo=zone) if zone is not None else naive
        at_ms = int(moment.timestamp() * 1000)
        shows = _local(at_ms, zone)
        if at_ms <= now_ms and (shows.hour, shows.minute, shows.second) == clock:
            return at_ms
    raise ValueError(clock)
