"""Queries of samples from files and journals: complete, in order, and never twice, also from damaged directories."""

import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.store.directory import layout
from fgm.store.samples.series import Series
from fgm.viewer.query.value_reader import FILES_PER_STEP
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container, counting
from tests.support.viewer.query_runner import QueryRunner, answer

NaN = np.nan


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def runner(tmp_path: Path) -> QueryRunner:
    return QueryRunner(tmp_path)


CONTAINER = container(1)


def test_a_rate_continues_across_files(data: DataDirectory, runner: QueryRunner) -> None:
    """From three windows and a journal, only the first value of the life is null, and each tick is there once."""
    data.parquet(counting(CONTAINER, T0, 270))
    data.journal(counting(CONTAINER, T0 + 270_000, 30))
    seconds, values = runner.values(0, 300, CONTAINER)[CONTAINER.key]

    assert seconds == list(range(300))
    assert values == pytest.approx([NaN] + [1000] * 299, nan_ok=True)


@pytest.mark.parametrize("from_s", [90, 91, 100])
def test_the_first_rate_of_a_range_counts_from_the_sample_before_it(
    data: DataDirectory, runner: QueryRunner, from_s: int
) -> None:
    """The sample before the range is read, also from the window before, and is not in the answer."""
    data.parquet(counting(CONTAINER, T0, 180))
    seconds, values = runner.values(from_s, from_s + 5, CONTAINER)[CONTAINER.key]

    assert seconds == [from_s + i for i in range(5)]
    assert values == pytest.approx([1000] * 5)


def test_each_tick_counts_once_and_parquet_has_priority_over_the_journal(
    data: DataDirectory, runner: QueryRunner
) -> None:
    """A collector that is killed after it has published a window leaves both."""
    data.parquet(chunk(CONTAINER, T0, {MEMORY: [1, 2, 3]}))
    data.journal(chunk(CONTAINER, T0 + 1000, {MEMORY: [-2, -3, 4, 5]}))

    assert runner.values(0, 90, CONTAINER, metric=MEMORY)[CONTAINER.key] == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])


@pytest.mark.parametrize("windows_before", [0, 1, *range(FILES_PER_STEP - 2, FILES_PER_STEP + 2)])
@pytest.mark.parametrize("newer", ["a", "z"])
def test_a_window_of_two_writers_is_complete_wherever_a_step_ends(
    data: DataDirectory, runner: QueryRunner, windows_before: int, newer: str
) -> None:
    """After a rolling update, the new pod continues the window in its own folder, before or after the old one."""
    start_ms, ends_s = T0 + 90_000 * windows_before, 90 * windows_before + 50
    data.parquet(counting(CONTAINER, T0, ends_s))
    DataDirectory(data.root, identifier=newer).parquet(counting(CONTAINER, start_ms + 50_000, 200))
    seconds, values = runner.values(0, 4000, CONTAINER)[CONTAINER.key]

    assert seconds == list(range(ends_s + 200))
    assert values == pytest.approx([NaN] + [1000] * (ends_s + 199), nan_ok=True)


def test_windows_that_became_longer_are_complete(data: DataDirectory, runner: QueryRunner) -> None:
    """The longer window begins at the same time as the first of the shorter ones, which are older."""
    DataDirectory(data.root, rotation_s=10, identifier="old").parquet(counting(CONTAINER, T0, 75))
    data.parquet(counting(CONTAINER, T0 + 75_000, 60))

    assert runner.values(0, 200, CONTAINER)[CONTAINER.key][0] == list(range(135))


def test_a_gap_has_no_ticks_and_no_rate_after_it(data: DataDirectory, runner: QueryRunner) -> None:
    data.parquet(counting(CONTAINER, T0, 10), counting(CONTAINER, T0 + 100_000, 3))
    seconds, values = runner.values(5, 200, CONTAINER)[CONTAINER.key]

    assert seconds == [5, 6, 7, 8, 9, 100, 101, 102]
    assert values == pytest.approx([1000] * 5 + [NaN, 1000, 1000], nan_ok=True)


def test_a_counter_that_restarts_between_files_has_no_rate_there(data: DataDirectory, runner: QueryRunner) -> None:
    data.parquet(
        chunk(CONTAINER, T0 + 88_000, {USAGE: [5000, 6000]}), chunk(CONTAINER, T0 + 90_000, {USAGE: [10, 1010]})
    )

    assert runner.values(88, 92, CONTAINER)[CONTAINER.key][1] == pytest.approx([NaN, 1000, NaN, 1000], nan_ok=True)


def test_a_rate_across_files_counts_the_lateness_of_ticks(data: DataDirectory, runner: QueryRunner) -> None:
    data.parquet(
        chunk(CONTAINER, T0 + 89_000, {USAGE: [0]}, late_ms=[500.0]),
        chunk(CONTAINER, T0 + 90_000, {USAGE: [500, 1500]}, late_ms=[0.0, 0.0]),
    )

    assert runner.values(90, 92, CONTAINER)[CONTAINER.key][1] == pytest.approx([1000, 1000])


def test_every_container_and_the_node_are_answered_if_none_is_named(data: DataDirectory, runner: QueryRunner) -> None:
    """Containers that start within the range are included; pods and services are answered only if they are named."""
    two, service = container(2), Series("cgroup", cgroup="/system.slice/a.service")
    data.parquet(counting(NODE, T0, 180), counting(CONTAINER, T0, 180), counting(two, T0 + 100_000, 5))
    data.journal(counting(service, T0 + 180_000, 5), counting(NODE, T0 + 180_000, 5))

    assert set(runner.values(0, 200)) == {"node", CONTAINER.key, two.key}
    assert set(runner.values(0, 200, service)) == {service.key}


def test_a_column_that_no_file_has_is_null_at_each_tick(data: DataDirectory, runner: QueryRunner) -> None:
    data.parquet(counting(CONTAINER, T0, 3))
    seconds, values = runner.values(0, 10, CONTAINER, metric="pids.current")[CONTAINER.key]

    assert seconds == [0, 1, 2]
    assert np.isnan(values).all()


def test_damaged_files_and_things_that_are_no_files_are_skipped_and_the_rest_is_served(
    data: DataDirectory, runner: QueryRunner
) -> None:
    paths = data.parquet(counting(CONTAINER, T0, 7 * 90))
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    damaged = bytearray(paths[2].read_bytes())
    damaged[200:4000:50] = b"?" * len(damaged[200:4000:50])
    paths[2].write_bytes(damaged)
    paths[3].unlink()
    os.mkfifo(paths[3])
    paths[4].unlink()
    paths[4].symlink_to(paths[0])
    paths[5].unlink()
    paths[5].mkdir()
    data.journal(counting(CONTAINER, T0 + 630_000, 3)).write_bytes(b"not a journal")
    query = runner.query(0, 900, CONTAINER)
    seconds, _ = answer(query)[CONTAINER.key]

    assert seconds == [*range(90), *range(540, 630)]
    assert (query.skipped_files, len(runner.skipped)) == (5, 6), (
        "the journal is on the list, and does not count as a skipped file"
    )

    paths[1].unlink()
    paths[1].write_bytes(data.parquet(counting(CONTAINER, T0 + 90_000, 90))[0].read_bytes())

    assert len(runner.values(0, 900, CONTAINER)[CONTAINER.key][0]) == 270
    assert len(runner.skipped) == 5, "a file that can be read now is no longer counted"


def test_a_torn_journal_is_served_up_to_its_last_complete_frame(data: DataDirectory, runner: QueryRunner) -> None:
    path = data.journal(counting(CONTAINER, T0, 20))
    content = path.read_bytes()
    path.write_bytes(content[:-3])

    assert runner.values(0, 90, CONTAINER)[CONTAINER.key][0] == list(range(19))

    path.write_bytes(content)  # the rest of the frame arrives in the same file
    runner.clock.stall(1)

    assert runner.values(0, 90, CONTAINER)[CONTAINER.key][0] == list(range(20))


def test_a_journal_that_has_grown_is_read_again_after_half_a_second(data: DataDirectory, runner: QueryRunner) -> None:
    data.journal(counting(CONTAINER, T0, 5))

    assert len(runner.values(0, 90, CONTAINER)[CONTAINER.key][0]) == 5

    data.journal(counting(CONTAINER, T0 + 5000, 1))

    assert len(runner.values(0, 90, CONTAINER)[CONTAINER.key][0]) == 5, "requests share one reading"

    runner.clock.stall(0.5)

    assert len(runner.values(0, 90, CONTAINER)[CONTAINER.key][0]) == 6


def test_a_journal_that_replaces_another_is_opened_again(data: DataDirectory, runner: QueryRunner) -> None:
    path = data.journal(counting(CONTAINER, T0, 5))

    assert len(runner.values(0, 90, CONTAINER)[CONTAINER.key][0]) == 5

    path.unlink()
    data.journal(counting(container(2), T0, 3))

    assert set(runner.values(0, 90)) == {container(2).key}


def test_a_window_that_is_closed_during_a_query_is_read_from_its_parquet_file(
    data: DataDirectory, runner: QueryRunner
) -> None:
    """The query has listed the journal, which no longer exists when the query opens it."""
    ended_s = (FILES_PER_STEP + 1) * 90
    data.parquet(counting(CONTAINER, T0, ended_s))
    journal = data.journal(counting(CONTAINER, T0 + 1000 * ended_s, 90))
    query = runner.query(0, ended_s + 300, CONTAINER)

    assert query.step(), "the first step does not read the journal"

    data.parquet(counting(CONTAINER, T0 + 1000 * ended_s, 90))
    journal.unlink()
    data.journal(counting(CONTAINER, T0 + 1000 * (ended_s + 90), 2))
    seconds, values = answer(query)[CONTAINER.key]

    assert seconds == list(range(ended_s + 92))
    assert values == pytest.approx([NaN] + [1000] * (ended_s + 91), nan_ok=True)
    assert query.skipped_files == 0


def test_the_ticks_of_two_writers_of_a_window_are_joined(
    data: DataDirectory, runner: QueryRunner, tmp_path: Path
) -> None:
    """The next pod on the node records under another identifier, within the same window."""
    data.parquet(counting(CONTAINER, T0, 40))
    other = tmp_path / "dt=2025-12-30" / "identifier=another"
    other.mkdir()
    second = DataDirectory(tmp_path / "second")
    (path,) = second.parquet(counting(CONTAINER, T0 + 41_000, 49))
    path.rename(other / path.name)

    assert runner.values(0, 90, CONTAINER)[CONTAINER.key][0] == [*range(40), *range(41, 90)]


def test_files_of_another_node_are_not_read_and_not_skipped(
    data: DataDirectory, runner: QueryRunner, tmp_path: Path
) -> None:
    data.parquet(counting(NODE, T0, 40))
    other = DataDirectory(tmp_path)
    other.header = replace(other.header, node_name="node-2", identifier="node-2")
    other.parquet(counting(NODE, T0, 60))
    other.journal(counting(NODE, T0 + 90_000, 5))
    query = runner.query(0, 200, NODE, node_name="node-1")

    assert answer(query)["node"][0] == list(range(40))
    assert query.skipped_files == 0
    assert len(runner.skipped) == 0


def test_a_reduced_answer_is_the_reduction_of_the_raw_one(data: DataDirectory, runner: QueryRunner) -> None:
    """The ends of files do not matter: a spike and a dip of one second are both in the answer."""
    rng = np.random.default_rng(3)
    steps = rng.integers(1000, 2000, 20 * 90)
    steps[777], steps[1234] = 900_000, 0
    data.parquet(chunk(CONTAINER, T0, {USAGE: np.cumsum(steps).astype(float).tolist()}))
    raw_seconds, raw = runner.values(0, 1800, CONTAINER)[CONTAINER.key]
    seconds, values = runner.values(0, 1800, CONTAINER, columns=10)[CONTAINER.key]

    assert len(seconds) <= 40
    assert set(zip(seconds, values, strict=True)) <= set(zip(raw_seconds, raw, strict=True))
    assert (777, 900_000) in set(zip(seconds, values, strict=True))
    assert (1234, 0) in set(zip(seconds, values, strict=True))


def test_windows_of_one_second_and_of_a_day_are_found(tmp_path: Path) -> None:
    for rotation_s in (86_400, 10):
        root = tmp_path / str(rotation_s)
        DataDirectory(root, rotation_s=rotation_s).parquet(counting(CONTAINER, T0 - 15_000, 60))

        assert QueryRunner(root).values(0, 20, CONTAINER)[CONTAINER.key][0] == list(range(20))


def test_a_clock_that_was_set_back_does_not_repeat_ticks(data: DataDirectory, runner: QueryRunner) -> None:
    """The collector has renamed the old window, and a file with the new name is not read."""
    (path,) = data.parquet(chunk(CONTAINER, T0, {MEMORY: [1, 1, 1]}))
    path.rename(path.with_name("superseded-20251230T160000Z-1.parquet"))
    data.journal(chunk(CONTAINER, T0, {MEMORY: [2, 2]}))

    assert runner.values(0, 90, CONTAINER, metric=MEMORY)[CONTAINER.key] == ([0, 1], [2, 2])


def test_a_series_keeps_its_newest_names(data: DataDirectory, runner: QueryRunner) -> None:
    bare = Series("container", container_id=CONTAINER.container_id)
    data.parquet(counting(bare, T0, 90))
    data.journal(counting(CONTAINER, T0 + 90_000, 5))
    query = runner.query(0, 100, CONTAINER)
    answer(query)

    assert [series.series for series in query.result()] == [CONTAINER]


def test_the_helper_of_these_tests_names_windows_as_the_layout_does(data: DataDirectory) -> None:
    (path,) = data.parquet(counting(CONTAINER, T0, 1))

    assert path.relative_to(data.root) == Path("dt=2025-12-30/identifier=node-1") / layout.metrics_name(T0)


def test_with_any_damage_ticks_stay_in_order_and_no_query_fails(data: DataDirectory, runner: QueryRunner) -> None:
    """A file that was cut off or has changed bytes is served with its original values, or not at all."""
    rng = random.Random(5)
    paths = [*data.parquet(counting(CONTAINER, T0, 90)), data.journal(counting(CONTAINER, T0 + 90_000, 60))]
    contents = [path.read_bytes() for path in paths]
    for _ in range(150):
        for path, content in zip(paths, contents, strict=True):
            damaged = bytearray(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.3 else content)
            for _ in range(min(len(damaged), rng.choice([0, 1, 2, 50]))):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            path.unlink()
            path.write_bytes(damaged)
        runner.clock.stall(1)
        seconds, values = runner.values(0, 200, CONTAINER).get(CONTAINER.key, ([], []))

        assert seconds == sorted(set(seconds))
        assert set(np.round(values, 3)[~np.isnan(values)]) <= {1000}
