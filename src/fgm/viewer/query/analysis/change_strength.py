"""Strength of a comparison with the time before, on the scale of findings; see `fgm.viewer.findings.strength`.

The table has the scores that one of 100, and one of 1,000 ordinary quarters of an hour of a container reach. It was
measured in 30 ordinary stretches of 50 containers, seeds from 300 on.
"""

from fgm.viewer.findings.strength import MAX_STRENGTH, Calibration

SCORES = Calibration(3.7, 6.0)


def strength_of(score: float) -> float:
    """Return the strength of a series with this score."""
    return min(MAX_STRENGTH, max(0.0, 2.0 + (score - SCORES.at_2) / (SCORES.at_3 - SCORES.at_2)))
