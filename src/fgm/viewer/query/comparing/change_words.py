"""Changes in words: "CPU 14 times as high: 200 → 2,800 millicores"."""

from fgm.viewer.findings.wording import number, percent, quantity, title
from fgm.viewer.query.comparing.change_ranking import Change

TWICE = 1.95
"""Minimum ratio of two values that is called "times as high"; a smaller one is a percentage."""
LEAST_RATIO = 0.005
"""Minimum relative difference of two means that is said."""
HIGH_PEAK = 1.5
"""Minimum ratio of a highest value to the higher mean for it to be said."""


def words_of(change: Change) -> str:
    """Return what a change is, in words, with its numbers and their unit. It begins with the title of the metric."""
    name, metric, before, during = title(change.metric.name), change.metric.name, change.before, change.during
    if before is None and during is None:
        return f"{name}: not known"
    if during is None:
        return f"{name}: {quantity(before or 0.0, metric)} → none"
    if before is None:
        return f"{name}: none → {quantity(during, metric)}"
    how = _comparison(before, during) or "about the same"
    return f"{name} {how}: {_from_to(before, during, metric)}{_peaks(change)}"


def _comparison(before: float, during: float) -> str:
    """Return how a value compares with the one before: "3 times as high", "20 % lower"; "" if it is the same."""
    if before <= 0 or during <= 0:
        return "" if before == during else "higher" if during > before else "lower"
    ratio = during / before
    if ratio >= TWICE:
        return f"{number(ratio)} times as high"
    if abs(ratio - 1) < LEAST_RATIO:
        return ""
    return f"{percent(100 * abs(ratio - 1))} {'higher' if ratio > 1 else 'lower'}"


def _from_to(before: float, during: float, metric: str) -> str:
    first, last = quantity(before, metric), quantity(during, metric)
    (number_before, _, unit), (_, _, other) = first.partition(" "), last.partition(" ")
    return f"{number_before} → {last}" if unit == other else f"{first} → {last}"


def _peaks(change: Change) -> str:
    """Return the highest values, if one of them is far above both means; else ""."""
    before, during = change.peak_before, change.peak
    level = HIGH_PEAK * max(change.before or 0.0, change.during or 0.0)
    if before is None or during is None or max(before, during) <= level:
        return ""
    return f"; highest {_from_to(before, during, change.metric.name)}"
