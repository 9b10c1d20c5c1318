"""What happens for one second is in the answer for a day."""

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
    """A gauge and a counter for so many ticks, in files of six hours."""

    def __init__(self, root: Path, ticks: int) -> None:
        self.ticks = ticks
        self.data = DataDirectory(root, rotation_s=HOURS * 3600)
        rng = np.random.default_rng(7)
        self.memory = rng.uniform(QUIET, 2 * QUIET, ticks).round(3)
        self.used = rng.uniform(QUIET, 2 * QUIET, ticks).round()
        self.client = ApiClient(root)

    def write(self) -> None:
        columns = {MEMORY: self.memory.tolist(), USAGE: np.cumsum(self.used).tolist()}
        self.data.parquet(chunk(NODE, FROM_MS, columns))
        self.client.look()

    def answer(self) -> list[tuple[Floats, Floats]]:
        """Return times in s since the beginning, and values, of memory and of CPU time used a second."""
        query = f"metric={MEMORY},{USAGE}&from={FROM_MS}&to={FROM_MS + 1000 * self.ticks}&points={COLUMNS}"
        desk = self.client.desk
        question = timeseries.make_question(desk.fresh(), parsing.timeseries(query.encode()), desk.now_ms())
        running = desk.samples_query(question)
        while running.step():
            pass
        (one,) = running.answer()
        return [((line.joined()[0] - FROM_MS) / 1000, line.joined()[1]) for line in one.lines]


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
    look_for(day, spike, dip)


@pytest.mark.slow
@given(spike=st.integers(1, WEEK - 1), dip=st.integers(1, WEEK - 1))
@example(spike=86_400, dip=86_399)
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
def test_a_spike_and_a_dip_of_one_second_are_in_the_answer_for_a_week(week: Span, spike: int, dip: int) -> None:
    look_for(week, spike, dip)


def look_for(span: Span, spike: int, dip: int) -> None:
    """Each pixel column answers its first, lowest, highest and last raw value exactly, so nothing is lost or made."""
    kept = span.memory[[spike, dip]].copy(), span.used[[spike, dip]].copy()
    try:
        for values in (span.memory, span.used):
            values[dip], values[spike] = DIP, SPIKE
        span.write()
        answered = span.answer()
        raw = [span.memory, span.used]
        for (seconds, values), truth in zip(answered, raw, strict=True):
            places = seconds.astype(int)
            has_value = ~np.isnan(values)
            assert np.allclose(values[has_value], truth[places[has_value]], rtol=0, atol=1e-6)
            assert places[values == SPIKE].tolist() == [spike]
            assert (places[values == DIP].tolist() == [dip]) or spike == dip
            width = span.ticks // COLUMNS
            for column in np.unique(places // width):
                mine, whole = values[places // width == column], truth[column * width : (column + 1) * width]
                whole = whole[1:] if column == 0 and truth is span.used else whole  # a life's first rate is null
                assert (np.nanmin(mine), np.nanmax(mine)) == (whole.min(), whole.max())
            assert len(np.unique(places // width)) == COLUMNS
            assert len(values) <= 4 * COLUMNS
    finally:
        (span.memory[[spike, dip]], span.used[[spike, dip]]) = kept
