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
from fgm.viewer.files.window_cache import MAX_KEPT, WindowCache

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
