"""Minutes of an hour and of a day that were recorded, against the viewer's values of the same samples."""

import io
from pathlib import Path

import numpy as np
import pytest

from fgm.collector.minutes.hour_minutes import stored_metrics, write_hour
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.metrics.formula_input import Samples
from fgm.metrics.minutes import minutes_of
from fgm.store.minutes.day_minutes import write_day
from fgm.store.minutes.minute_rows import COLUMNS as MINUTE_COLUMNS
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_block import Source
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

HOUR_MS = 3_600_000
SOURCE = Source("metrics-20251230T160000Z--PT1H.parquet", 7)
START_MS = 490_864 * HOUR_MS
HEADER = FileHeader("node-1", "vm", 1000, 90)
SHORT_MS, LONG_MS = 150_000, 3_700_000
"""Lengths of the life of one container, which ends in the first hour, and of the time that is recorded."""


def samples_of(number: int, length_ms: int) -> Chunk:
    """Return the samples of a container from 100 s before the hour on: some counters, gauges, and nulls."""
    random = np.random.default_rng(number)
    time_ms = np.arange(START_MS - 100_000, START_MS - 100_000 + length_ms, 1000)
    n = len(time_ms)
    usage = np.cumsum(random.integers(0, 1_000_000, n)).astype(float)
    usage[n // 2 :] -= usage[n // 2] - 7.0  # the counter starts over
    memory = random.integers(1, 1 << 40, n).astype(float)
    memory[n // 3 : n // 3 + 90] = np.nan
    every_10_s = np.where(time_ms % 10_000 == number * 1000, np.cumsum(random.integers(0, 9, n)), np.nan)
    values = {
        "cpu.stat.usage_usec": usage,
        "memory.current": memory,
        "memory.stat.inactive_file": np.zeros(n),
        "memory.max": np.full(n, float(1 << 41)),
        "memory.stat.pgmajfault": np.zeros(n),
        "tcp.out_segs": every_10_s,
        "tcp.retrans_segs": np.where(np.isnan(every_10_s), np.nan, 1.0),
    }
    missing = (time_ms > START_MS + 600_000) & (time_ms < START_MS + 900_000)  # the collector did not run
    late_ms = np.round(random.uniform(0, 50, n), 2)
    series = Series("container", f"{number:064x}", f"c{number}", node_name="node-1")
    return Chunk(series, time_ms[~missing], late_ms[~missing], {k: v[~missing] for k, v in values.items()})


def cut(chunk: Chunk, from_ms: int, to_ms: int) -> Chunk:
    rows = (chunk.time_ms >= from_ms) & (chunk.time_ms < to_ms)
    return Chunk(chunk.series, chunk.time_ms[rows], chunk.late_ms[rows], {k: v[rows] for k, v in chunk.values.items()})


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    return [samples_of(0, LONG_MS), samples_of(1, SHORT_MS), samples_of(2, LONG_MS)]


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory, chunks: list[Chunk]) -> MinutesFile:
    folder = tmp_path_factory.mktemp("hour")
    before, whole = (folder / name for name in ("before.parquet", "hour.parquet"))
    for path, limits in ((before, (0, START_MS)), (whole, (START_MS, START_MS + HOUR_MS))):
        path.write_bytes(encode([cut(chunk, *limits) for chunk in chunks], COLUMN_TYPES, HEADER))
    return written(folder, WindowFile.open(str(whole)), WindowFile.open(str(before)))


def written(folder: Path, hour: WindowFile, before: WindowFile | None) -> MinutesFile:
    out = io.BytesIO()
    write_hour(hour, before, out, [SOURCE])
    path = folder / "minutes.parquet"
    path.write_bytes(out.getvalue())
    return MinutesFile.open(str(path))


def test_minutes_of_every_metric_are_those_of_the_samples(hour: MinutesFile, chunks: list[Chunk]) -> None:
    compared = 0
    for metric in stored_metrics():
        of_file = {chunk.series.key: chunk for chunk in hour.read(metric.name)}
        for chunk in chunks:
            part = cut(chunk, 0, START_MS + HOUR_MS)
            if not metric.has_values(chunk.values):
                continue
            samples = Samples(part.time_ms, part.late_ms, part.values, 1000)
            expected = minutes_of(samples, metric.compute, START_MS)
            actual = of_file.get(chunk.series.key)
            assert (actual is None) == (len(expected) == 0)
            if actual is not None:
                for name in MINUTE_COLUMNS[1:]:
                    assert np.array_equal(getattr(actual, name), getattr(expected, name)), (metric.name, name)
                compared += len(expected)
    assert compared > 500
    assert hour.block.sources == (SOURCE,)
    hour.verify()


def test_series_that_are_computed_one_after_the_other_give_the_same_file(
    tmp_path: Path, chunks: list[Chunk], hour: MinutesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tmp_path / "before.parquet", tmp_path / "hour.parquet"
    for path, limits in zip(paths, ((0, START_MS), (START_MS, START_MS + HOUR_MS)), strict=True):
        path.write_bytes(encode([cut(chunk, *limits) for chunk in chunks], COLUMN_TYPES, HEADER))
    before, whole = (WindowFile.open(str(path)) for path in paths)
    monkeypatch.setattr("fgm.collector.minutes.hour_minutes.GROUP_ROWS", 1)

    assert Path(written(tmp_path, whole, before).path).read_bytes() == Path(hour.path).read_bytes()


def test_only_the_chosen_series_are_read(hour: MinutesFile, chunks: list[Chunk]) -> None:
    keys = [chunks[2].series.key, "absent", chunks[0].series.key]

    assert [chunk.series for chunk in hour.read("memory.current", keys)] == [chunks[0].series, chunks[2].series]
    assert hour.read("memory.current", []) == hour.read("no.such.metric") == []


def test_a_day_has_what_its_hours_have(tmp_path: Path, chunks: list[Chunk], hour: MinutesFile) -> None:
    """The second hour begins in the minute in which the first one ends."""
    limits = [(START_MS, START_MS + 1_000_000), (START_MS + 1_000_000, START_MS + 2 * HOUR_MS)]
    files: list[MinutesFile] = []
    before = None
    for number, each in enumerate([(0, START_MS), *limits]):
        path = tmp_path / f"part-{number}.parquet"
        path.write_bytes(encode([cut(chunk, *each) for chunk in chunks], COLUMN_TYPES, HEADER))
        folder = tmp_path / str(number)
        folder.mkdir()
        part = WindowFile.open(str(path))
        if before is not None:
            files.append(written(folder, part, before))
        before = part
    day = tmp_path / "day.parquet"
    with day.open("wb") as out:
        write_day(files, out, [Source("a", 1), Source("b", 2)])

    whole = MinutesFile.open(str(day))
    whole.verify()
    assert whole.metrics >= hour.metrics
    for metric in hour.metrics:
        for expected, actual in zip(hour.read(metric), whole.read(metric), strict=True):
            inside = actual.time_ms < START_MS + HOUR_MS
            for name in ("time_ms", "min", "min_at_ms", "max", "max_at_ms", "count"):
                assert np.array_equal(getattr(actual, name)[inside], getattr(expected, name)), (metric, name)
            assert actual.mean[inside] == pytest.approx(expected.mean, rel=2e-3)
