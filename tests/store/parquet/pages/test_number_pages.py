"""The encoding of a column is the smallest one, and reads as its values."""

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.page import decompress, split_levels
from fgm.store.parquet.pages.page_table import DELTA, DICTIONARY, INDICES, PLAIN
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

SERIES, ROWS = 12, 3600
HEADER = FileHeader("n", "n", 1000, 90)
RANDOM = np.random.default_rng(3)
COUNT = SERIES * ROWS
STEPS = RANDOM.integers(0, 5000, (SERIES, ROWS))
COLUMNS: dict[str, tuple[int, NDArray[np.float64]]] = {
    "counters": (DELTA, (np.cumsum(STEPS, axis=1) + np.arange(SERIES)[:, np.newaxis] * 10**12).ravel().astype(float)),
    "constants": (INDICES, np.repeat(RANDOM.integers(0, 2**40, SERIES), ROWS).astype(float)),
    "every tenth": (INDICES, np.where(np.arange(COUNT) % 10 == 0, 5.0, np.nan)),
    "a few values": (INDICES, RANDOM.choice([2.0**40, 2.0**41 + 1, -(2.0**39)], COUNT)),
    "later": (INDICES, np.where(np.arange(COUNT) < COUNT // 2, np.nan, RANDOM.choice([1.0, 2.0**40, 3.0**20], COUNT))),
    "noise": (PLAIN, RANDOM.integers(-(2**52), 2**52, COUNT).astype(float)),
    "none": (PLAIN, np.full(COUNT, np.nan)),
    "one": (PLAIN, np.where(np.arange(COUNT) == 40_000, 7.0, np.nan)),
    "half": (DELTA, np.where(np.arange(COUNT) < COUNT // 2, np.nan, np.cumsum(RANDOM.integers(0, 99, COUNT)))),
    "too large": (PLAIN, np.where(np.arange(COUNT) % 2 == 0, RANDOM.random(COUNT) * 2.0**60, np.inf)),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("numbers") / "metrics-20251230T160000Z--PT1H.parquet"
    runs = [Run(Series("cgroup", cgroup=f"/{number:02}"), number * ROWS, ROWS) for number in range(SERIES)]
    times = np.tile(1_767_110_400_000 + 1000 * np.arange(ROWS), SERIES)
    out = io.BytesIO()
    write_metrics(
        out,
        HEADER,
        runs,
        times,
        lambda name: np.full(COUNT, 1.25) if name == LATE else COLUMNS[name][1].copy(),
        columns=dict.fromkeys(COLUMNS, "integer"),
    )
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_the_encoding_that_fits_it(path: Path, name: str) -> None:
    encoding, values = COLUMNS[name]
    expected = np.rint(np.where(np.isinf(values), np.nan, values))
    file = WindowFile.open(str(path))
    try:
        if name != "none":
            pages = file.block.columns[name].pages
            assert {page.encoding for page in pages} - {DICTIONARY} == {encoding}
        np.testing.assert_array_equal(file.column(name), expected)
        (part,) = file.chunks([name], ["cgroup:/07"])
        np.testing.assert_array_equal(part.values[name], expected[7 * ROWS : 8 * ROWS])
    finally:
        file.close()
    column = pq.read_table(path, columns=[name])[name]
    assert column.to_pylist() == [None if np.isnan(value) else int(value) for value in expected.tolist()]


def test_a_page_of_positions_without_values_has_their_width(path: Path) -> None:
    """Daft refuses it otherwise."""
    file = WindowFile.open(str(path))
    file.close()
    data = path.read_bytes()
    empty = [page for page in file.block.columns["later"].pages if page.encoding == INDICES and not page.present]
    assert empty
    for page in empty:
        packed = data[page.offset + page.header_size : page.offset + page.size]
        assert len(split_levels(decompress(memoryview(packed), page.page_size), page.rows)[1]) == 1


def test_the_columns_without_values_are_not_in_the_block(path: Path) -> None:
    file = WindowFile.open(str(path))
    file.close()

    assert file.metrics == COLUMNS.keys() - {"none"}


def test_numbers_with_fractions_keep_all_their_bits(tmp_path: Path) -> None:
    values = np.append(RANDOM.random(400), [np.nan, -0.0, np.inf, 0.1])
    with (tmp_path / "x.parquet").open("wb") as out:
        runs = [Run(Series("node"), 0, len(values))]
        times = 1000 * np.arange(len(values))
        write_metrics(
            out,
            HEADER,
            runs,
            times,
            lambda name: values.copy() if name == "a" else np.repeat([0.1, 0.3], len(values) // 2),
            columns={"a": "number", "b": "number"},
        )
    file = WindowFile.open(str(tmp_path / "x.parquet"))
    assert file.column("a").tobytes() == values.tobytes()
    assert set(file.column("b").tolist()) == {0.1, 0.3}
    assert pq.read_table(tmp_path / "x.parquet", columns=["b"])["b"].to_pylist()[0] == 0.1
    file.close()


def test_a_long_column_is_in_memory_once(tmp_path: Path) -> None:
    """The child process that merges has a limit of memory, which decides how many series an hour may have."""
    count, rows = 300, 3600
    runs = [Run(Series("cgroup", cgroup=f"/{number:02}"), number * rows, rows) for number in range(count)]
    times = np.tile(1000 * np.arange(rows), count)

    def column(_: str) -> NDArray[np.float64]:
        values = np.arange(count * rows, dtype=np.float64)
        values *= 13
        values[::7] = np.nan
        return values

    with (tmp_path / "x.parquet").open("wb") as out:
        tracemalloc.start()
        try:
            write_metrics(out, HEADER, runs, times, column, columns={"counter": "integer"})
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2 * times.nbytes
