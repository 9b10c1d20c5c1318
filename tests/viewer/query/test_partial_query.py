"""Queries of long ranges in parts: the newest part comes first, and together the parts are the whole answer."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from tests.support.viewer.data_directory import MEMORY, T0, DataDirectory, chunk, container, counting
from tests.support.viewer.query_runner import QueryRunner, answer

CONTAINER = container(1)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def runner(tmp_path: Path) -> QueryRunner:
    return QueryRunner(tmp_path)


def in_parts(runner: QueryRunner, within_s: float, *, hours: int = 5) -> PartialQuery:
    def query(part: Question) -> SamplesQuery:
        return SamplesQuery(part, runner.sources)

    question = runner.query(0, hours * 3600, CONTAINER, columns=100 * hours).question
    now = itertools.count()
    partial_query = PartialQuery(question, query, lambda: 0.01 * next(now), within_s)
    while partial_query.step():
        pass
    return partial_query


def test_a_partial_answer_has_the_newest_part_of_a_long_range(tmp_path: Path, runner: QueryRunner) -> None:
    DataDirectory(tmp_path, rotation_s=900).parquet(counting(CONTAINER, T0, 5 * 3600))
    partial, complete = in_parts(runner, 0.0), in_parts(runner, 60.0)

    assert (partial.complete_from_ms - T0) / 3_600_000 == 3
    assert (complete.complete_from_ms - T0) / 3_600_000 == 0
    assert partial.skipped_files == complete.skipped_files == 0
    (newest,), (all_of_it,) = partial.result(), complete.result()
    seconds, values = all_of_it.lines[0].joined()
    assert (np.diff(seconds) > 0).all()
    assert values == pytest.approx([1000] * len(values))  # rates continue over the ends of parts
    is_answered = seconds >= partial.complete_from_ms
    assert newest.lines[0].joined()[0].tolist() == seconds[is_answered].tolist()
    assert len(seconds) >= 2 * 500  # at least the first and the last value of each column


def test_a_partial_query_keeps_only_its_reduced_parts_in_memory(tmp_path: Path, runner: QueryRunner) -> None:
    DataDirectory(tmp_path, rotation_s=900).parquet(counting(CONTAINER, T0, 5 * 3600))

    assert in_parts(runner, 0.0).max_samples <= 4 * 200


@pytest.mark.parametrize("columns", [818, 1000, 1043, 1200])
def test_parts_use_the_pixel_columns_of_the_complete_range_and_give_the_same_answer(
    data: DataDirectory, runner: QueryRunner, columns: int
) -> None:
    ticks = 6 * 3600 + 77
    values = np.random.default_rng(columns).uniform(0, 1e9, ticks).round()
    DataDirectory(data.root, rotation_s=900).parquet(chunk(CONTAINER, T0, {MEMORY: values.tolist()}))
    query = runner.query(0, ticks, CONTAINER, metric=MEMORY, columns=columns)
    expected = answer(query)[CONTAINER.key]
    now = itertools.count()

    def part(question: Question) -> SamplesQuery:
        return SamplesQuery(question, runner.sources)

    partial_query = PartialQuery(query.question, part, lambda: 0.01 * next(now), 60.0)
    while partial_query.step():
        pass
    (series,) = partial_query.result()
    time_ms, kept = series.lines[0].joined()

    assert ((time_ms - T0) / 1000).tolist() == expected[0]
    assert kept.tolist() == expected[1]
