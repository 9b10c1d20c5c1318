"""The results of studies in words. Pure."""

import math
from itertools import pairwise
from typing import Any

from fgm.agents.quantities import clock, length, quantity
from fgm.asking.answer_fields import flag, instant, instant_or_none, items, number

STUDIES = ("trend", "changepoint", "periodicity")
MAX_LEVELS = 6
"""Maximum number of levels that are named: those after the largest steps."""


def study_in_words(study: str, facts: Any, unit: str) -> str:
    """Return the result of a study in words. `facts`: what a viewer says about a series.

    Raises: FormError if they have another form.
    """
    if study == "trend":
        return _trend(facts, unit)
    if study == "periodicity":
        period_ms = instant_or_none(facts, "period_ms")
        if period_ms is None:
            return "periodicity: none"
        return f"periodicity: a beat each {length(period_ms)}, the first at {clock(instant(facts, 'first_ms'))}"
    return _levels([(instant(each, "from_ms"), number(each, "value")) for each in items(facts, "levels")], unit)


def _trend(facts: Any, unit: str) -> str:
    if not flag(facts, "is_sure"):
        return "trend: no line over the whole range that is more than chance"
    slope = 3600 * number(facts, "slope_per_s")
    begin, end = (quantity(number(facts, name), unit) for name in ("from_value", "to_value"))
    return f"trend: {'rises' if slope > 0 else 'falls'} by {quantity(abs(slope), unit)} per h (from {begin} to {end})"


def _levels(levels: list[tuple[int, float]], unit: str) -> str:
    jumps = [math.inf, *(abs(later[1] - each[1]) for each, later in pairwise(levels))]
    largest = sorted(sorted(range(len(levels)), key=lambda number: -jumps[number])[:MAX_LEVELS])
    text = ", ".join(f"{quantity(levels[each][1], unit)} from {clock(levels[each][0])}" for each in largest)
    more = f", those after the {MAX_LEVELS} largest steps" if len(levels) > MAX_LEVELS else ""
    return f"changepoint: {len(levels)} levels{more}: {text}"
