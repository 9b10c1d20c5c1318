"""Strength is on one scale: 2 is one of 100 ordinary quarters of an hour of a container, 3 is one of 1,000."""

import pytest

from fgm.viewer.findings.finding import KINDS, Finding
from fgm.viewer.findings.strength import FACTS, MAX_STRENGTH, MIN_STRENGTH, TABLE, strength_of


def test_each_kind_is_either_measured_or_a_fact() -> None:
    assert set(TABLE) | set(FACTS) == set(KINDS)
    assert set(TABLE) & set(FACTS) == set()
    assert all(at_3 > at_2 for at_2, at_3 in TABLE.values())
    assert all(MIN_STRENGTH <= strength <= MAX_STRENGTH for strength in FACTS.values())


@pytest.mark.parametrize("kind", sorted(TABLE))
def test_strength_grows_with_the_statistic_on_a_straight_line(kind: str) -> None:
    at_2, at_3 = next(calibration for name, calibration in TABLE.items() if name == kind)

    def strength(statistic: float) -> float:
        return strength_of(Finding(kind, 0, "", 0, 0, statistic))  # type: ignore[arg-type]  # a kind of the table

    assert [strength(value) for value in (at_2, at_3, 2 * at_3 - at_2)] == pytest.approx([2, 3, 4])
    assert (strength(-1e9), strength(1e9)) == (0.0, MAX_STRENGTH)
