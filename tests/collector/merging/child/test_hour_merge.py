"""The merged file of an hour has every sample of its windows exactly once, the last recorded ones."""

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fgm.collector.merging import publishing
from fgm.collector.merging.child.hour_merge import UnlikeError, merge_hour
from fgm.collector.windows.closing import close_window
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.directory.layout import HOUR_MS
from fgm.store.errors import BadFileError
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FORMAT_VERSION
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from fgm.store.tables import process_tables
from fgm.store.tables.table_rows import LabelledRow
from tests.support.collector.merging import MERGED, job_of, merge
from tests.support.collector.windows import (
    FIRST,
    FOLDER,
    HEADER,
    NODE,
    START_MS,
    SUPERSEDED,
    names,
    record,
    record_and_close,
    recorded,
    tick,
)

DATA = Path(__file__).parents[3] / "data"
SECOND = "metrics-20251230T160130Z.parquet"


def rows_of(path: Path) -> list[Chunk]:
    file = WindowFile.open(str(path))
    try:
        return file.chunks(COLUMNS)
    finally:
        file.close()


def in_use(data_dir: Path, name: str = MERGED) -> dict[int, float]:
    """Return the samples of the merged file, and check the directory."""
    assert check(str(data_dir)).problems == []
    return recorded(data_dir / FOLDER / name)


def damage(data_dir: Path) -> Path:
    """Change a byte of a value in the second window."""
    path = data_dir / FOLDER / SECOND
    file = WindowFile.open(str(path))
    content = bytearray(path.read_bytes())
    content[file.block.columns["memory.current"].pages[0].offset + 12] ^= 1
    path.write_bytes(content)
    return path


def test_the_merged_file_has_each_sample_once_and_replaces_its_windows(tmp_path: Path) -> None:
    record_and_close(tmp_path, *(tick(second, float(second)) for second in range(200)))
    sources = {name: WindowFile.open(str(tmp_path / FOLDER / name)).block.fingerprint for name in names(tmp_path)}

    assert merge(tmp_path) == 1
    assert names(tmp_path) == [MERGED]
    assert in_use(tmp_path) == {second: second for second in range(200)}
    file = WindowFile.open(str(tmp_path / FOLDER / MERGED))
    assert dict(file.block.sources) == sources
    assert len(sources) == 3
    assert np.array_equal(file.column("late_ms"), np.arange(200.0))


def test_each_hour_has_a_file_and_the_newest_is_merged_first(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(3600, 2.0), tick(7200, 3.0))
    job = job_of(tmp_path)
    assert job is not None
    assert job.start_ms == START_MS + 2 * HOUR_MS

    assert merge(tmp_path) == 3
    assert names(tmp_path) == [f"metrics-20251230T1{hour}0000Z--PT1H.parquet" for hour in (6, 7, 8)]
    assert in_use(tmp_path, "metrics-20251230T170000Z--PT1H.parquet") == {3600: 2.0}


def test_an_hour_with_a_journal_is_not_merged(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    (journal,) = record(tmp_path, tick(100))

    assert merge(tmp_path) == 0
    close_window(journal, 3)
    assert merge(tmp_path) == 1
    assert in_use(tmp_path) == {0: 1.0, 100: 1.0}


def test_ticks_recorded_late_in_a_merged_window_are_added(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(30), tick(100))
    merge(tmp_path)
    record_and_close(tmp_path, tick(40, 7.0))

    assert names(tmp_path) == [MERGED, FIRST]
    assert recorded(tmp_path / FOLDER / FIRST) == {0: 1.0, 30: 1.0, 40: 7.0}
    assert merge(tmp_path) == 1
    assert names(tmp_path) == [MERGED]
    assert in_use(tmp_path) == {0: 1.0, 30: 1.0, 40: 7.0, 100: 1.0}
    assert [source.name for source in WindowFile.open(str(tmp_path / FOLDER / MERGED)).block.sources] == [FIRST, SECOND]


def test_a_window_of_another_length_recorded_late_does_not_hide_the_windows_that_it_overlaps(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(90), tick(100), tick(180))
    merge(tmp_path)
    (journal,) = record(tmp_path, tick(110, 7.0), header=replace(HEADER, rotation_s=60))
    close_window(journal, 3)

    assert names(tmp_path) == [MERGED, "metrics-20251230T160100Z.parquet"]
    merge(tmp_path)
    assert in_use(tmp_path) == {0: 1.0, 90: 1.0, 100: 1.0, 110: 7.0, 180: 1.0}


def test_a_window_recorded_again_after_a_clock_step_replaces_its_range_and_the_earlier_rows_are_kept(
    tmp_path: Path,
) -> None:
    record_and_close(tmp_path, tick(0), tick(80), tick(100))
    merge(tmp_path)
    record_and_close(tmp_path, tick(60, 7.0), tick(70, 7.0))

    assert names(tmp_path) == [MERGED, FIRST, SUPERSEDED.format(1)]
    assert recorded(tmp_path / FOLDER / SUPERSEDED.format(1)) == {0: 1.0, 80: 1.0}
    merge(tmp_path)
    assert names(tmp_path) == [MERGED, SUPERSEDED.format(1)]
    assert in_use(tmp_path) == {60: 7.0, 70: 7.0, 100: 1.0}


def test_a_window_can_be_recorded_a_third_time(tmp_path: Path) -> None:
    for value in (1.0, 2.0, 3.0):
        record_and_close(tmp_path, tick(20, value), tick(30, value))
        merge(tmp_path)

    assert in_use(tmp_path) == {20: 3.0, 30: 3.0}
    assert [recorded(tmp_path / FOLDER / SUPERSEDED.format(number)) for number in (1, 2)] == [
        {20: 1.0, 30: 1.0},
        {20: 2.0, 30: 2.0},
    ]


def test_names_that_became_known_later_apply_to_the_whole_hour(tmp_path: Path) -> None:
    def named(second: int, name: str | None) -> Tick:
        series = Series("container", "a" * 64, name, cgroup="/a")
        return Tick(START_MS + second * 1000, (series,), np.ones((1, 1 + len(COLUMNS))))

    record_and_close(tmp_path, named(0, None), named(90, "web"), named(180, None))
    merge(tmp_path)

    (series,) = WindowFile.open(str(tmp_path / FOLDER / MERGED)).series
    assert series.container_name == "web"


def test_series_that_come_and_go_are_in_order(tmp_path: Path) -> None:
    others = [Series("cgroup", cgroup=f"/{name}", node_name="worker-3") for name in "abc"]
    for second, series in ((0, others[2]), (90, others[0]), (180, others[1]), (270, others[2])):
        rows = np.full((2, 1 + len(COLUMNS)), float(second))
        (journal,) = record(tmp_path, Tick(START_MS + second * 1000, (NODE, series), rows))
        close_window(journal, 3)
    merge(tmp_path)

    assert check(str(tmp_path)).problems == []
    file = WindowFile.open(str(tmp_path / FOLDER / MERGED))
    values = {c.series.key: c.values["memory.current"].tolist() for c in file.chunks(["memory.current"])}
    assert values == {"cgroup:/a": [90], "cgroup:/b": [180], "cgroup:/c": [0, 270], "node": [0, 90, 180, 270]}


def test_a_window_that_crosses_the_end_of_the_hour_belongs_to_the_hour_of_its_start(tmp_path: Path) -> None:
    """Windows of 70 s, one of them from 16:59:40 to 17:00:50; then a new run with windows of 90 s."""
    long = replace(HEADER, rotation_s=70)
    for journal in record(tmp_path, *(tick(second) for second in range(3580, 3610)), header=long):
        close_window(journal, 3)
    record_and_close(tmp_path, *(tick(second) for second in range(3610, 3700)))
    assert merge(tmp_path) == 2

    assert list(in_use(tmp_path)) == list(range(3580, 3610))
    assert list(in_use(tmp_path, "metrics-20251230T170000Z--PT1H.parquet")) == list(range(3610, 3700))


def test_two_writers_have_a_merged_file_each(tmp_path: Path) -> None:
    other = replace(HEADER, identifier="worker-4")
    for header in (HEADER, other):
        (journal,) = record(tmp_path, tick(0), tick(1), header=header)
        close_window(journal, 3)
    folder = FOLDER.replace("worker-3", "worker-4")

    assert (merge(tmp_path), merge(tmp_path, folder)) == (1, 1)
    assert check(str(tmp_path)).problems == []
    assert WindowFile.open(str(tmp_path / folder / MERGED)).header.identifier == "worker-4"


def test_windows_of_another_interval_are_not_put_in_one_file(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    (journal,) = record(tmp_path, tick(100), header=replace(HEADER, interval_ms=5000))
    close_window(journal, 3)
    job = job_of(tmp_path)
    assert job is not None

    with pytest.raises(UnlikeError, match="interval_ms differs: 1000, 5000"):
        merge_hour(job)


@pytest.mark.parametrize("name", ["padded", "version-2"])
def test_windows_of_earlier_formats_become_an_hour_of_today(tmp_path: Path, name: str) -> None:
    with tarfile.open(DATA / f"{name}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    (path,) = tmp_path.rglob("metrics-*.parquet")
    folder, data_dir = path.parent, path.parents[2]
    start_ms = layout.window_at(WindowFile.open(str(path)).block.first_ms, 90).start_ms
    before = rows_of(path)
    identifier = WindowFile.open(str(path)).header.identifier
    header = replace(WindowFile.open(str(path)).header, format_version=FORMAT_VERSION)
    later = [replace(chunk, time_ms=chunk.time_ms + 90_000) for chunk in before]
    (folder / layout.metrics_name(start_ms + 90_000)).write_bytes(encode(later, COLUMN_TYPES, header))
    assert merge(data_dir, f"{folder.parent.name}/identifier={identifier}") == 1

    (hour,) = folder.glob("metrics-*--PT1H.parquet")
    after = {chunk.series.key: chunk for chunk in rows_of(hour)}
    assert WindowFile.open(str(hour)).header.format_version == FORMAT_VERSION
    assert after.keys() == {chunk.series.key for chunk in before}
    assert len(before) > 3
    for chunk in before:
        count = len(chunk.time_ms)
        merged = after[chunk.series.key]
        assert merged.time_ms.tolist() == [*chunk.time_ms, *(chunk.time_ms + 90_000)]
        assert np.allclose(merged.late_ms[:count], chunk.late_ms, rtol=0, atol=0.0051, equal_nan=True)
        for column, kind in COLUMN_TYPES.items():
            expected = np.round(chunk.values[column]) if kind == "integer" else chunk.values[column]
            assert np.array_equal(merged.values[column][:count], expected, equal_nan=True), column


def test_tables_of_an_hour_are_merged_with_its_windows_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    rows = [
        LabelledRow(START_MS + ms, "node", None, None, None, None, None, None, "m", "sda", float(ms))
        for ms in (0, 100_000)
    ]
    for row in rows:
        content = process_tables.encode("labelled", [row], HEADER)
        start_ms = layout.window_at(row.time_ms, 90).start_ms
        (tmp_path / FOLDER / layout.table_name("labelled", start_ms)).write_bytes(content)
    merge(tmp_path)

    merged = f"labelled-{MERGED.removeprefix('metrics-')}"
    assert names(tmp_path) == [merged, MERGED]
    assert list(process_tables.rows(str(tmp_path / FOLDER / merged))) == rows
    late = tmp_path / FOLDER / layout.table_name("labelled", START_MS)
    late.write_bytes(process_tables.encode("labelled", [rows[0]._replace(label="sdb")], HEADER))
    merge(tmp_path)
    assert names(tmp_path) == [merged, MERGED]
    assert {row[-2] for row in process_tables.rows(str(tmp_path / FOLDER / merged))} == {"sda", "sdb"}
    assert check(str(tmp_path)).problems == []

    late.write_bytes(b"PAR1" * 20)
    job = job_of(tmp_path)
    assert job is not None
    with pytest.raises(BadFileError) as error:
        merge_hour(job)
    assert error.value.path == str(late)


def test_rates_of_the_first_minute_begin_with_the_sample_before_the_hour(tmp_path: Path) -> None:
    """A counter that grows by 5000 a second, also in the first second of an hour."""
    for second in (3598, 3599, 3600, 3601):
        rows = np.full((1, 1 + len(COLUMNS)), 5000.0 * second)
        rows[0, 0] = 0.0
        series = Series("container", "a" * 64, cgroup="/a")
        record_and_close(tmp_path, Tick(START_MS + second * 1000, (series,), rows))
    merge(tmp_path)

    folder = tmp_path / layout.TIERS_FOLDER / FOLDER
    file = MinutesFile.open(str(folder / layout.minutes_name(START_MS + layout.HOUR_MS, layout.HOUR_MS)))
    (cpu,) = file.read("cpu.stat.usage_usec")
    file.close()
    assert (cpu.count.tolist(), cpu.min.tolist(), cpu.max.tolist()) == ([2], [5000], [5000])


def test_a_damaged_window_is_named(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    damaged = damage(tmp_path)
    job = job_of(tmp_path)
    assert job is not None

    with pytest.raises(BadFileError) as error:
        merge_hour(job)
    assert error.value.path == str(damaged)


def test_an_hour_that_got_another_window_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    job = job_of(tmp_path)
    assert job is not None
    outcome = merge_hour(job)
    (journal,) = record(tmp_path, tick(110), header=replace(HEADER, rotation_s=60))
    for has_journal in (True, False):
        with pytest.raises(publishing.ChangedError):
            publishing.publish(str(tmp_path), outcome)
        if has_journal:
            close_window(journal, 3)

    publishing.remove_temporaries(str(tmp_path / FOLDER))
    merge(tmp_path)
    assert in_use(tmp_path) == {0: 1.0, 100: 1.0, 110: 1.0}


def test_a_source_that_has_changed_or_is_gone_is_not_replaced(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    job = job_of(tmp_path)
    assert job is not None
    outcome = merge_hour(job)
    record_and_close(tmp_path, tick(1))
    with pytest.raises(publishing.ChangedError):
        publishing.publish(str(tmp_path), outcome)
    os.unlink(tmp_path / FOLDER / SECOND)
    with pytest.raises(publishing.ChangedError):
        publishing.publish(str(tmp_path), outcome)
    publishing.remove_temporaries(str(tmp_path / FOLDER))

    assert names(tmp_path) == [FIRST]
    assert recorded(tmp_path / FOLDER / FIRST) == {0: 1.0, 1: 1.0}
