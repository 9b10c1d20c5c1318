"""Strength of a comparison with the time before, on the scale of findings; see `fgm.viewer.findings.strength`.

The table has the scores that one of 100, and one of 1,000 ordinary quarters of an hour of a container reach. It was
measured in 30 ordinary stretches of 50 containers, seeds from 300 on.
"""

from fgm.viewer.findings.strength import MAX_STRENGTH, Calibration

SCORES = Calibration(3.7, 6.0)
DIFFERENCES = Calibration(4.1, 6.7)
"""The same of two ranges that may change places; see `change_ranking.ranked`."""


def strength_of(score: float) -> float:
    """Return the strength of a series with this score."""
    return _strength(score, SCORES)


def strength_of_difference(score: float) -> float:
    """Return the strength of a row of two ranges with this score."""
    return _strength(score, DIFFERENCES)


def _strength(score: float, scores: Calibration) -> float:
    return min(MAX_STRENGTH, max(0.0, 2.0 + (score - scores.at_2) / (scores.at_3 - scores.at_2)))
