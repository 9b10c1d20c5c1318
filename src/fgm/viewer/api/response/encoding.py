"""Encodes samples as JSON or in a binary form, part by part.

The binary form:

    u32, little-endian      length of the header
    header                  the JSON answer, with offsets instead of arrays
    zeros                   padding to a multiple of 8 bytes
    columns                 float64, little-endian, NaN for null

Offsets are in bytes from the start of the columns. `count` is the number of values in a column. Times are float64, too,
which is exact for them. Consecutive lines with the same times share one column of times.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fgm.metrics.derived import ShownMetric
from fgm.metrics.rates import Floats, Times
from fgm.store.samples.series import order
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make
from fgm.viewer.query.lines import Line, SeriesLines

DECIMALS = 6
"""Maximum number of decimals of a value in JSON."""
EXACT = 2.0**53
"""Limit below which all whole numbers are exact as float64."""
_ALIGNMENT = 8


class LabelledLine(NamedTuple):
    """One metric of one series: its samples, and the facts that the answer has next to them."""

    facts: dict[str, Any]
    line: Line


def labelled(results: list[SeriesLines], metrics: tuple[ShownMetric, ...], holdings: Holdings) -> list[LabelledLine]:
    """Return one labelled line for each series and metric, in the order that series have in a file.

    So the answer stays the same if windows are merged, or if it comes from a pack.
    """
    result = []
    for series in sorted(results, key=lambda each: order(each.series)):
        registered = find_or_make(series.series, 0, holdings.series)
        for metric, line in zip(metrics, series.lines, strict=True):
            facts = {"id": registered.id, "metric": metric.name, "unit": metric.unit, "life": registered.life}
            result.append(LabelledLine(facts, line))
    return result


def to_json(facts: dict[str, Any], lines: list[LabelledLine]) -> Iterator[bytes]:
    """Yield the parts of the JSON answer. Each line is cleared after it has been encoded, to free its memory."""
    yield json.dumps(facts)[:-1].encode() + b', "series": ['
    separator, last_time_ms, times = "", None, ""
    for of_line, line in lines:
        time_ms, values = line.joined()
        line.clear()
        if last_time_ms is None or not np.array_equal(last_time_ms, time_ms):
            last_time_ms, times = time_ms, json.dumps(time_ms.tolist(), separators=(",", ":"))
        yield f'{separator}{json.dumps(of_line)[:-1]}, "t_ms": {times}, "value": {_numbers(values)}}}'.encode()
        separator = ", "
    yield b"]}"


def to_binary(facts: dict[str, Any], lines: list[LabelledLine]) -> Iterator[bytes]:
    """Yield the parts of the binary answer. Each line is cleared after it has been encoded, to free its memory."""
    series, columns, end = [], list[tuple[Line, bool]](), 0
    last_time_ms: Times | None = None
    times_at = 0
    for of_line, line in lines:
        time_ms, _ = line.joined()
        size = 8 * len(time_ms)
        has_own_times = last_time_ms is None or not np.array_equal(last_time_ms, time_ms)
        if has_own_times:
            last_time_ms, times_at, end = time_ms, end, end + size
        series.append({**of_line, "count": len(time_ms), "t_ms": times_at, "value": end})
        columns.append((line, has_own_times))
        end += size
    header = json.dumps({**facts, "series": series}).encode()
    yield len(header).to_bytes(4, "little") + header + bytes(-(4 + len(header)) % _ALIGNMENT)
    for line, has_own_times in columns:
        time_ms, values = line.joined()
        line.clear()
        if has_own_times:
            yield time_ms.astype("<f8").tobytes()
        yield values.astype("<f8").tobytes()


def _numbers(values: Floats) -> str:
    """Return a JSON array of values: NaN becomes null, and whole numbers have no decimal point."""
    values = np.round(values, DECIMALS)
    is_whole = (values == np.floor(values)) & (np.abs(values) < EXACT)
    numbers: list[Any] = values.tolist()
    if is_whole.all():
        numbers = values.astype(np.int64).tolist()
    else:
        for i in np.flatnonzero(is_whole).tolist():
            numbers[i] = int(numbers[i])
        for i in np.flatnonzero(~np.isfinite(values)).tolist():
            numbers[i] = None
    return json.dumps(numbers, separators=(",", ":"), allow_nan=False)
