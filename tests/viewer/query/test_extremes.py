"""A spike or a dip of one second is in the answer for a day and for a week."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from fgm.metrics.rates import Floats
from fgm.viewer.api import timeseries
from fgm.viewer.api.request import parsing
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk

HOURS, COLUMNS = 6, 1200
DAY, WEEK = 86_400, 7 * 86_400
FROM_MS = T0 - T0 % 86_400_000 - 7 * 86_400_000
QUIET, SPIKE, DIP = 1000.0, 4_000_000.0, 0.0


class Span:
    """A gauge and a counter with a number of ticks, in files of six hours."""

    def __init__(self, root: Path, ticks: int) -> None:
        self.ticks = ticks
        self.data = DataDirectory(root, rotation_s=HOURS * 3600)
        rng = np.random.default_rng(7)
        self.memory = rng.uniform(QUIET, 2 * QUIET, ticks).round()
        self.used = rng.uniform(QUIET, 2 * QUIET, ticks).round()
        self.client = ApiClient(root)

    def write(self) -> None:
        columns = {MEMORY: self.memory.tolist(), USAGE: np.cumsum(self.used).tolist()}
        self.data.parquet(chunk(NODE, FROM_MS, columns))
        self.client.look()

    def answer(self) -> list[tuple[Floats, Floats]]:
        """Return the times, in s since the beginning, and the values of memory and of CPU time used each second."""
        query = f"metric={MEMORY},{USAGE}&from={FROM_MS}&to={FROM_MS + 1000 * self.ticks}&points={COLUMNS}"
        services = self.client.services
        question = timeseries.make_question(
            services.fresh_holdings(), parsing.timeseries(query.encode()), services.now_ms()
        )
        running = services.samples_query(question)
        while running.step():
            pass
        (series,) = running.result()
        return [((line.joined()[0] - FROM_MS) / 1000, line.joined()[1]) for line in series.lines]


@pytest.fixture(scope="module")
def day() -> Iterator[Span]:
    with TemporaryDirectory() as folder:
        yield Span(Path(folder), DAY)


@pytest.fixture(scope="module")
def week() -> Iterator[Span]:
    with TemporaryDirectory() as folder:
        yield Span(Path(folder), WEEK)


@pytest.mark.slow
@given(spike=st.integers(1, DAY - 1), dip=st.integers(1, DAY - 1))
@example(spike=21_600, dip=21_599)
@example(spike=86_399, dip=1)
@settings(max_examples=6, phases=[Phase.explicit, Phase.generate])
def test_a_spike_and_a_dip_of_one_second_are_in_the_answer_for_a_day(day: Span, spike: int, dip: int) -> None:
    check_answer(day, spike, dip)


@pytest.mark.slow
@given(spike=st.integers(1, WEEK - 1), dip=st.integers(1, WEEK - 1))
@example(spike=86_400, dip=86_399)
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
def test_a_spike_and_a_dip_of_one_second_are_in_the_answer_for_a_week(week: Span, spike: int, dip: int) -> None:
    check_answer(week, spike, dip)


def check_answer(span: Span, spike: int, dip: int) -> None:
    """Write a spike and a dip; check that the answer has the extremes of each pixel column, and only raw values."""
    kept = span.memory[[spike, dip]].copy(), span.used[[spike, dip]].copy()
    try:
        for values in (span.memory, span.used):
            values[dip], values[spike] = DIP, SPIKE
        span.write()
        answered = span.answer()
        raw = [span.memory, span.used]
        for (seconds, values), truth in zip(answered, raw, strict=True):
            positions = seconds.astype(int)
            has_value = ~np.isnan(values)
            assert np.allclose(values[has_value], truth[positions[has_value]], rtol=0, atol=1e-6)
            assert positions[values == SPIKE].tolist() == [spike]
            assert (positions[values == DIP].tolist() == [dip]) or spike == dip
            width = span.ticks // COLUMNS
            for column in np.unique(positions // width):
                answered_values, raw_values = (
                    values[positions // width == column],
                    truth[column * width : (column + 1) * width],
                )
                if column == 0 and truth is span.used:
                    raw_values = raw_values[1:]  # the first rate of a life is null
                assert (np.nanmin(answered_values), np.nanmax(answered_values)) == (raw_values.min(), raw_values.max())
            assert len(np.unique(positions // width)) == COLUMNS
            assert len(values) <= 4 * COLUMNS
    finally:
        (span.memory[[spike, dip]], span.used[[spike, dip]]) = kept
