"""A spike of one second is in the answer whatever the hours are in: windows, merged hours, minutes, or all of them.

FGM_MIXTURE_DAYS=7 makes the recording a week long (a minute of preparation); FGM_MIXTURES=200 tries more mixtures.
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from fgm.metrics.rates import Floats, Times, rate
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.api import timeseries
from fgm.viewer.api.request import parsing
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, container
from tests.support.viewer.hour_variants import NEXT, OF_A_DAY, RAW_GONE, Form, Mixture, Recording

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAYS = int(os.environ.get("FGM_MIXTURE_DAYS", "1"))
EXAMPLES = int(os.environ.get("FGM_MIXTURES", "5"))
HOURS = 24 * DAYS
HOUR_S, MINUTE_MS = 3600, 60_000
ROTATION_S = 600
FROM_MS = T0 - T0 % 86_400_000 - (DAYS + 1) * 86_400_000
TO_MS = FROM_MS + 1000 * HOUR_S * HOURS
NOW_MS = TO_MS + 3_600_000
SPIKE, DIP = 4_000_000, 0
EXACT = 1e-6
"""Relative error that is allowed for a rate; gauges are exact."""
EMPTY_HOUR = 13
"""An hour in which nothing was recorded."""
ALONE = {Form.MINUTES, Form.DAY_ONLY, Form.LATE, Form.RECORDED_AGAIN, Form.BOTH}
"""Forms that are also tried for all hours at once."""
WITH_MINUTES = frozenset(Form) - {Form.WINDOWS, Form.JOURNAL, Form.HOUR}
CONTAINER = container(1)
MILLICORES = "total_cpu_usage_millicores"
METRICS = (MEMORY, USAGE, MILLICORES)


@dataclass(frozen=True, slots=True)
class Truth:
    """All samples of one series. `values`: by metric, NaN for null."""

    time_ms: Times
    values: dict[str, Floats]


def record(series: Series, time_ms: Times, seed: int) -> tuple[Chunk, Truth]:
    """Return random samples with a spike and a dip of one second in each hour; one of each is at an edge of an hour."""
    numbers = np.random.default_rng(seed)
    memory = numbers.integers(1_000, 2_000, len(time_ms)).astype(float)
    used = numbers.integers(1_000, 2_000, len(time_ms)).astype(float)
    hour = (time_ms - FROM_MS) // (1000 * HOUR_S)
    for number in np.unique(hour):
        rows = np.flatnonzero(hour == number)
        spike, dip = numbers.choice(rows, 2, replace=False)
        if number % 4 == 1:
            spike, dip = rows[0], rows[-1]
        elif number % 4 == 2:
            spike, dip = rows[-1], rows[0]
        for values in (memory, used):
            values[spike], values[dip] = SPIKE + number, DIP
    memory[numbers.random(len(memory)) < 0.001] = np.nan
    counter = np.cumsum(used)
    again = len(counter) * 2 // 3
    counter[again:] -= counter[again]  # it restarts at 0
    late_ms = np.round(numbers.uniform(1, 9, len(time_ms)), 2)  # in steps of 10 us, as it is recorded
    growth = rate(time_ms, late_ms, counter, 1000)
    truth = Truth(time_ms, {MEMORY: memory, USAGE: growth, MILLICORES: growth / 1000})
    return Chunk(series, time_ms, late_ms, {USAGE: counter, MEMORY: memory}), truth


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording in all forms, and what an answer must contain."""

    recording: Recording
    truths: dict[str, Truth]


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    ticks = FROM_MS + 1000 * np.arange(HOUR_S * HOURS, dtype=np.int64)
    second = (ticks - FROM_MS) // 1000
    is_there = second // HOUR_S != EMPTY_HOUR
    is_there &= ~((second > 5 * HOUR_S + 595) & (second < 5 * HOUR_S + 905))  # a gap, of windows and of minutes
    lives = is_there & (second > 2 * HOUR_S + 1817) & (second < (HOURS - 4) * HOUR_S + 605)
    with TemporaryDirectory() as folder:
        made = {
            series.key: record(series, ticks[rows], seed)
            for seed, (series, rows) in enumerate(((NODE, is_there), (CONTAINER, lives)))
        }
        chunks = [chunk for chunk, _ in made.values()]
        recording = Recording(Path(folder), FROM_MS, HOURS, chunks, ROTATION_S)
        yield Recorded(recording, {key: truth for key, (_, truth) in made.items()})


def forms_of_hours() -> st.SearchStrategy[list[Form]]:
    """Return mixtures: the minutes of a day are in one file, or in a file for each of its hours."""
    of_an_hour = st.sampled_from([form for form in Form if form not in OF_A_DAY])
    of_a_day = st.sampled_from([*OF_A_DAY])
    day = st.one_of(*(st.lists(form, min_size=24, max_size=24) for form in (of_an_hour, of_a_day)))
    days = st.lists(day, min_size=DAYS, max_size=DAYS)
    return days.map(lambda parts: [form for part in parts for form in part])


def shapes(points: Sequence[int]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        test = given(forms=forms_of_hours(), columns=st.sampled_from(points), seed=st.integers(0, 1 << 30))(test)
        for form in sorted(ALONE):
            test = example(forms=[form] * HOURS, columns=points[0], seed=1)(test)
        return settings(
            max_examples=EXAMPLES,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )(test)

    return decorate


WHOLE_MINUTES, UNEVEN, NARROW = 720 * DAYS, 1200 * DAYS - 1, min(3000 * DAYS, 10_000)
"""Numbers of pixel columns: of two minutes, of a bit more than a minute, and of less than a minute."""


@shapes([WHOLE_MINUTES, UNEVEN, NARROW])
def test_every_spike_is_in_the_answer_for_any_mixture(
    recorded: Recorded, forms: list[Form], columns: int, seed: int
) -> None:
    assert seed >= 0  # only the other test needs it
    with TemporaryDirectory() as folder:
        Mixture(Path(folder), recorded.recording, forms)
        check(recorded, [forms], columns, answer(Path(folder), columns, lambda: None))


@shapes([WHOLE_MINUTES, UNEVEN])
def test_every_spike_is_in_the_answer_while_hours_are_merged_and_removed(
    recorded: Recorded, forms: list[Form], columns: int, seed: int
) -> None:
    """Between two steps of the query, the collector takes some steps of its own, in hours of a random order."""
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        mixture = Mixture(Path(folder), recorded.recording, forms)
        pending = collector_steps(mixture, chance)

        def change() -> None:
            for _ in range(chance.randrange(40)):
                next(pending, lambda: None)()

        got = answer(Path(folder), columns, change)
        check(recorded, [forms, mixture.forms], columns, got)


def collector_steps(mixture: Mixture, chance: random.Random) -> Iterator[Callable[[], None]]:
    """Yield what a collector does to the files: it merges the newest hours first, and removes the oldest raw ones."""
    numbers = [number for number, form in enumerate(mixture.forms) if form in NEXT]
    chance.shuffle(numbers)
    for number in numbers:
        yield from mixture.steps(number, NEXT[mixture.forms[number]])


def answer(root: Path, columns: int, between_steps: Callable[[], None]) -> dict[tuple[str, str], tuple[Times, Floats]]:
    """Return the times and values of each series and metric."""
    client = ApiClient(root, NOW_MS)
    client.look()
    services = client.services
    query = f"metric={','.join(METRICS)}&from={FROM_MS}&to={TO_MS}&points={columns}"
    question = timeseries.make_question(
        services.fresh_holdings(), parsing.timeseries(query.encode()), services.now_ms()
    )
    running = services.samples_query(question)
    while running.step():
        between_steps()
    assert running.skipped_files == 0, services.skipped.newest()[:3]
    lines = {}
    for series in running.result():
        for metric, line in zip(METRICS, series.lines, strict=True):
            lines[series.series.key, metric] = line.joined()
    return lines


def check(
    recorded: Recorded,
    forms: Sequence[Sequence[Form]],
    columns: int,
    got: dict[tuple[str, str], tuple[Times, Floats]],
) -> None:
    """Compare an answer with the truth. `forms`: those of the hours before and after the query."""

    def hours_of(wanted: frozenset[Form]) -> set[int]:
        return {number for of in forms for number, form in enumerate(of) if form in wanted}

    assert {key for key, _ in got} == set(recorded.truths)
    for (key, metric), (time_ms, values) in got.items():
        truth = recorded.truths[key]
        is_known = ~np.isnan(values)
        t, v = time_ms[is_known], values[is_known]
        rows = np.searchsorted(truth.time_ms, t)
        assert (truth.time_ms[rows] == t).all(), f"{key} {metric}: an instant that was not recorded"
        of_truth = truth.values[metric][rows]
        error = np.abs(v - of_truth) / np.maximum(np.abs(of_truth), 1e-9)
        assert error.max() <= (0 if metric == MEMORY else EXACT), f"{key} {metric}: a wrong value"
        assert (np.diff(time_ms) > 0).all(), f"{key} {metric}: an instant twice"
        assert len(t) <= 4 * columns
        check_columns(f"{key} {metric}", (truth.time_ms, truth.values[metric]), columns, (t, v), hours_of)


def check_columns(
    name: str,
    truth: tuple[Times, Floats],
    columns: int,
    got: tuple[Times, Floats],
    hours_of: Callable[[frozenset[Form]], set[int]],
) -> None:
    """Check that the lowest and the highest value of each pixel column are in the answer.

    A minute may be in two columns. Only its own extremes are known, so the column that does not have them may lack
    extremes of its own part, if the answer was made from minutes. In a column that is narrower than a minute and whose
    raw samples are gone, there may be nothing at all. The first rate after such an hour has no sample before it.
    """
    is_known = ~np.isnan(truth[1])
    time_ms, values = truth[0][is_known], truth[1][is_known]
    gone, has_minutes = hours_of(RAW_GONE), hours_of(WITH_MINUTES)
    hours = (time_ms - FROM_MS) // (1000 * HOUR_S)
    may_lack = np.isin(hours - 1, list(gone)) & ((time_ms - FROM_MS) % (1000 * HOUR_S) == 0) & (MEMORY not in name)
    column, answered_column = [(t - FROM_MS) * columns // (TO_MS - FROM_MS) for t in (time_ms, got[0])]
    for what, sign in (("lowest", 1), ("highest", -1)):
        best, sure = best_of(column, sign * values), best_of(column[~may_lack], sign * values[~may_lack])
        answered = best_of(answered_column, sign * got[1])
        for each, expected in sure.items():
            if any(is_close(answered.get(each), allowed) for allowed in (expected, best[each])):
                continue
            (row,) = np.flatnonzero((column == each) & (sign * values == expected) & ~may_lack)[:1]
            minute = time_ms[row] - time_ms[row] % MINUTE_MS
            first, end = np.searchsorted(time_ms, [minute, minute + MINUTE_MS])
            is_shared = column_of(minute, columns) != column_of(minute + MINUTE_MS - 1, columns)
            is_explained = (
                is_shared and int(hours[row]) in has_minutes and (sign * values[first:end] <= expected).sum() > 1
            )
            assert is_explained, (
                f"{name}: column {each} lacks its {what} value {sign * expected} at {time_ms[row] - FROM_MS} ms "
                f"(hour {hours[row]}); it has {answered.get(each)}"
            )


def is_close(value: float | None, expected: float) -> bool:
    return value is not None and abs(value - expected) <= EXACT * abs(expected)


def best_of(columns: Times, values: Floats) -> dict[int, float]:
    """Return the lowest value of each column."""
    by_value = np.lexsort((values, columns))
    firsts = by_value[np.flatnonzero(np.diff(columns[by_value], prepend=-1))]
    return dict(zip(columns[firsts].tolist(), values[firsts].tolist(), strict=True))


def column_of(instant_ms: int, columns: int) -> int:
    return (instant_ms - FROM_MS) * columns // (TO_MS - FROM_MS)
