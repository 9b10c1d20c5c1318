"""Readers that have nothing in common with fgm read its files, and those of earlier versions, exactly as fgm does.

`make readers` installs those that are too large for every developer's environment. Without them their tests skip.
"""

import json
import tarfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from fgm.collector.minutes.hour_minutes import write_hour
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.check.directory_check import check
from fgm.store.minutes.minutes_block import VALUE_COLUMNS
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.page import decompress, split_levels
from fgm.store.parquet.pages.page_table import DELTA, DICTIONARY, INDICES, PLAIN
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_block import LATE, Run, Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from tests.support.readers.programs import READERS, Columns, plain

pytestmark = [pytest.mark.dates]

PADDED = Path(__file__).parents[2] / "data" / "padded.tar.xz"

METRICS = (
    "time",
    "scope",
    "container_id",
    "pod_name",
    "late_us",
    "cpu.stat.usage_usec",
    "memory.current",
    "memory.max",
)
OLD_METRICS = tuple("late_ms" if name == "late_us" else name for name in METRICS)
HOUR = (*METRICS, "io.stat.wbytes", "pids.current", "smaps_rollup.age_s", "cpu.stat.system_usec", "memory.stat.file")
PROCESSES = ("time", "container_id", "pod_name", "pid", "start_time", "comm", "cpu_usec", "fds")

HEADER = FileHeader("node-1", "node-1", 1000, 90)
START_MS = 1_767_110_400_000

MINUTES = ("time", "scope", "container_id", "pod_name", "metric", *VALUE_COLUMNS)


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that an earlier version recorded on a real host."""
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(PADDED) as packed:
        packed.extractall(folder, filter="data")
    return folder / "padded"


def metrics_of_fgm(path: Path, names: Sequence[str] = METRICS) -> Columns:
    file = WindowFile.open(str(path))
    chunks = file.chunks(names[5:])
    file.close()
    is_new = not file.block.has_empty_columns
    late = "late_us" if is_new else "late_ms"
    columns: Columns = {name: [] for name in (*names[:4], late, *names[5:])}
    for chunk in chunks:
        columns["time"] += chunk.time_ms.tolist()
        columns[late] += (np.rint(chunk.late_ms * 1000) if is_new else chunk.late_ms).tolist()
        for name in names[1:4]:
            columns[name] += [getattr(chunk.series, name)] * len(chunk.time_ms)
        for name in names[5:]:
            columns[name] += [None if np.isnan(value) else value for value in chunk.values[name].tolist()]
    return columns


def processes_of_fgm(path: Path) -> Columns:
    rows = process_tables.rows(str(path))
    fields = {"time": "time_ms", "start_time": "start_time_ms"}
    return {name: [getattr(row, fields.get(name, name)) for row in rows] for name in PROCESSES}


def written_again(old: Path, folder: Path) -> tuple[Path, Path]:
    """Return a metrics file and a process table with the same rows and columns, as fgm writes them now."""
    metrics, processes = folder / "metrics.parquet", folder / "processes.parquet"
    file = WindowFile.open(str(next(old.rglob("metrics-*.parquet"))))
    names = json.loads(pq.read_schema(file.path).metadata[b"fgm.columns"])
    types = {name: COLUMN_TYPES[name] for name in names}
    metrics.write_bytes(encode(file.chunks(names), types, file.header))
    file.close()
    table = str(next(old.rglob("processes-*.parquet")))
    processes.write_bytes(process_tables.encode("processes", process_tables.rows(table), file.header))
    return metrics, processes


def hour_of(old: Path, folder: Path) -> Path:
    """Return the file of an hour: rows of a real window forty times, with counters that go on and some that jump."""
    file = WindowFile.open(str(next(old.rglob("metrics-*.parquet"))))
    random = np.random.default_rng(1)
    chunks = []
    for number, chunk in enumerate(file.chunks(sorted(file.metrics))):
        count = len(chunk.time_ms)
        window = np.repeat(np.arange(40), count)
        values = {name: np.tile(column, 40) for name, column in chunk.values.items()}
        values["cpu.stat.usage_usec"] += window * 1_000_003 + number * 10**11 + random.integers(0, 500, len(window))
        values["memory.current"] += 4096 * random.integers(0, 5, len(window))
        values["memory.max"] = np.where(np.arange(len(window)) % 7 == 3, 2.0**33 + (window > 20), np.nan)
        values["io.stat.wbytes"] = random.integers(-(2**53), 2**53, len(window)).astype(float)
        time_ms = START_MS + np.arange(len(window)) * 1000 + 5000 * (window > 30)
        chunks.append(Chunk(chunk.series, time_ms, np.tile(chunk.late_ms, 40), values))
    file.close()
    path = folder / "metrics-20251230T160000Z--PT1H.parquet"
    with path.open("wb") as out:
        runs, first = [], 0
        for chunk in chunks:
            runs.append(Run(chunk.series, first, len(chunk.time_ms)))
            first += len(chunk.time_ms)

        def column(name: str) -> NDArray[np.float64]:
            empty = np.full(len(chunks[0].time_ms), np.nan)
            return np.concatenate([each.late_ms if name == LATE else each.values.get(name, empty) for each in chunks])

        time_ms = np.concatenate([chunk.time_ms for chunk in chunks])
        sources = [Source("metrics-20251230T160000Z.parquet", 4_000_000_000)]
        write_metrics(out, HEADER, runs, time_ms, column, columns=COLUMN_TYPES, sources=sources)
    return path


@pytest.fixture(scope="module")
def hour(padded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hour_of(padded, tmp_path_factory.mktemp("hour"))


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_an_hour_as_fgm_does(reader: str, hour: Path) -> None:
    read = READERS[reader](hour, HOUR)
    expected = metrics_of_fgm(hour, HOUR)
    for name in HOUR:
        assert list(map(plain, read[name])) == expected[name], name


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_the_minutes_of_an_hour_as_fgm_does(reader: str, hour: Path, tmp_path: Path) -> None:
    """A column has pages of a dictionary and then PLAIN pages."""
    path, file = tmp_path / "minutes-20251230T160000Z--PT1H.parquet", WindowFile.open(str(hour))
    with path.open("wb") as out:
        write_hour(file, None, out, [])
    file.close()
    minutes = MinutesFile.open(str(path))
    expected = []
    for metric in sorted(minutes.metrics):
        for of_series in minutes.read(metric):
            names = [getattr(of_series.series, name) for name in MINUTES[1:4]]
            values = [getattr(of_series, name).tolist() for name in MINUTES[5:]]
            times = of_series.time_ms.tolist()
            expected += [(ms, *names, metric, *row) for ms, *row in zip(times, *values, strict=True)]
    assert len(expected) == minutes.block.rows > 2000
    minutes.close()

    columns = READERS[reader](path, MINUTES)
    rows = list(zip(*([plain(value) for value in columns[name]] for name in MINUTES), strict=True))

    def by_text(row: tuple[Any, ...]) -> str:
        return repr((row[4], row[1:4], row[0]))

    assert sorted(rows, key=by_text) == sorted(expected, key=by_text)


def test_an_hour_has_all_encodings_and_pages_that_begin_with_a_series(hour: Path) -> None:
    """What the test of the readers depends on; and reading some series gives the same as reading all."""
    file = WindowFile.open(str(hour))
    try:
        firsts = {run.first for run in file.block.runs}
        kinds = set()
        for column in file.block.columns.values():
            pages = [page for page in column.pages if page.encoding != DICTIONARY]
            kinds |= {page.encoding for page in pages}
            starts = [0, *accumulate(page.rows for page in pages)]
            assert set(starts[:-1]) <= firsts
            assert starts[-1] == file.block.rows
        assert kinds == {PLAIN, DELTA, INDICES}
        assert len(file.block.columns["cpu.stat.usage_usec"].pages) == len(firsts)
        assert all(run.first_tick == 0 for run in file.block.runs)
        assert file.block.ticks == ((0, 1000, 2790), (2_795_000, 1000, 810))
        assert file.block.sources == (("metrics-20251230T160000Z.parquet", 4_000_000_000),)
        metrics = sorted(file.metrics)
        for whole in file.chunks(metrics):
            (alone,) = file.chunks(metrics, [whole.series.key])
            np.testing.assert_array_equal(alone.time_ms, whole.time_ms)
            np.testing.assert_array_equal(alone.late_ms, whole.late_ms)
            for name in metrics:
                np.testing.assert_array_equal(alone.values[name], whole.values[name])
                np.testing.assert_array_equal(
                    file.column(name)[: len(alone.time_ms)], file.chunks([name])[0].values[name]
                )
        file.verify()
    finally:
        file.close()


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_what_fgm_reads(reader: str, padded: Path, tmp_path: Path) -> None:
    metrics, processes = written_again(padded, tmp_path)

    read = READERS[reader](metrics, METRICS)
    assert {name: list(map(plain, read[name])) for name in METRICS} == metrics_of_fgm(metrics)
    read = READERS[reader](processes, PROCESSES)
    assert {name: list(map(plain, read[name])) for name in PROCESSES} == processes_of_fgm(processes)


@pytest.mark.parametrize("reader", sorted(READERS.keys() - {"clickhouse"}))
def test_a_reader_reads_files_of_earlier_versions(reader: str, padded: Path) -> None:
    metrics, processes = next(padded.rglob("metrics-*")), next(padded.rglob("processes-*"))

    read = READERS[reader](metrics, OLD_METRICS)
    assert {name: list(map(plain, read[name])) for name in OLD_METRICS} == metrics_of_fgm(metrics)
    read = READERS[reader](processes, PROCESSES)
    assert {name: list(map(plain, read[name])) for name in PROCESSES} == processes_of_fgm(processes)


def test_files_of_earlier_versions_have_the_rows_that_they_had(padded: Path, tmp_path: Path) -> None:
    old, new = next(padded.rglob("metrics-*.parquet")), written_again(padded, tmp_path)[0]
    read = metrics_of_fgm(old)

    assert (len(read["time"]), len(set(read["container_id"]) - {None})) == (540, 3)
    assert (min(read["time"]), max(read["time"])) == (1_795_848_930_000, 1_795_849_019_000)
    again = metrics_of_fgm(new)
    assert again["late_us"] == [10 * round(late_ms * 100) for late_ms in read["late_ms"]]
    whole = [round(usage) for usage in read["cpu.stat.usage_usec"]]
    assert again["cpu.stat.usage_usec"] == whole
    same = [name for name in METRICS if name not in {"late_us", "cpu.stat.usage_usec"}]
    assert [again[name] for name in same] == [read[name] for name in same]
    assert new.stat().st_size < 0.7 * old.stat().st_size


def test_no_page_is_longer_than_its_values(padded: Path, tmp_path: Path) -> None:
    """ClickHouse refuses such pages; a reader that ignores them cannot show the difference."""
    file = WindowFile.open(str(written_again(padded, tmp_path)[0]))
    try:
        assert not file.has_padding
        data = Path(file.path).read_bytes()
        for name, column in file.block.columns.items():
            for page in (page for page in column.pages if page.encoding == PLAIN):
                packed = data[page.offset + page.header_size : page.offset + page.size]
                content = decompress(memoryview(packed), page.page_size)
                values = content.data if name == "time" else split_levels(content, page.rows)[1]
                assert len(values) == 8 * page.present, name
        assert np.isnan(file.column("memory.max")).any()
    finally:
        file.close()


def test_the_check_counts_files_that_clickhouse_cannot_read(padded: Path, tmp_path: Path) -> None:
    assert check(str(padded)).problems == []
    assert "2 files that ClickHouse cannot read" in check(str(padded)).summary
    folder = padded / "dt=2026-11-28" / "identifier=node-1"
    metrics, processes = written_again(padded, tmp_path)
    new = tmp_path / "new" / folder.relative_to(padded)
    new.mkdir(parents=True)
    metrics.rename(new / next(folder.glob("metrics-*")).name)
    processes.rename(new / next(folder.glob("processes-*")).name)
    assert "ClickHouse" not in check(str(tmp_path / "new")).summary
