"""Parses instants and time ranges in query strings and in the path /at/<time>."""

import re
from contextlib import suppress
from decimal import Decimal

from fgm import iso_time
from fgm.viewer.api.request.parameters import DEFAULT_RANGE, MAX_TEXT, RANGE_FORM, TIME_FORM
from fgm.viewer.api.request.query_string import Fields, value_of
from fgm.viewer.api.request.requests import Span
from fgm.viewer.web.problems import bad_parameter

_RANGE = re.compile(r"([1-9]\d{0,8})([smhdw])", re.ASCII)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_MIN_MILLISECONDS = 100_000_000_000
"""Minimum of a number that is read as milliseconds; smaller ones are seconds. As seconds it would be the year 5138."""
_BASIC_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
"""A date without hyphens, such as 20251230. As seconds it would be an instant in 1970, which no data has."""
_ISO_SIGN = re.compile(rf"-|\A{_BASIC_DATE.pattern}")
_SPACE_OF_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def span(fields: Fields) -> Span:
    """Return the time range in the parameters `range`, `from` and `to`.

    Raises: Problem (400) if they contradict each other, or if one is not a range or an instant.
    """
    if "range" in fields and ("from" in fields or "to" in fields):
        raise bad_parameter("range", "range cannot be combined with from or to", "either range, or from and to")
    length_ms = _length_ms(value_of(fields, "range", DEFAULT_RANGE))
    if "from" not in fields and "to" not in fields:
        return Span(length_ms)
    from_ms = instant_ms("from", value_of(fields, "from")) if "from" in fields else None
    to_ms = instant_ms("to", value_of(fields, "to")) if "to" in fields else None
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise bad_parameter("from", "the range is empty or runs backwards", "an instant before to")
    return Span(length_ms, from_ms, to_ms)


def instant_ms(name: str, text: str) -> int:
    """Return the instant in a text, in ms since 1970. `name`: name of its parameter, for the error message.

    Raises: Problem (400) if the text is not an instant.
    """
    result_ms: int | None = None
    if _NUMBER.fullmatch(text) and not _BASIC_DATE.fullmatch(text):
        number = Decimal(text)  # a float would round some fractions down to the millisecond before
        result_ms = int(number if number >= _MIN_MILLISECONDS else number * 1000)
    elif len(text) <= MAX_TEXT and _ISO_SIGN.search(text):
        with suppress(ValueError):
            # The + of a time zone arrives as a space if it was not encoded.
            result_ms = iso_time.parse_ms(_SPACE_OF_PLUS.sub("+", text), assume_utc=True)
    if result_ms is None or not 0 <= result_ms < iso_time.END_OF_TIME_MS:
        raise bad_parameter(name, f"{text[:MAX_TEXT]!r} is not an instant", TIME_FORM)
    return result_ms


def _length_ms(text: str) -> int | None:
    if text == "all":
        return None
    match = _RANGE.fullmatch(text)
    if match is None:
        raise bad_parameter("range", f"{text[:MAX_TEXT]!r} is not a range", RANGE_FORM)
    return int(match[1]) * _UNIT_MS[match[2]]
