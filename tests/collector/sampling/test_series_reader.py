"""A file that fails does not affect the other files of its series."""

import errno
import math
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import PlainParser
from fgm.collector.sampling.read_counts import ReadCounts, ReaderChanges
from fgm.collector.sampling.series_reader import REOPEN_EVERY, SeriesReader
from fgm.collector.sampling.sources import Source
from fgm.collector.sampling.sweep import Sweep
from fgm.metrics.catalogue import COLUMNS
from fgm.parse import cgroup2
from fgm.parse.cgroup1 import memory_limit_in_bytes
from fgm.parse.flat_keyed import FlatKeyed
from fgm.parse.single_value import Number
from fgm.store.samples.series import Series
from tests.support.collector.fake_proc import WRITE_ONLY
from tests.support.crowd import can_make_cgroups, cgroup

SERIES = Series("cgroup", cgroup="/some.slice")
V2 = "/sys/fs/cgroup/unified"
V1_MEMORY = "/sys/fs/cgroup/memory"
MEMORY_MAX = 1 + COLUMNS.index("memory.max")
PID_COUNT = 1 + COLUMNS.index("container.pid_count")


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


@contextmanager
def threaded_cgroup() -> Iterator[tuple[Path, Path]]:
    """Yield a cgroup with one process, and one nested in it that has the process's thread."""
    with cgroup(V2) as outer, subprocess.Popen(["sleep", "60"]) as process:
        inner = outer / "inner"
        inner.mkdir()
        try:
            (outer / "cgroup.procs").write_text(str(process.pid))
            yield outer, inner
        finally:
            process.kill()
            process.wait()
            inner.rmdir()


def make_threaded(outer: Path, inner: Path) -> None:
    (inner / "cgroup.type").write_text("threaded")
    (inner / "cgroup.threads").write_text((outer / "cgroup.procs").read_text())


def read_processes(folders: Sequence[Path], counts: ReadCounts, between: Callable[[], object]) -> list[object]:
    """Read the cgroups of one container before and after `between`; return what is known of its processes."""
    changes = ReaderChanges()
    sources = [(Source("cgroup.events", lambda: FlatKeyed(cgroup2.CGROUP_EVENTS, "cgroup.events")), str(folders[0]))]
    processes = ([str(folder) for folder in folders],)
    reader = SeriesReader(SERIES, sources, processes, counts, {}, checks_liveness=True, changes=changes)
    seen: list[object] = []
    for step in (between, lambda: None, lambda: None):
        swept(reader)
        count = reader.row[PID_COUNT]
        seen.append((None if math.isnan(count) else count, reader.alive, len(reader.pids)))
        step()
    sets_before = changes.file_sets
    swept(reader)
    assert changes.file_sets == sets_before
    reader.close()
    return seen


@pytest.mark.skipif(not can_make_cgroups(V2), reason="no cgroup v2 can be made")
def test_the_processes_of_threaded_cgroups_are_listed_by_the_cgroup_above() -> None:
    counts = ReadCounts()
    with threaded_cgroup() as (outer, inner):
        seen = read_processes((outer, inner), counts, lambda: make_threaded(outer, inner))

    assert seen == [(1, True, 1)] * 3
    assert counts.failed == {}


@pytest.mark.skipif(not can_make_cgroups(V2), reason="no cgroup v2 can be made")
def test_the_processes_of_a_container_that_is_threaded_itself_are_null() -> None:
    counts = ReadCounts()
    with threaded_cgroup() as (outer, inner):
        make_threaded(outer, inner)
        seen = read_processes((inner,), counts, lambda: None)

    assert seen == [(None, True, 0)] * 3
    assert counts.failed == {}


def test_a_list_of_processes_that_cannot_be_read_makes_the_count_null(tmp_path: Path) -> None:
    """A sum over the other cgroups of the container would be wrong."""
    for name in ("whole", "refused"):
        (tmp_path / name).mkdir()
    (tmp_path / "whole" / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    (tmp_path / "whole" / "cgroup.procs").write_text("70\n71\n")
    (tmp_path / "refused" / "cgroup.procs").symlink_to(WRITE_ONLY)
    counts = ReadCounts()
    seen = read_processes((tmp_path / "whole", tmp_path / "refused"), counts, lambda: None)

    assert seen == [(None, True, 2)] * 3
    assert counts.failed == {"cgroup.procs": 1}


@pytest.mark.skipif(not can_make_cgroups(V1_MEMORY), reason="no memory cgroup of v1 can be made")
def test_a_limit_of_a_new_cgroup_with_the_same_path_is_not_given_to_the_removed_one() -> None:
    """Limits are read every ten seconds, in which a container may end and another one may get its path."""
    source = Source("memory.limit_in_bytes", partial(PlainParser, memory_limit_in_bytes), is_slow=True)
    usage = Source("memory.usage_in_bytes", partial(Number, "memory.current", "memory.usage_in_bytes"))
    with cgroup(V1_MEMORY) as folder:
        (folder / "memory.limit_in_bytes").write_text(str(64 << 20))
        counts = ReadCounts()
        sources = [(each, str(folder)) for each in (source, usage)]
        reader = SeriesReader(SERIES, sources, (), counts, {}, checks_liveness=False)
        reader.read_slow()
        before = reader.row[MEMORY_MAX]
        folder.rmdir()
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(32 << 20))
        for _ in range(REOPEN_EVERY):
            reader.read_slow()
            assert math.isnan(reader.row[MEMORY_MAX])
            assert swept(reader) == []
        reader.close()

    assert before == 64 << 20
    assert reader.gone
    assert counts.failed == {}
