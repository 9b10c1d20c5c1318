"""Queries over windows, merged hours and minutes: complete, exact, and each sample once, also if files are damaged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.metrics.rates import Floats, Times
from fgm.metrics.shown import SHOWN
from fgm.store.directory.layout import DAY_MS, HOUR_MS
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.query.long_ranges.names import days_between, plan_of
from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from fgm.viewer.query.totals import Total, TotalsQuery
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container
from tests.support.viewer.merged_hours import merge_day, merge_hour, minutes_folder, remove_samples

MIDNIGHT = T0 - T0 % DAY_MS
CPU = "total_cpu_usage_millicores"
HOURS = 6
SECONDS = HOURS * 3600
CONTAINER = container(1)
SPIKE, DIP = 9_000_000.0, 0.0


class Recording:
    """Six hours of a node and of a container that ran for two of them, in windows of a quarter of an hour."""

    def __init__(self, root: Path, begin_ms: int = MIDNIGHT) -> None:
        self.begin_ms = begin_ms
        self.data = DataDirectory(root, rotation_s=900)
        rng = np.random.default_rng(5)
        self.memory = rng.uniform(1000, 2000, SECONDS).round()
        self.used = rng.uniform(1000, 2000, SECONDS).round()
        self.clock = FakeClock()
        self.skipped = SkippedFiles()
        files = DataFiles(str(root), self.clock)
        self.sources = Sources(files, Journals(files, self.clock, self.skipped), self.skipped, MinuteFiles(files))

    def write(self) -> None:
        used = np.cumsum(self.used)
        self.data.parquet(
            chunk(NODE, self.begin_ms, {MEMORY: self.memory.tolist(), USAGE: used.tolist()}),
            chunk(CONTAINER, self.begin_ms + 2 * HOUR_MS + 30_000, {MEMORY: [5.0] * 7200, USAGE: used[:7200].tolist()}),
        )

    def merge(self, *hours: int) -> None:
        for hour in hours:
            merge_hour(self.data, self.begin_ms + hour * HOUR_MS)

    def question(self, *series: Series, metric: str = MEMORY, columns: int | None = 60, **more: object) -> Question:
        question = Question(
            (SHOWN[metric],),
            frozenset(each.key for each in series or [NODE]),
            self.begin_ms,
            self.begin_ms + 1000 * SECONDS,
            1000,
            columns,
            prefers_minutes=True,
            rotation_ms=900_000,
        )
        return replace(question, **more)  # type: ignore[arg-type]  # of a test

    def line(self, question: Question) -> tuple[Times, Floats]:
        """Return the seconds after midnight and the values of the only line."""
        query = SamplesQuery(question, self.sources)
        while query.step():
            pass
        (series,) = query.result()
        time_ms, values = series.lines[0].joined()
        assert (np.diff(time_ms) > 0).all()
        return (time_ms - self.begin_ms) // 1000, values

    def total(self, question: Question, parts: int = 0) -> Total:
        query = TotalsQuery(question, self.sources, parts)
        while query.step():
            pass
        (series,) = query.result()
        return series.totals[0]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(tmp_path)


@pytest.mark.parametrize("spike", [100, 2 * 3600, 3 * 3600 - 1, 5 * 3600 + 59, SECONDS - 1])
def test_a_spike_and_a_dip_of_one_second_are_in_the_answer_from_any_mixture(recording: Recording, spike: int) -> None:
    dip = SECONDS - spike
    recording.memory[[spike, dip]] = recording.used[[spike, dip]] = SPIKE, DIP
    recording.write()

    def check() -> None:
        for metric, truth in ((MEMORY, recording.memory), (USAGE, recording.used), (CPU, recording.used / 1000)):
            seconds, values = recording.line(recording.question(metric=metric))
            assert values == pytest.approx(truth[seconds], rel=1e-12)  # every point is a sample, at its second
            assert [seconds[values.argmax()], seconds[values.argmin()]] == [spike, dip]
            assert len(values) <= 4 * 60

    check()
    for hours in ((2,), (0, 1), (4,), (3, 5)):
        recording.merge(*hours)
        check()
    remove_samples(recording.data, MIDNIGHT + 2 * HOUR_MS)
    check()
    merge_day(recording.data, MIDNIGHT)
    check()


def test_every_minute_has_its_lowest_and_highest_sample_with_rates_over_the_ends_of_files(recording: Recording) -> None:
    recording.write()
    recording.merge(*range(HOURS))
    seconds, values = recording.line(recording.question(metric=USAGE, columns=None))
    assert seconds[0] > 0  # the first sample of a life has no rate
    minutes = seconds // 60
    for minute in range(1, SECONDS // 60):
        of_minute = recording.used[60 * minute : 60 * minute + 60]
        answered = values[minutes == minute]
        assert (answered.min(), answered.max()) == (of_minute.min(), of_minute.max())


def test_samples_are_read_if_the_question_wants_them_and_minutes_if_they_were_removed(recording: Recording) -> None:
    recording.write()
    recording.merge(*range(HOURS))
    remove_samples(recording.data, MIDNIGHT + HOUR_MS)
    seconds, values = recording.line(recording.question(columns=None, prefers_minutes=False))
    assert values.tolist() == recording.memory[seconds].tolist()
    per_hour = np.bincount(seconds // 3600)
    assert per_hour[1] == pytest.approx(120, abs=10)
    assert per_hour[[0, 2, 3, 4, 5]].tolist() == [3600] * 5


def test_the_ends_of_a_range_within_a_minute_are_exact(recording: Recording) -> None:
    recording.memory[[1000, 1010, 20_000, 20_010]] = [SPIKE, 5000, 5000, SPIKE]
    recording.write()
    recording.merge(*range(HOURS))
    question = replace(recording.question(), from_ms=MIDNIGHT + 1_005_000, to_ms=MIDNIGHT + 20_005_000)
    seconds, values = recording.line(question)
    assert seconds[values == values.max()].tolist() == [1010, 20_000]
    assert recording.total(question).count == 19_000


def test_totals_from_minutes_are_those_of_the_samples(recording: Recording) -> None:
    recording.memory[7777] = SPIKE
    recording.write()
    question = recording.question(metric=CPU)
    before = recording.total(question, 6), recording.total(recording.question(), 6)
    recording.merge(0, 1, 2, 4, 5)
    after = recording.total(question, 6), recording.total(recording.question(), 6)
    for expected, total in zip(before, after, strict=True):
        assert [total.count, total.max, total.max_ms] == [expected.count, expected.max, expected.max_ms]
        assert total.sum == pytest.approx(expected.sum, rel=1e-3)
        assert total.last == pytest.approx(expected.last, rel=1e-3)
        assert expected.peaks is not None
        assert total.peaks is not None
        assert total.peaks.as_list() == expected.peaks.as_list()


def test_a_series_that_only_minutes_have_is_found_by_the_start_of_its_id(recording: Recording) -> None:
    recording.write()
    recording.merge(*range(HOURS))
    for hour in range(HOURS):
        remove_samples(recording.data, MIDNIGHT + hour * HOUR_MS)
    merge_day(recording.data, MIDNIGHT)
    question = recording.question(keys=frozenset(), prefixes=("000000000001",))
    query = SamplesQuery(question, recording.sources)
    while query.step():
        pass
    (found,) = query.result()
    assert query.adopted_prefixes == {"000000000001": CONTAINER.key}
    assert found.series.container_name == "name-1"
    assert (found.lines[0].joined()[1] == 5).all()


@pytest.mark.parametrize("damage", ["all of it", "a page", "not a regular file"])
def test_samples_are_read_if_the_minutes_are_damaged(recording: Recording, damage: str) -> None:
    recording.write()
    recording.merge(*range(HOURS))
    path = minutes_folder(recording.data, MIDNIGHT) / "minutes-20251230T020000Z--PT1H.parquet"
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "not a regular file":
        path.mkdir()
    else:
        content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
        path.write_bytes(content if damage == "a page" else content[:-1])
    seconds, values = recording.line(recording.question(columns=None))
    assert values.tolist() == recording.memory[seconds].tolist()
    per_hour = np.bincount(seconds // 3600)
    assert (per_hour == 3600).tolist() == [False, False, True, False, False, False]
    assert [entry["file"].rpartition("/")[2] for entry in recording.skipped.newest()] == [path.name]


def test_minutes_that_disappear_during_a_query_are_replaced_by_what_there_is(tmp_path: Path) -> None:
    recording = Recording(tmp_path, begin_ms=MIDNIGHT + 21 * HOUR_MS)
    recording.write()
    recording.merge(*range(HOURS))
    query = SamplesQuery(recording.question(columns=None), recording.sources)
    assert query.step()  # the first day is read
    merge_day(recording.data, MIDNIGHT + DAY_MS)
    while query.step():
        pass
    (series,) = query.result()
    time_ms, values = series.lines[0].joined()
    assert values.tolist() == recording.memory[(time_ms - recording.begin_ms) // 1000].tolist()
    assert len(values) == pytest.approx(2 * SECONDS / 60, abs=10)
    assert query.skipped_files == 0


def test_halves_of_a_minute_by_two_identifiers_are_joined(recording: Recording, tmp_path: Path) -> None:
    split = 2 * 3600 + 20 * 60 + 17
    recording.memory[[split - 5, split + 5]] = SPIKE, DIP
    for begin, end, identifier in ((0, split, "node-1"), (split, SECONDS, "node-1-again")):
        data = DataDirectory(tmp_path, rotation_s=900, identifier=identifier)
        data.parquet(chunk(NODE, MIDNIGHT + 1000 * begin, {MEMORY: recording.memory[begin:end].tolist()}))
        for hour in range(begin // 3600, -(-end // 3600)):
            merge_hour(data, MIDNIGHT + hour * HOUR_MS)
    seconds, values = recording.line(recording.question(columns=None))
    assert values.tolist() == recording.memory[seconds].tolist()
    assert {split - 5, split + 5} <= set(seconds.tolist())
    assert recording.total(recording.question()).count == SECONDS


def test_a_partial_answer_ends_between_two_minutes_and_is_joined_without_a_gap(recording: Recording) -> None:
    recording.write()
    recording.merge(0, 1, 2)
    question = recording.question(columns=77)
    segments = plan_of(question, days_between(recording.sources, question.from_ms, question.to_ms))

    def parts(within_s: float) -> PartialQuery:
        now = iter(range(100))
        query = PartialQuery(
            question, lambda part: SamplesQuery(part, recording.sources), lambda: 0.01 * next(now), within_s, segments
        )
        while query.step():
            pass
        return query

    first = parts(0.0)
    assert first.complete_from_ms > MIDNIGHT
    assert first.complete_from_ms % 60_000 == 0
    (series,) = parts(60.0).result()
    time_ms, values = series.lines[0].joined()
    whole_ms, whole = recording.line(question)
    assert set(whole_ms.tolist()) <= set(((time_ms - MIDNIGHT) // 1000).tolist())
    assert values.max() == whole.max()
