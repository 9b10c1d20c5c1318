"""Strength: one scale of how unusual a finding is, which means the same for every kind.

    strength = -log10(p)

p is the share of ordinary quarters of an hour of a container in which a detector returns a statistic that is as high.
It was measured in made ordinary life: `python -m benchmarks.findings --calibrate`. For each kind the table has the
statistic that one of 100 of them reaches, and one of 1,000. Between them and beyond, log10(p) is a straight line.
"""

from typing import NamedTuple

from fgm.viewer.findings.finding import Finding, Kind

MIN_STRENGTH = 4.0
"""Minimum strength of a finding that is reported.

With 50 containers, about one of twenty ordinary quarters of an hour has a finding of any kind.
"""
MAX_STRENGTH = 9.0
"""Maximum strength; the straight line says little that far out."""


class Calibration(NamedTuple):
    """The statistics of a kind that one of 100, and one of 1,000 ordinary quarters of an hour reach."""

    at_2: float
    at_3: float


TABLE: dict[Kind, Calibration] = {
    "limit": Calibration(15.0, 100.0),
    "throttling": Calibration(20.0, 80.0),
    "leak": Calibration(2.2, 2.8),
    "paging": Calibration(0.0, 0.35),
    "step": Calibration(0.2, 0.5),
    "burst": Calibration(1.05, 1.5),
    "stall": Calibration(0.2, 1.0),
    "period": Calibration(0.1, 0.75),
    "neighbour": Calibration(0.9, 1.6),
}
"""The measured statistics by kind."""
FACTS: dict[Kind, float] = {"oom_kill": MAX_STRENGTH, "restarts": 8.0, "doubtful": 5.0}
"""Strength of kinds that are no statistics: the kernel counted them, or the collector did."""


def strength_of(finding: Finding) -> float:
    """Return the strength of a finding, from 0 to MAX_STRENGTH."""
    by_rule = FACTS.get(finding.kind)
    if by_rule is not None:
        return by_rule
    at_2, at_3 = TABLE[finding.kind]
    return min(MAX_STRENGTH, max(0.0, 2.0 + (finding.statistic - at_2) / (at_3 - at_2)))
