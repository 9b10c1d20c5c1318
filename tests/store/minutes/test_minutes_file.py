"""Files of minutes: what was written is read; damaged ones are never misread."""

import io
import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import COLUMNS, MINUTE_MS, MinuteRows
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.minutes.minutes_writer import MinutesWriter
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

START_MS = 490_864 * 3_600_000
HEADER = FileHeader("node-1", "vm", 1000, 90)
SERIES = [
    Series("cgroup", cgroup='/system.slice/a],["b\n".service', node_name="node-1"),
    Series(
        "container", "a" * 64, "web", "shop-1", "shop", "u-1", "Burstable", "containerd", "/kubepods/u-1/a", "node-1"
    ),
    Series("container", "b" * 64, node_name="node-1"),
    Series("node", node_name="node-1"),
    Series("pod", None, None, "shop-1", "shop", "u-1", "Burstable", None, "/kubepods/u-1", "node-1"),
]
Row = tuple[int, int, float, int, float, float, int, float, int]


def file_of(metrics: Sequence[Mapping[str, Sequence[Row]]], in_parts: bool = False) -> bytes:
    """Return a file of minutes with groups of metrics. `in_parts`: add the first two series before the others."""
    writer = MinutesWriter(HEADER, SERIES, START_MS, level=3)
    for group in metrics:
        for part in [range(2), range(2, len(SERIES))] if in_parts else [range(len(SERIES))]:
            writer.add({name: rows_of([row for row in rows if row[0] in part]) for name, rows in group.items()})
    out = io.BytesIO()
    writer.write(out, [Source("metrics-20251230T160000Z--PT1H.parquet", 7)])
    return out.getvalue()


def rows_of(rows: Sequence[Row]) -> MinuteRows:
    kinds = (int, int, float, int, float, float, int, float, int)
    columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
    arrays: list[Any] = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    arrays[1] = START_MS + arrays[1] * MINUTE_MS
    return MinuteRows(*arrays)


def at(minute: int) -> datetime:
    return datetime.fromtimestamp((START_MS + minute * MINUTE_MS) / 1000, UTC)


def listed(rows: MinuteRows) -> list[Row]:
    columns = [getattr(rows, name).tolist() for name in COLUMNS]
    columns[1] = [(ms - START_MS) // MINUTE_MS for ms in columns[1]]
    return list(zip(*columns, strict=True))


def opened(path: Path, data: bytes) -> MinutesFile:
    path.write_bytes(data)
    return MinutesFile.open(str(path))


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Rows of a metric in order: constant for a while, or changing, with gaps."""
    result: list[Row] = []
    for series in sorted(draw(st.sets(st.integers(0, len(SERIES) - 1)))):
        minute, step = draw(st.integers(0, 30)), draw(st.sampled_from([1, 1, 1, 2, 5]))
        for _ in range(draw(st.integers(1, 4))):
            minute += draw(st.sampled_from([0, 0, 3]))
            low = draw(st.sampled_from([0.0, 1.5, 4096.0, -3.0, 1e300]))
            spread, count = draw(st.sampled_from([0.0, 0.0, 0.25])), draw(st.sampled_from([60, 60, 6, 120_000]))
            at_ms = draw(st.sampled_from([0, 0, 250, 59_999]))
            for number in range(draw(st.integers(1, 20))):
                high = low + spread * number
                high_at = at_ms if high == low else 1000 * number
                result.append((series, minute, low, at_ms, low, high, high_at, high, count))
                minute += step
    return result


@settings(max_examples=50)
@given(
    metrics=st.lists(rows(), min_size=1, max_size=20),
    of_group=st.integers(1, 3),
    parted=st.booleans(),
    data=st.data(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    metrics: list[list[Row]],
    of_group: int,
    parted: bool,
    data: st.DataObject,
) -> None:
    if not any(metrics):
        return
    named = {f"metric.{number}": each for number, each in enumerate(metrics)}
    names = list(named)
    groups = [{name: named[name] for name in names[i : i + of_group]} for i in range(0, len(names), of_group)]
    file = opened(tmp_path_factory.mktemp("minutes") / "m.parquet", file_of(groups, parted))

    bounds = pq.ParquetFile(file.path).metadata.row_group(0).column(0).statistics
    minutes = [row[1] for each in metrics for row in each]
    assert [bounds.min, bounds.max] == [at(min(minutes)), at(max(minutes))]
    assert file.metrics == {name for name, each in named.items() if each}
    for name, expected in named.items():
        assert listed(file.rows(name)) == expected
        chosen = data.draw(st.sets(st.sampled_from(SERIES)))
        of_chosen = [row for row in expected if SERIES[row[0]] in chosen]
        assert listed(file.rows(name, [series.key for series in chosen])) == of_chosen
        keys = [chunk.series for chunk in file.read(name, [series.key for series in chosen])]
        assert keys == [SERIES[index] for index in dict.fromkeys(row[0] for row in of_chosen)]
    file.verify()
    file.close()


def test_columns_that_are_not_needed_are_not_read(tmp_path: Path) -> None:
    changing: list[Row] = [(1, minute, 1.0, 0, 2.0, 3.0 + minute, 5000, 3.0, 60) for minute in range(60)]
    file = opened(tmp_path / "m.parquet", file_of([{"metric": changing}]))

    (chunk,) = file.read("metric", columns=("max", "max_at_ms"))

    assert chunk.max.tolist() == [row[5] for row in changing]
    assert chunk.max_at_ms.tolist() == [5000] * 60
    assert np.isnan(chunk.mean).all()
    assert not chunk.count.any()


GROUPS: list[dict[str, list[Row]]] = [
    {
        "changing": [
            (
                series,
                minute,
                0.1 * minute,
                1000,
                0.2 * minute,
                7.5 * minute,
                60_000 - 250 * minute,
                0.3,
                60 - minute % 2,
            )
            for series in range(5)
            for minute in range(60)
        ]
    },
    {"constant": [(series, minute, 8.0, 0, 8.0, 8.0, 0, 8.0, 60) for series in range(5) for minute in range(60)]},
]


def test_a_damaged_file_is_never_misread(tmp_path: Path) -> None:
    good = file_of(GROUPS)
    path = tmp_path / "m.parquet"
    file = opened(path, good)
    names = sorted(file.metrics)
    expected = {name: listed(file.rows(name)) for name in names}
    file.close()
    chance, read = random.Random(16), 0
    for _ in range(800):
        data = bytearray(good)
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data = data[:at]
            case 2:
                data[at : at + 40] = bytes(min(40, len(data) - at))
            case _:
                data[at:at] = data[at // 2 : at // 2 + 9]
        path.write_bytes(data)
        try:
            damaged = MinutesFile.open(str(path))
        except BadFileError:
            continue
        for name in names:
            try:
                assert listed(damaged.rows(name)) == expected[name]
                read += 1
            except BadFileError:
                pass
        try:
            damaged.verify()
            assert bytes(data) == good
        except BadFileError:
            pass
        damaged.close()
    assert read > 100


def test_minutes_without_rows_are_not_written() -> None:
    with pytest.raises(ValueError, match="without rows"):
        file_of([{"metric": []}])


def test_an_infinite_value_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = opened(tmp_path / "m.parquet", file_of([{"metric": [(0, 0, 1.0, 0, 2.0, math.inf, 5, 3.0, 2)]}]))

    assert file.rows("metric").max.tolist() == [math.inf]
