"""The cache of open windows: it never mixes up windows that replace each other, and its size is limited."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fgm.store.directory import atomic
from fgm.store.errors import BadFileError
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.window_cache import CHUNK_BYTES, MAX_KEPT, WindowCache

pytestmark = [pytest.mark.dates]

NAME = "metrics-20251230T160000Z.parquet"
HEADER = FileHeader("node-1", "node-1", 1000, 90)


def window(rows: int) -> bytes:
    chunk = Chunk(Series("node"), np.arange(rows) * 1000, np.zeros(rows), {"memory.current": np.arange(float(rows))})
    return encode([chunk], {"memory.current": "integer"}, HEADER)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def rows(file: WindowFile) -> int:
    (chunk,) = file.chunks(["memory.current"])
    file.close()
    return len(chunk.values["memory.current"])


def test_a_window_that_replaces_another_is_read_again(tmp_path: Path, folder: int) -> None:
    cache = WindowCache()
    for count in (3, 3, 5):
        atomic.publish(str(tmp_path), NAME, window(count))
        assert rows(cache.open(NAME, folder)) == count
        assert rows(cache.open(NAME, folder)) == count


def test_a_cached_window_that_is_damaged_later_is_refused(tmp_path: Path, folder: int) -> None:
    cache, path = WindowCache(), tmp_path / NAME
    path.write_bytes(window(90))
    file = cache.open(NAME, folder)
    (column,) = file.block.columns["memory.current"].pages
    file.close()
    status = path.stat()
    with path.open("r+b") as damaged:
        damaged.seek(column.offset + column.header_size + 5)
        damaged.write(b"\xff\xff")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(BadFileError, match="checksum"):
        rows(cache.open(NAME, folder))


def test_a_file_that_is_not_a_window_is_refused_each_time_and_leaves_no_descriptor_open(
    tmp_path: Path, folder: int
) -> None:
    cache = WindowCache()
    (tmp_path / NAME).write_bytes(b"PAR1 nothing PAR1")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(BadFileError):
            cache.open(NAME, folder)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_rows_of_a_query_do_not_keep_pages_in_memory(tmp_path: Path, folder: int) -> None:
    """The pages of the next file can then take their place. Series with the same ticks share one array of them."""
    ticks, column = np.arange(90) * 1000, np.random.default_rng(1).random(90)
    chunks = [
        Chunk(Series("container", f"{number:064}"), ticks, np.zeros(90), {"memory.current": column + number})
        for number in range(40)
    ]
    (tmp_path / NAME).write_bytes(encode(chunks, {"memory.current": "number"}, HEADER))
    keys = {chunk.series.key for chunk in chunks[7:9]}
    file = WindowCache().find(NAME, folder)
    file.hold(["memory.current"], keys)
    try:
        found = file.chunks(["memory.current"], keys)
    finally:
        file.close()

    assert [chunk.series for chunk in found] == [chunk.series for chunk in chunks[7:9]]
    for chunk, wrote in zip(found, chunks[7:9], strict=True):
        np.testing.assert_array_equal(chunk.values["memory.current"], wrote.values["memory.current"])
        for array in (chunk.time_ms, chunk.late_ms, chunk.values["memory.current"]):
            assert array.base is None, "it is a part of a larger array"
    assert found[0].time_ms is found[1].time_ms


def test_only_the_windows_used_last_are_kept(tmp_path: Path, folder: int) -> None:
    cache, data = WindowCache(), window(2)
    for number in range(MAX_KEPT + 10):
        (tmp_path / f"{number}.parquet").write_bytes(data)
        cache.open(f"{number}.parquet", folder).close()

    assert len(cache._blocks) == MAX_KEPT


def test_fewer_windows_are_kept_if_they_have_many_series(tmp_path: Path, folder: int) -> None:
    cache, data = WindowCache(max_runs=10), window(2)
    for number in range(20):
        (tmp_path / f"{number}.parquet").write_bytes(data)
        opened = cache.open(f"{number}.parquet", folder)
        runs = len(opened.block.runs)
        opened.close()

    assert len(cache._blocks) == 10 // runs
    assert cache._runs == 10 // runs * runs


def read(cache: WindowCache, folder: int) -> tuple[int, bool]:
    """Read a window as a query does; return its rows, and whether the file was opened."""
    before = len(os.listdir("/proc/self/fd"))
    found = cache.find(NAME, folder)
    found.hold(["memory.current"], ["node"])
    was_opened = len(os.listdir("/proc/self/fd")) > before
    (chunk,) = found.chunks(["memory.current"], ["node"])
    found.close()
    assert chunk.values["memory.current"].tolist() == [float(row) for row in range(len(chunk.time_ms))]
    return len(chunk.time_ms), was_opened


def test_a_window_whose_rows_are_in_the_cache_is_not_opened(tmp_path: Path, folder: int) -> None:
    cache = WindowCache()
    for count in (3, 5):
        atomic.publish(str(tmp_path), NAME, window(count))
        assert read(cache, folder) == (count, True)
        assert read(cache, folder) == (count, False)


def test_a_window_that_is_replaced_before_it_is_opened_is_found_again(tmp_path: Path, folder: int) -> None:
    cache = WindowCache()
    atomic.publish(str(tmp_path), NAME, window(3))
    cache.open(NAME, folder).close()
    found = cache.find(NAME, folder)
    atomic.publish(str(tmp_path), NAME, window(5))

    with pytest.raises(FileNotFoundError, match="replaced"):
        found.hold(["memory.current"], ["node"])

    assert read(cache, folder) == (5, True)


def test_a_link_to_a_cached_window_is_refused(tmp_path: Path, folder: int) -> None:
    cache = WindowCache()
    atomic.publish(str(tmp_path), NAME, window(3))
    cache.open(NAME, folder).close()
    (tmp_path / "link.parquet").symlink_to(NAME)

    with pytest.raises(BadFileError, match="not a regular file"):
        cache.find("link.parquet", folder)


def test_only_the_rows_used_last_are_kept(tmp_path: Path, folder: int) -> None:
    size = 8 * 90 * 3 + CHUNK_BYTES
    cache, data = WindowCache(max_rows_bytes=4 * size), window(90)
    for number in range(10):
        (tmp_path / f"{number}.parquet").write_bytes(data)
        found = cache.find(f"{number}.parquet", folder)
        found.hold(["memory.current"], ["node"])
        found.chunks(["memory.current"], ["node"])
        found.close()

    assert len(cache._rows) == 4
    assert cache._rows_bytes == 4 * size
