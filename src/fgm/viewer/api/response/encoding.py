"""The two forms of answered samples, JSON and binary, made part by part as they are read.

Binary: the length of a header as u32, little-endian; the header, which is the JSON with offsets instead of arrays;
zeros up to a multiple of 8; then columns of float64, little-endian, NaN for null. An offset is in bytes from the end of
those zeros, `count` is how many values lie there. Times are whole numbers, exact as float64; columns that are the same
lie there once.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fgm.metrics.derived import Shown
from fgm.metrics.rates import Floats, Times
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import unlisted_id
from fgm.viewer.query.query import AnsweredSeries, Line

DECIMALS = 6
EXACT = 2.0**53
"""Whole numbers below this are what they say."""
_ALIGNMENT = 8


class Named(NamedTuple):
    """The line of one metric of one series, with what is said about it."""

    facts: dict[str, Any]
    line: Line


def named(answered: list[AnsweredSeries[Line]], metrics: tuple[Shown, ...], holdings: Holdings) -> list[Named]:
    """Return every line, the metrics of a series together."""
    found = []
    for one in answered:
        known = holdings.series.find(one.series.key)
        name, life = (known.id, known.life) if known is not None else (unlisted_id(one.series), 1)
        for metric, line in zip(metrics, one.lines, strict=True):
            found.append(Named({"id": name, "metric": metric.name, "unit": metric.unit, "life": life}, line))
    return found


def take(parts: Iterator[bytes], size: int) -> bytes:
    """Return the next parts, joined: at least `size` bytes where there are so many, none at the end."""
    taken: list[bytes] = []
    while size > 0 and (part := next(parts, None)) is not None:
        taken.append(part)
        size -= len(part)
    return b"".join(taken)


def to_json(facts: dict[str, Any], lines: list[Named]) -> Iterator[bytes]:
    """Yield the JSON; each line is freed when it is written."""
    yield json.dumps(facts)[:-1].encode() + b', "series": ['
    separator, last_time_ms, times = "", None, ""
    for of, line in lines:
        time_ms, values = line.joined()
        line.clear()
        if last_time_ms is None or not np.array_equal(last_time_ms, time_ms):
            last_time_ms, times = time_ms, json.dumps(time_ms.tolist(), separators=(",", ":"))
        yield f'{separator}{json.dumps(of)[:-1]}, "t_ms": {times}, "value": {_numbers(values)}}}'.encode()
        separator = ", "
    yield b"]}"


def to_binary(facts: dict[str, Any], lines: list[Named]) -> Iterator[bytes]:
    """Yield the binary form; each line is freed when it is written."""
    series, columns, end = [], list[tuple[Line, bool]](), 0
    last_time_ms: Times | None = None
    times_at = 0
    for of, line in lines:
        time_ms, _ = line.joined()
        size = 8 * len(time_ms)
        is_new = last_time_ms is None or not np.array_equal(last_time_ms, time_ms)
        if is_new:
            last_time_ms, times_at, end = time_ms, end, end + size
        series.append({**of, "count": len(time_ms), "t_ms": times_at, "value": end})
        columns.append((line, is_new))
        end += size
    header = json.dumps({**facts, "series": series}).encode()
    yield len(header).to_bytes(4, "little") + header + bytes(-(4 + len(header)) % _ALIGNMENT)
    for line, is_new in columns:
        time_ms, values = line.joined()
        line.clear()
        if is_new:
            yield time_ms.astype("<f8").tobytes()
        yield values.astype("<f8").tobytes()


def _numbers(values: Floats) -> str:
    """Return a JSON array: null for NaN, whole numbers without a point, others with six decimals at most."""
    values = np.round(values, DECIMALS)
    is_whole = (values == np.floor(values)) & (np.abs(values) < EXACT)
    plain: list[Any] = values.tolist()
    if is_whole.all():
        plain = values.astype(np.int64).tolist()
    else:
        for place in np.flatnonzero(is_whole).tolist():
            plain[place] = int(plain[place])
        for place in np.flatnonzero(~np.isfinite(values)).tolist():
            plain[place] = None
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)
