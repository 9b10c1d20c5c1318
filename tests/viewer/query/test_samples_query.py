import itertools
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.metrics.shown import find
from fgm.store.directory import layout
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.query.partial_query import PartialQuery
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery
from fgm.viewer.query.value_reader import FILES_PER_STEP
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container, counting

NaN = np.nan
Ask = Callable[..., dict[str, tuple[list[float], list[float]]]]


class Asking:
    """Asks about one directory; times are seconds since T0."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.skipped = SkippedFiles()
        self.files = DataFiles(str(root), self.clock)
        self.sources = Sources(self.files, Journals(self.files, self.clock, self.skipped), self.skipped)

    def query(
        self,
        from_s: float,
        to_s: float,
        *series: Series,
        metric: str = USAGE,
        columns: int | None = None,
        node_name: str | None = None,
    ) -> SamplesQuery:
        shown = find(metric)
        assert shown is not None
        question = Question(
            metrics=(shown,),
            keys=frozenset(s.key for s in series),
            from_ms=round(T0 + from_s * 1000),
            to_ms=round(T0 + to_s * 1000),
            tick_ms=1000,
            columns=columns,
            scopes=frozenset() if series else frozenset({"container", "node"}),
            node_name=node_name,
        )
        return SamplesQuery(question, self.sources)

    def ask(
        self, from_s: float, to_s: float, *series: Series, metric: str = USAGE, columns: int | None = None
    ) -> dict[str, tuple[list[float], list[float]]]:
        """Return seconds and values by series key."""
        return answer(self.query(from_s, to_s, *series, metric=metric, columns=columns))


def answer(query: SamplesQuery) -> dict[str, tuple[list[float], list[float]]]:
    while query.step():
        pass
    result = {}
    for one in query.answer():
        time_ms, values = one.lines[0].joined()
        result[one.series.key] = (((time_ms - T0) / 1000).tolist(), values.tolist())
    return result


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


ONE = container(1)


def test_a_rate_continues_across_files(data: DataDirectory, asking: Asking) -> None:
    """Three windows and a journal: one null, at the beginning of the life, and no tick twice or missing."""
    data.parquet(counting(ONE, T0, 270))
    data.journal(counting(ONE, T0 + 270_000, 30))
    seconds, values = asking.ask(0, 300, ONE)[ONE.key]

    assert seconds == list(range(300))
    assert values == pytest.approx([NaN] + [1000] * 299, nan_ok=True)


@pytest.mark.parametrize("from_s", [90, 91, 100])
def test_the_first_rate_of_a_range_counts_from_the_sample_before_it(
    data: DataDirectory, asking: Asking, from_s: int
) -> None:
    """The sample before the range is read, also from the window before, and is not in the answer."""
    data.parquet(counting(ONE, T0, 180))
    seconds, values = asking.ask(from_s, from_s + 5, ONE)[ONE.key]

    assert seconds == [from_s + i for i in range(5)]
    assert values == pytest.approx([1000] * 5)


def test_each_tick_counts_once_and_parquet_wins_over_the_journal(data: DataDirectory, asking: Asking) -> None:
    """A collector that was killed after publishing leaves both; and a restart goes on in a new journal."""
    data.parquet(chunk(ONE, T0, {MEMORY: [1, 2, 3]}))
    data.journal(chunk(ONE, T0 + 1000, {MEMORY: [-2, -3, 4, 5]}))

    assert asking.ask(0, 90, ONE, metric=MEMORY)[ONE.key] == ([0, 1, 2, 3, 4], [1, 2, 3, 4, 5])


@pytest.mark.parametrize("windows_before", [0, 1, *range(FILES_PER_STEP - 2, FILES_PER_STEP + 2)])
@pytest.mark.parametrize("newer", ["a", "z"])
def test_a_window_of_two_writers_is_complete_wherever_a_step_ends(
    data: DataDirectory, asking: Asking, windows_before: int, newer: str
) -> None:
    """A rolling update: the new pod continues the window in a folder of its own, before or after the old one."""
    start_ms, ends_s = T0 + 90_000 * windows_before, 90 * windows_before + 50
    data.parquet(counting(ONE, T0, ends_s))
    DataDirectory(data.root, identifier=newer).parquet(counting(ONE, start_ms + 50_000, 200))
    seconds, values = asking.ask(0, 4000, ONE)[ONE.key]

    assert seconds == list(range(ends_s + 200))
    assert values == pytest.approx([NaN] + [1000] * (ends_s + 199), nan_ok=True)


def test_windows_that_became_longer_are_complete(data: DataDirectory, asking: Asking) -> None:
    """The longer one begins with the first of the shorter ones, which it follows."""
    DataDirectory(data.root, rotation_s=10, identifier="old").parquet(counting(ONE, T0, 75))
    data.parquet(counting(ONE, T0 + 75_000, 60))

    assert asking.ask(0, 200, ONE)[ONE.key][0] == list(range(135))


def test_a_gap_has_no_ticks_and_no_rate_after_it(data: DataDirectory, asking: Asking) -> None:
    data.parquet(counting(ONE, T0, 10), counting(ONE, T0 + 100_000, 3))
    seconds, values = asking.ask(5, 200, ONE)[ONE.key]

    assert seconds == [5, 6, 7, 8, 9, 100, 101, 102]
    assert values == pytest.approx([1000] * 5 + [NaN, 1000, 1000], nan_ok=True)


def test_a_counter_that_restarts_between_files_has_no_rate_there(data: DataDirectory, asking: Asking) -> None:
    data.parquet(chunk(ONE, T0 + 88_000, {USAGE: [5000, 6000]}), chunk(ONE, T0 + 90_000, {USAGE: [10, 1010]}))

    assert asking.ask(88, 92, ONE)[ONE.key][1] == pytest.approx([NaN, 1000, NaN, 1000], nan_ok=True)


def test_a_rate_across_files_counts_the_lateness_of_ticks(data: DataDirectory, asking: Asking) -> None:
    data.parquet(
        chunk(ONE, T0 + 89_000, {USAGE: [0]}, late_ms=[500.0]),
        chunk(ONE, T0 + 90_000, {USAGE: [500, 1500]}, late_ms=[0.0, 0.0]),
    )

    assert asking.ask(90, 92, ONE)[ONE.key][1] == pytest.approx([1000, 1000])


def test_every_container_and_the_node_are_answered_if_none_is_named(data: DataDirectory, asking: Asking) -> None:
    """Containers and the node, also those that begin within the range; pods and services only by name."""
    two, service = container(2), Series("cgroup", cgroup="/system.slice/a.service")
    data.parquet(counting(NODE, T0, 180), counting(ONE, T0, 180), counting(two, T0 + 100_000, 5))
    data.journal(counting(service, T0 + 180_000, 5), counting(NODE, T0 + 180_000, 5))

    assert set(asking.ask(0, 200)) == {"node", ONE.key, two.key}
    assert set(asking.ask(0, 200, service)) == {service.key}


def test_a_column_that_no_file_has_is_null_at_each_tick(data: DataDirectory, asking: Asking) -> None:
    data.parquet(counting(ONE, T0, 3))
    seconds, values = asking.ask(0, 10, ONE, metric="pids.current")[ONE.key]

    assert seconds == [0, 1, 2]
    assert np.isnan(values).all()


def test_damaged_foreign_and_vanished_files_are_skipped_and_the_rest_is_served(
    data: DataDirectory, asking: Asking
) -> None:
    paths = data.parquet(counting(ONE, T0, 7 * 90))
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
    data.journal(counting(ONE, T0 + 630_000, 3)).write_bytes(b"not a journal")
    query = asking.query(0, 900, ONE)
    seconds, _ = answer(query)[ONE.key]

    assert seconds == [*range(90), *range(540, 630)]
    assert (query.skipped_files, len(asking.skipped)) == (5, 6), "the journal is told of, and not left out"

    paths[1].unlink()
    paths[1].write_bytes(data.parquet(counting(ONE, T0 + 90_000, 90))[0].read_bytes())

    assert len(asking.ask(0, 900, ONE)[ONE.key][0]) == 270
    assert len(asking.skipped) == 5, "a file that can be read now is no longer counted"


def test_a_torn_journal_is_served_up_to_its_last_whole_frame(data: DataDirectory, asking: Asking) -> None:
    path = data.journal(counting(ONE, T0, 20))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])

    assert asking.ask(0, 90, ONE)[ONE.key][0] == list(range(19))

    path.write_bytes(whole)  # the rest of the frame arrives in the same file
    asking.clock.stall(1)

    assert asking.ask(0, 90, ONE)[ONE.key][0] == list(range(20))


def test_a_journal_is_read_again_when_it_grew_and_half_a_second_passed(data: DataDirectory, asking: Asking) -> None:
    data.journal(counting(ONE, T0, 5))

    assert len(asking.ask(0, 90, ONE)[ONE.key][0]) == 5

    data.journal(counting(ONE, T0 + 5000, 1))

    assert len(asking.ask(0, 90, ONE)[ONE.key][0]) == 5, "requests share one reading"

    asking.clock.stall(0.5)

    assert len(asking.ask(0, 90, ONE)[ONE.key][0]) == 6


def test_a_journal_that_replaces_another_is_opened_again(data: DataDirectory, asking: Asking) -> None:
    path = data.journal(counting(ONE, T0, 5))

    assert len(asking.ask(0, 90, ONE)[ONE.key][0]) == 5

    path.unlink()
    data.journal(counting(container(2), T0, 3))

    assert set(asking.ask(0, 90)) == {container(2).key}


def test_a_window_that_is_closed_during_a_query_is_read_from_its_parquet_file(
    data: DataDirectory, asking: Asking
) -> None:
    """The journal was listed, and is gone when it is its turn."""
    ended_s = (FILES_PER_STEP + 1) * 90
    data.parquet(counting(ONE, T0, ended_s))
    journal = data.journal(counting(ONE, T0 + 1000 * ended_s, 90))
    query = asking.query(0, ended_s + 300, ONE)

    assert query.step(), "a step reads some files, and the journal is not among them"

    data.parquet(counting(ONE, T0 + 1000 * ended_s, 90))
    journal.unlink()
    data.journal(counting(ONE, T0 + 1000 * (ended_s + 90), 2))
    seconds, values = answer(query)[ONE.key]

    assert seconds == list(range(ended_s + 92))
    assert values == pytest.approx([NaN] + [1000] * (ended_s + 91), nan_ok=True)
    assert query.skipped_files == 0


def test_two_writers_of_one_day_are_joined(data: DataDirectory, asking: Asking, tmp_path: Path) -> None:
    """A pod that was replaced goes on under another name, within the same window."""
    data.parquet(counting(ONE, T0, 40))
    other = tmp_path / "dt=2025-12-30" / "identifier=another"
    other.mkdir()
    second = DataDirectory(tmp_path / "second")
    (path,) = second.parquet(counting(ONE, T0 + 41_000, 49))
    path.rename(other / path.name)

    assert asking.ask(0, 90, ONE)[ONE.key][0] == [*range(40), *range(41, 90)]


def test_files_of_another_node_are_not_read_and_not_skipped(
    data: DataDirectory, asking: Asking, tmp_path: Path
) -> None:
    data.parquet(counting(NODE, T0, 40))
    other = DataDirectory(tmp_path)
    other.header = replace(other.header, node_name="node-2", identifier="node-2")
    other.parquet(counting(NODE, T0, 60))
    other.journal(counting(NODE, T0 + 90_000, 5))
    query = asking.query(0, 200, NODE, node_name="node-1")

    assert answer(query)["node"][0] == list(range(40))
    assert query.skipped_files == 0
    assert len(asking.skipped) == 0


def test_a_reduced_answer_is_the_reduction_of_the_raw_one(data: DataDirectory, asking: Asking) -> None:
    """Nothing depends on the ends of files: a spike and a dip of one second each are in the answer."""
    rng = np.random.default_rng(3)
    steps = rng.integers(1000, 2000, 20 * 90)
    steps[777], steps[1234] = 900_000, 0
    data.parquet(chunk(ONE, T0, {USAGE: np.cumsum(steps).astype(float).tolist()}))
    raw_seconds, raw = asking.ask(0, 1800, ONE)[ONE.key]
    seconds, values = asking.ask(0, 1800, ONE, columns=10)[ONE.key]

    assert len(seconds) <= 40
    assert set(zip(seconds, values, strict=True)) <= set(zip(raw_seconds, raw, strict=True))
    assert (777, 900_000) in set(zip(seconds, values, strict=True))
    assert (1234, 0) in set(zip(seconds, values, strict=True))


def test_windows_of_one_second_and_of_a_day_are_found(tmp_path: Path) -> None:
    for rotation_s in (86_400, 10):
        root = tmp_path / str(rotation_s)
        DataDirectory(root, rotation_s=rotation_s).parquet(counting(ONE, T0 - 15_000, 60))

        assert Asking(root).ask(0, 20, ONE)[ONE.key][0] == list(range(20))


def test_a_clock_that_was_set_back_does_not_repeat_ticks(data: DataDirectory, asking: Asking) -> None:
    """The old window was superseded by the collector; a file outside the grammar is not read."""
    (path,) = data.parquet(chunk(ONE, T0, {MEMORY: [1, 1, 1]}))
    path.rename(path.with_name("superseded-20251230T160000Z-1.parquet"))
    data.journal(chunk(ONE, T0, {MEMORY: [2, 2]}))

    assert asking.ask(0, 90, ONE, metric=MEMORY)[ONE.key] == ([0, 1], [2, 2])


def test_a_series_keeps_its_newest_names(data: DataDirectory, asking: Asking) -> None:
    bare = Series("container", container_id=ONE.container_id)
    data.parquet(counting(bare, T0, 90))
    data.journal(counting(ONE, T0 + 90_000, 5))
    query = asking.query(0, 100, ONE)
    answer(query)

    assert [one.series for one in query.answer()] == [ONE]


def test_the_name_of_a_window_is_where_the_layout_puts_it(data: DataDirectory) -> None:
    """The helper of these tests writes what a collector would."""
    (path,) = data.parquet(counting(ONE, T0, 1))

    assert path.relative_to(data.root) == Path("dt=2025-12-30/identifier=node-1") / layout.metrics_name(T0)


def test_with_any_damage_ticks_stay_in_order_and_no_query_fails(data: DataDirectory, asking: Asking) -> None:
    """Cut anywhere, or with any bytes changed: the file is served as it was, or not at all."""
    rng = random.Random(5)
    paths = [*data.parquet(counting(ONE, T0, 90)), data.journal(counting(ONE, T0 + 90_000, 60))]
    whole = [path.read_bytes() for path in paths]
    for _ in range(150):
        for path, sound in zip(paths, whole, strict=True):
            damaged = bytearray(sound[: rng.randrange(len(sound) + 1)] if rng.random() < 0.3 else sound)
            for _ in range(min(len(damaged), rng.choice([0, 1, 2, 50]))):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            path.unlink()
            path.write_bytes(damaged)
        asking.clock.stall(1)
        seconds, values = asking.ask(0, 200, ONE).get(ONE.key, ([], []))

        assert seconds == sorted(set(seconds))
        assert set(np.round(values, 3)[~np.isnan(values)]) <= {1000}


def in_parts(asking: Asking, within_s: float, *, hours: int = 5) -> PartialQuery:
    def query(question: Question) -> SamplesQuery:
        return SamplesQuery(question, asking.sources)

    whole = asking.query(0, hours * 3600, ONE, columns=100 * hours).question
    now = itertools.count()
    parted = PartialQuery(whole, query, lambda: 0.01 * next(now), within_s)
    while parted.step():
        pass
    return parted


def test_a_long_range_is_answered_in_parts_the_newest_first(tmp_path: Path, asking: Asking) -> None:
    DataDirectory(tmp_path, rotation_s=900).parquet(counting(ONE, T0, 5 * 3600))
    some, whole = in_parts(asking, 0.0), in_parts(asking, 60.0)

    assert (some.complete_from_ms - T0) / 3_600_000 == 3
    assert (whole.complete_from_ms - T0) / 3_600_000 == 0
    assert some.skipped_files == whole.skipped_files == 0
    (newest,), (everything,) = some.answer(), whole.answer()
    seconds, values = everything.lines[0].joined()
    assert (np.diff(seconds) > 0).all()
    assert values == pytest.approx([1000] * len(values))  # rates go on over the parts
    behind = seconds >= some.complete_from_ms
    assert newest.lines[0].joined()[0].tolist() == seconds[behind].tolist()
    assert len(seconds) >= 2 * 500  # the first and the last of each column, at least


def test_a_partial_query_keeps_only_its_reduced_parts_in_memory(tmp_path: Path, asking: Asking) -> None:
    DataDirectory(tmp_path, rotation_s=900).parquet(counting(ONE, T0, 5 * 3600))

    assert in_parts(asking, 0.0).max_samples <= 4 * 200


@pytest.mark.parametrize("columns", [818, 1000, 1043, 1200])
def test_parts_use_the_pixel_columns_of_the_whole_and_make_the_same_answer(
    data: DataDirectory, asking: Asking, columns: int
) -> None:
    ticks = 6 * 3600 + 77
    values = np.random.default_rng(columns).uniform(0, 1e9, ticks).round()
    DataDirectory(data.root, rotation_s=900).parquet(chunk(ONE, T0, {MEMORY: values.tolist()}))
    query = asking.query(0, ticks, ONE, metric=MEMORY, columns=columns)
    expected = answer(query)[ONE.key]
    now = itertools.count()

    def part(question: Question) -> SamplesQuery:
        return SamplesQuery(question, asking.sources)

    parted = PartialQuery(query.question, part, lambda: 0.01 * next(now), 60.0)
    while parted.step():
        pass
    (found,) = parted.answer()
    time_ms, kept = found.lines[0].joined()

    assert ((time_ms - T0) / 1000).tolist() == expected[0]
    assert kept.tolist() == expected[1]
