"""Instants as ISO 8601 text in UTC, and back to milliseconds since 1970.

Two forms are written, `2025-12-30T16:05:00Z` and `2025-12-30T16:05:00.123Z`. Anything that ISO 8601 allows is read.
"""

from datetime import UTC, datetime, timedelta

END_OF_TIME_MS = 253_402_300_800_000
"""The first instant without such a text: the year 10000, which has five digits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def format_seconds(instant_ms: int) -> str:
    """Return an instant, cut to whole seconds, as `2025-12-30T16:05:00Z`.

    Raises: ValueError or OverflowError if its year is not one of 1 to 9999.
    """
    return f"{datetime.fromtimestamp(instant_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def format_milliseconds(instant_ms: int) -> str:
    """Return an instant as `2025-12-30T16:05:00.123Z`.

    Raises: OverflowError if its year is not one of 1 to 9999.
    """
    return (_EPOCH + instant_ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_ms(text: str, *, assume_utc: bool = False) -> int:
    """Return the milliseconds of an instant. `assume_utc`: a text without a time zone is UTC.

    Raises: ValueError if the text is not an instant, or has no time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if not assume_utc:
            raise ValueError(f"{text!r} has no time zone")
        moment = moment.replace(tzinfo=UTC)
    return round((moment - _EPOCH) / _MILLISECOND)
