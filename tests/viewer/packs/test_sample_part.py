"""Parts with samples: every value that is read is exactly the one that was stored."""

from typing import Any

import numpy as np
import pytest

from fgm.metrics.rates import Floats, Times, rate
from fgm.viewer.packs.sample_part import PackedLine, PassedTime, Units, encode, encode_passed, runs_of
from tests.support.packs import decode_samples

BEGIN_MS = 1_700_000_000_000


def times_of(count: int) -> Times:
    return BEGIN_MS + 1000 * np.arange(count)


def passed_of(time_ms: Times, late_ms: Floats) -> Units:
    """Return the time that passed before each row, which are added in two parts."""
    passed, half = PassedTime(BEGIN_MS), len(time_ms) // 2
    passed.add(time_ms[:half], late_ms[:half])
    passed.add(time_ms[half:], late_ms[half:])
    return passed.units()


def as_list(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.full(50, np.nan), b'"as":"null"'),
        (np.arange(50.0) * 4096, b'"as":"f4"'),
        (np.where(np.arange(50) % 7 == 0, np.nan, np.arange(50) / 10), b'"as":"f8"'),
        (2.0**53 - np.arange(50), b'"as":"f8"'),
    ],
)
def test_values_are_exact(values: Floats, form: bytes) -> None:
    time_ms = times_of(len(values))

    part = encode({"from_ms": BEGIN_MS}, [[PackedLine({"id": "a"}, time_ms, values)]], {})

    assert decode_samples(part) == {"a": (time_ms.tolist(), as_list(values))}
    assert form in part


def test_rates_are_stored_as_growth_and_are_exact() -> None:
    random = np.random.default_rng(1)
    count = 2000
    time_ms = times_of(count)
    time_ms[1000:] += 5000  # a gap
    late_ms = np.round(random.uniform(0, 20, count), 3)
    counter = np.cumsum(random.integers(0, 2_000_000, count)).astype(np.float64)
    counter[1500:] -= counter[1499]  # it restarted
    counter[random.integers(0, count, 20)] = np.nan
    values = rate(time_ms, late_ms, counter, 1000) / 1e6
    passed = {"a": passed_of(time_ms, late_ms)}

    part = encode({}, [[PackedLine({"id": "a"}, time_ms, values, 1e6)]], passed)

    assert b'"as":"rate"' in part
    assert len(part) < 5 * count
    assert decode_samples(part, encode_passed(passed)) == {"a": (time_ms.tolist(), as_list(values))}


def test_rates_that_are_no_growth_are_stored_as_they_are() -> None:
    time_ms, values = times_of(500), np.random.default_rng(2).uniform(0, 1, 500)
    passed = {"a": passed_of(time_ms, np.zeros(500))}

    part = encode({}, [[PackedLine({"id": "a"}, time_ms, values, 1.0)]], passed)

    assert b'"as":"f8"' in part
    assert decode_samples(part, encode_passed(passed))["a"][1] == values.tolist()


@pytest.mark.parametrize(
    ("seconds", "runs"),
    [
        ([], []),
        ([0], [[0, 0, 1]]),
        ([0, 1, 2], [[0, 1000, 3]]),
        ([0, 1, 2, 9], [[0, 1000, 3], [9000, 0, 1]]),
        ([0, 5, 6, 7], [[0, 5000, 2], [6000, 1000, 2]]),
    ],
)
def test_times_are_runs(seconds: list[int], runs: Any) -> None:
    time_ms = np.array(seconds, np.int64) * 1000

    assert runs_of(time_ms) == runs
    assert [first + step * i for first, step, count in runs for i in range(count)] == time_ms.tolist()
