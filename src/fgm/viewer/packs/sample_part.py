"""The part of a pack with the samples of one metric: what /api/timeseries answers, in as few bytes as are exact.

A rate is stored as the growth of its counter, if the division gives exactly the same value. `docs/pack.md` describes
the layout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times

PASSED_UNITS_PER_MS = 4096
"""Number of units per ms of the part `passed`: the distance of two float64 times of today is a multiple of one."""
_NULL = -(1 << 31)
Units = NDArray[np.int32]
"""Growths, or times that passed."""
_MAX_EXCEPTIONS = 1 / 4
"""Maximum share of values that are stored next to a column of growths. If there are more, it is not stored so."""
_ALIGNMENT = 8


class PackedLine(NamedTuple):
    """The samples of one series. `facts`: what the header has about it; `divisor`: of the rate; None: it is no rate."""

    facts: dict[str, Any]
    time_ms: Times
    values: Floats
    divisor: float | None = None


def encode(facts: Mapping[str, Any], groups: Iterable[Sequence[PackedLine]], passed: Mapping[str, Units]) -> bytes:
    """Return the part. `groups`: the lines, some series at a time; `passed`: that of each series, by id."""
    series, columns, at = list[dict[str, Any]](), list[bytes](), 0
    for line in (line for lines in groups for line in lines):
        described, column = _encoded(line, passed.get(line.facts["id"]))
        if column:
            described["at"] = at
            columns.append(column)
            at += len(column)
        runs = runs_of(line.time_ms)
        series.append({**line.facts, "count": len(line.time_ms), "t_ms": runs, "value": described})
    return _part({**facts, "series": series}, columns)


def encode_passed(passed: Mapping[str, Units]) -> bytes:
    """Return the part `passed`. `passed`: see `encode`."""
    series, columns, at = list[dict[str, Any]](), list[bytes](), 0
    for name, units in passed.items():
        series.append({"id": name, "count": len(units), "value": {"as": "i4", "at": at}})
        columns.append(_planes(units.astype("<i4", copy=False)))
        at += len(columns[-1])
    return _part({"series": series}, columns)


class PassedTime:
    """The time between the reads of one series, in units of the part `passed`; -2^31 if unknown, or too long."""

    def __init__(self, from_ms: int) -> None:
        """`from_ms`: only the samples from then on count, but the first of them follows an earlier one."""
        self._from_ms = from_ms
        self._units: list[NDArray[np.int32]] = []
        self._last_read_ms = np.nan

    def add(self, time_ms: Times, late_ms: Floats) -> None:
        """Add the next rows: their ticks, and by how much they were read later."""
        read_at_ms = time_ms.astype(np.float64) + np.nan_to_num(late_ms)
        exact = np.diff(read_at_ms, prepend=self._last_read_ms) * PASSED_UNITS_PER_MS
        fits = (np.abs(exact) < -_NULL) & (exact == np.floor(exact))
        self._units.append(np.where(fits, exact, _NULL).astype(np.int32)[time_ms >= self._from_ms])
        self._last_read_ms = read_at_ms[-1]

    def units(self) -> Units:
        """Return the time that passed before each of the samples that count."""
        self._units = [np.concatenate(self._units)]
        return self._units[0]


def runs_of(time_ms: Times) -> list[list[int]]:
    """Return times as runs of equal distance: first time, distance, number of times."""
    runs, first = list[list[int]](), 0
    steps = np.diff(time_ms)
    changes = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    for change in changes:
        if change <= first:
            continue  # a gap, at whose end the next run begins
        runs.append([int(time_ms[first]), int(steps[first]), change - first + 1])
        first = change + 1
    if first < len(time_ms):
        runs.append([int(time_ms[first]), 0, 1])
    return runs


def _encoded(line: PackedLine, passed: Units | None) -> tuple[dict[str, Any], bytes]:
    values = line.values
    is_null = np.isnan(values)
    if is_null.all():
        return {"as": "null"}, b""
    if np.array_equal(values.astype(np.float32).astype(np.float64), values, equal_nan=True):
        return {"as": "f4"}, _planes(values.astype("<f4"))
    if line.divisor is not None and passed is not None and len(passed) == len(values):
        growth = _growths(values, passed, line.divisor)
        again = growths_to_values(growth, passed, line.divisor)
        wrong = np.flatnonzero(~((again == values) | (np.isnan(again) & is_null)))
        if len(wrong) <= _MAX_EXCEPTIONS * len(values):
            exceptions = [[i, None if is_null[i] else float(values[i])] for i in wrong.tolist()]
            described = {"as": "rate", "divisor": line.divisor, "except": exceptions}
            return described, _planes(growth.astype("<i4", copy=False))
    return {"as": "f8"}, _planes(values.astype("<f8"))


def _growths(values: Floats, passed: Units, divisor: float) -> Units:
    growth = np.round(values * divisor * (passed / PASSED_UNITS_PER_MS) / 1000.0)
    fits = np.isfinite(growth) & (np.abs(growth) < -_NULL) & (passed != _NULL)
    return np.where(fits, np.nan_to_num(growth), _NULL).astype(np.int32)


def growths_to_values(growth: Units, passed: Units, divisor: float) -> Floats:
    """Return the rates, in the order of operations in which `fgm.metrics` computes them; NaN for null."""
    values = np.full(len(growth), np.nan)
    is_known = (growth != _NULL) & (passed != _NULL) & (passed > 0)
    passed_ms = passed[is_known] / PASSED_UNITS_PER_MS
    values[is_known] = growth[is_known].astype(np.float64) * 1000.0 / passed_ms / divisor
    return values


def _planes(values: NDArray[Any]) -> bytes:
    """Return the first byte of each value, then the second of each, and so on: bytes that resemble each other meet."""
    return values.view(np.uint8).reshape(len(values), -1).T.tobytes()


def _part(header: Mapping[str, Any], columns: list[bytes]) -> bytes:
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, bytes(-(4 + len(text)) % _ALIGNMENT), *columns])
