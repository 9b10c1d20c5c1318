"""The course of a series in words: mean, lowest, highest, first and last value, and the means of parts. Pure."""

import math
from collections.abc import Sequence

from fgm.agents.quantities import in_one_unit, length, moment, quantity

Samples = Sequence[tuple[int, float | None]]
"""Instants and values; None is a value that is missing."""
Recorded = Sequence[tuple[int, float]]


def recorded(samples: Samples) -> list[tuple[int, float]]:
    """Return the samples that have a value."""
    return [(at_ms, value) for at_ms, value in samples if value is not None]


def highest(samples: Recorded) -> tuple[int, float]:
    """Return the highest sample, the first one of several. There must be one."""
    return max(samples, key=lambda sample: sample[1])


def facts_of(samples: Recorded, unit: str, range_ms: int, *, is_whole: bool, parts: Samples = ()) -> list[str]:
    """Return what samples say; there must be one. `range_ms`: length of the range that they are from.

    `is_whole`: the samples are all that exist. `parts`: the means of parts of the range.
    """
    values = [value for _, value in samples]
    (low_ms, low), (high_ms, high) = min(samples, key=lambda sample: sample[1]), highest(samples)
    count = f"{len(values)} samples" if is_whole else ""
    if low == high:
        return [f"always {quantity(low, unit)}", count]
    facts = [
        f"{name} {quantity(value, unit)} at {moment(at_ms, range_ms)}"
        for name, value, at_ms in (
            ("lowest", low, low_ms),
            ("highest", high, high_ms),
            ("first", values[0], samples[0][0]),
            ("last", values[-1], samples[-1][0]),
        )
    ]
    steps = _steps(parts, unit, range_ms)
    if not is_whole:
        means = [value for _, value in recorded(parts)]
        of_parts = f"mean of the parts {quantity(math.fsum(means) / len(means), unit)}" if means else ""
        return [of_parts, *facts, steps]
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    spread = f"standard deviation {quantity(deviation, unit)}"
    return [f"mean {quantity(mean, unit)}", *facts, spread, count, steps]


def _steps(parts: Samples, unit: str, range_ms: int) -> str:
    """Return the means of the parts of the range as one text: in one unit, "." if nothing was recorded."""
    if len(parts) < 2:
        return ""
    numbers, scaled_unit = in_one_unit([value for _, value in parts], unit)
    step_ms = parts[1][0] - parts[0][0]
    begin = moment(max(0, parts[0][0] - step_ms // 2), range_ms)
    steps = " ".join("." if value is None else value for value in numbers)
    return f"means of {length(step_ms)} from {begin}: {steps} {scaled_unit}".rstrip()
