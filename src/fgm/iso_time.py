"""Converts between milliseconds since 1970 and ISO 8601 text.

Times are written in UTC, as `2025-12-30T16:05:00Z` or `2025-12-30T16:05:00.123Z`. Every form that Python's
`datetime.fromisoformat` accepts can be read.
"""

from datetime import UTC, datetime, timedelta

END_OF_TIME_MS = 253_402_300_800_000
"""Start of the year 10000: from here on, times cannot be written, because the year has five digits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def format_seconds(instant_ms: int) -> str:
    """Return the text of an instant in whole seconds (rounded down), such as `2025-12-30T16:05:00Z`.

    Raises: ValueError or OverflowError if the year is not in 1 to 9999.
    """
    return f"{datetime.fromtimestamp(instant_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def format_milliseconds(instant_ms: int) -> str:
    """Return the text of an instant with milliseconds, such as `2025-12-30T16:05:00.123Z`.

    Raises: OverflowError if the year is not in 1 to 9999.
    """
    return (_EPOCH + instant_ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_ms(text: str, *, assume_utc: bool = False) -> int:
    """Return milliseconds since 1970, rounded down. `assume_utc`: read a text without a time zone as UTC.

    Raises: ValueError if the text is not an instant, or if it has no time zone and `assume_utc` is false.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if not assume_utc:
            raise ValueError(f"{text!r} has no time zone")
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND
