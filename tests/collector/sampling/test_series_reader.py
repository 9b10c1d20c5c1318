"""A file that fails does not affect the other files of its series."""

import errno
import math
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import PlainParser
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.series_reader import REOPEN_EVERY, SeriesReader
from fgm.collector.sampling.sources import Source
from fgm.collector.sampling.sweep import Sweep
from fgm.parse import cgroup2
from fgm.parse.flat_keyed import FlatKeyed
from fgm.parse.single_value import Number
from fgm.store.samples.series import Series

SERIES = Series("cgroup", cgroup="/some.slice")


def refuse(_: bytes) -> dict[str, float]:
    """Replace a file whose read the kernel refuses, because PSI is switched off."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def resident(raw: bytes) -> dict[str, float]:
    return {"processes.resident_bytes": float(raw.split()[1])}


def plain(file: str, function: Callable[[bytes], dict[str, float]]) -> Source:
    return Source(file, partial(PlainParser, function))


def read(folder: Path, counts: ReadCounts, *sources: Source) -> list[float]:
    reader = SeriesReader(SERIES, [(source, str(folder)) for source in sources], (), counts, {}, checks_liveness=False)
    reader.read_slow()
    values = swept(reader)
    reader.close()
    return values


def swept(reader: SeriesReader) -> list[float]:
    sweep = Sweep([reader])
    sweep.read(lambda: 0.0)
    sweep.settle()
    return [value for value in sweep.table[0].tolist() if not math.isnan(value)]


def test_a_switched_off_feature_is_logged_once_and_does_not_affect_other_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cpu.pressure").write_text("some\n")
    (tmp_path / "memory.current").write_text("4096\n")
    counts = ReadCounts()
    sources = (plain("cpu.pressure", refuse), Source("memory.current", lambda: Number("memory.current")))
    with caplog.at_level("INFO"):
        first = [read(tmp_path, counts, *sources) for _ in range(3)]

    assert first == [[4096]] * 3
    assert [record.message for record in caplog.records] == ["a kernel feature is switched off; its metrics are null"]
    assert counts.failed == {}


def test_a_key_outside_the_catalogue_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "memory.events").write_text("low 1\nsurprise 5\nhigh 2\n")
    counts = ReadCounts()
    source = Source("memory.events", lambda: FlatKeyed(cgroup2.MEMORY_EVENTS, "memory.events"))
    with caplog.at_level("INFO"):
        values = [read(tmp_path, counts, source) for _ in range(3)]

    assert values == [[1, 2]] * 3
    assert [record.message for record in caplog.records] == ["ignoring an unknown key of a kernel file"]


def test_a_file_removed_from_a_living_cgroup_is_null_until_it_is_back(tmp_path: Path) -> None:
    """Reading a file of an ended process fails with ESRCH, and one of a disabled controller with ENODEV."""
    (tmp_path / "memory.current").write_text("4096\n")
    folder, counts = tmp_path / "now", ReadCounts()
    memory = Source("memory.current", lambda: Number("memory.current"))
    sources = [(plain("statm", resident), str(folder)), (memory, str(tmp_path))]
    with subprocess.Popen(["sleep", "60"]) as first, subprocess.Popen(["sleep", "60"]) as second:
        folder.symlink_to(f"/proc/{first.pid}")
        reader = SeriesReader(SERIES, sources, (), counts, {}, checks_liveness=False)
        reader.read_slow()
        assert all(value > 0 for value in swept(reader))
        first.kill()
        first.wait()
        assert swept(reader) == [4096]
        assert not reader.gone
        folder.unlink()
        for _ in range(REOPEN_EVERY):
            reader.read_slow()
        assert swept(reader) == [4096]
        folder.symlink_to(f"/proc/{second.pid}")
        for _ in range(REOPEN_EVERY):
            reader.read_slow()
        assert len(swept(reader)) == 2
        second.kill()
    reader.close()

    assert counts.failed == {}
