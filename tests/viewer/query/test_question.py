"""Questions: what must be read for their metrics."""

import numpy as np
import pytest

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import Samples
from fgm.metrics.shown import SHOWN
from fgm.viewer.query.question import Question


def question(metric: ShownMetric) -> Question:
    return Question((metric,), frozenset(), 0, 1000, 1000)


WITHOUT_RATES = [metric for metric in SHOWN.values() if not question(metric).has_rates]


@pytest.mark.parametrize("metric", WITHOUT_RATES, ids=[metric.name for metric in WITHOUT_RATES])
def test_a_metric_without_rates_does_not_depend_on_the_lateness(metric: ShownMetric) -> None:
    rng = np.random.default_rng(1)
    time_ms = 1000 * np.arange(40)
    values = {name: np.cumsum(rng.integers(1, 9, 40)).astype(float) for name in metric.needs}
    late, unknown = rng.uniform(0, 300, 40), np.full(40, np.nan)

    first, second = (metric.compute(Samples(time_ms, late_ms, values, 1000)) for late_ms in (late, unknown))

    assert np.array_equal(first, second, equal_nan=True)


def test_the_lateness_is_read_for_rates() -> None:
    assert question(SHOWN["cpu.stat.usage_usec"]).has_rates
    assert not question(SHOWN["memory.current"]).has_rates
