"""What one file says or refuses to say costs nothing of the others."""

import errno
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fgm.collector.kernel_file import PlainParser
from fgm.collector.series_reader import ReadCounts, SeriesReader
from fgm.collector.sources import Source
from fgm.collector.sweep import Sweep
from fgm.parse import cgroup2
from fgm.parse.flat_keyed import FlatKeyed
from fgm.parse.single_value import Number
from fgm.store.series import Series

SERIES = Series("cgroup", cgroup="/some.slice")


def refuse(_: bytes) -> dict[str, float]:
    """Stand for a file whose read the kernel refuses: PSI that is switched off."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def plain(file: str, function: Callable[[bytes], dict[str, float]]) -> Source:
    return Source(file, partial(PlainParser, function))


def read(folder: Path, counts: ReadCounts, *sources: Source) -> list[float]:
    reader = SeriesReader(SERIES, [(source, str(folder)) for source in sources], (), counts, {}, asks_alive=False)
    reader.read_slow()
    sweep = Sweep([reader])
    sweep.read(lambda: 0.0)
    reader.close()
    return [value for value in sweep.table[0].tolist() if not math.isnan(value)]


def test_a_file_that_is_switched_off_is_said_once_and_costs_no_other_its_values(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cpu.pressure").write_text("some\n")
    (tmp_path / "memory.current").write_text("4096\n")
    counts = ReadCounts()
    sources = (plain("cpu.pressure", refuse), Source("memory.current", lambda: Number("memory.current")))
    with caplog.at_level("INFO"):
        first = [read(tmp_path, counts, *sources) for _ in range(3)]

    assert first == [[4096]] * 3
    assert [record.message for record in caplog.records] == ["a kernel file is switched off; its metrics are null"]
    assert counts.failed == {}


def test_a_key_that_the_catalogue_does_not_know_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "memory.events").write_text("low 1\nsurprise 5\nhigh 2\n")
    counts = ReadCounts()
    source = Source("memory.events", lambda: FlatKeyed(cgroup2.MEMORY_EVENTS, "memory.events"))
    with caplog.at_level("INFO"):
        values = [read(tmp_path, counts, source) for _ in range(3)]

    assert values == [[1, 2]] * 3
    assert [record.message for record in caplog.records] == ["a kernel key is not recorded"]
