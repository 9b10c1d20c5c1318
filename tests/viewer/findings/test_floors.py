"""Every metric that a detector needs has a floor or is none that a finding is about."""

import pytest

from fgm.metrics.shown import SHOWN
from fgm.viewer.findings.floors import OF_UNIT, floor_of


def test_a_floor_is_that_of_the_metric_or_of_its_unit() -> None:
    assert floor_of("total_cpu_usage_millicores") == 20
    assert floor_of("memory_working_set") == 8 << 20
    assert floor_of("throttle_ratio") != OF_UNIT["ratio"]


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(KeyError):
        floor_of("no.such.metric")


def test_every_metric_has_a_floor() -> None:
    assert all(floor_of(name) > 0 for name in SHOWN)
