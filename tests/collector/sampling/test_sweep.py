"""A sweep reads all files, even if one fails; alternating files are null between their reads."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from fgm.collector.kernel.kernel_file import Parser
from fgm.collector.sampling.read_counts import ReadCounts, ReaderChanges
from fgm.collector.sampling.series_reader import SeriesReader
from fgm.collector.sampling.sources import Source, interface_sums
from fgm.collector.sampling.sweep import Sweep
from fgm.metrics.catalogue import COLUMNS
from fgm.parse import cgroup2
from fgm.parse.flat_keyed import FlatKeyed
from fgm.parse.single_value import Number
from fgm.store.samples.series import Series
from tests.support.network import can_make_networks, network

SOURCES = (
    Source("memory.stat", lambda: FlatKeyed(cgroup2.MEMORY_STAT, "memory.stat")),
    Source("memory.current", lambda: Number("memory.current")),
    Source("pids.current", lambda: Number("pids.current")),
)
SHOWN = [1 + COLUMNS.index(name) for name in ("memory.stat.anon", "memory.current", "pids.current")]

RX_PACKETS = 1 + COLUMNS.index("network.rx_packets")


def write(folder: Path, second: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "memory.stat").write_text(f"anon {second}\nfile 0\n")
    (folder / "memory.current").write_text(f"{second}\n")
    (folder / "pids.current").write_text("7\n")


def readers_of(folders: Sequence[Path], changes: ReaderChanges | None = None) -> list[SeriesReader]:
    counts = ReadCounts()
    parsers: dict[Source, Parser] = {}
    return [
        SeriesReader(
            Series("cgroup", cgroup=f"/{folder.name}"),
            [(source, str(folder)) for source in SOURCES],
            (),
            counts,
            parsers,
            checks_liveness=False,
            changes=changes,
        )
        for folder in folders
    ]


def shown(sweep: Sweep) -> list[list[float | None]]:
    return [[None if math.isnan(row[i]) else row[i] for i in SHOWN] for row in sweep.table.tolist()]


def test_files_of_many_series_are_read_together(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        write(folder, 1)
    readers = readers_of(folders)
    sweep = Sweep(readers)
    sweep.read(lambda: 0.0)
    sweep = Sweep(readers)
    for second in (2, 3):
        for i, folder in enumerate(folders):
            write(folder, 10 * i + second)
        sweep.read(lambda: 0.0)
        assert shown(sweep) == [[10 * i + second, 10 * i + second, 7] for i in range(3)]


def test_a_file_that_cannot_be_read_does_not_affect_others(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 1)
    readers = readers_of([tmp_path / "a", tmp_path / "b"])
    Sweep(readers).read(lambda: 0.0)
    readers[0].every_tick[1].close()
    (tmp_path / "a" / "memory.current").unlink()
    write(tmp_path / "b", 2)
    sweep = Sweep(readers)
    sweep.read(lambda: 0.0)

    assert shown(sweep) == [[1, None, 7], [2, 2, 7]]


def test_a_file_with_other_keys_than_before_is_parsed_alone(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        write(folder, 1)
    changes = ReaderChanges()
    readers = readers_of(folders, changes)
    Sweep(readers).read(lambda: 0.0)
    sweep = Sweep(readers)
    before = changes.file_sets
    for folder in folders:
        write(folder, 2)
    sweep.read(lambda: 0.0)
    assert changes.file_sets == before
    for folder in folders:
        write(folder, 3)
    (tmp_path / "b" / "memory.stat").write_text("file 1\nnovelty 5\nanon 6\n")
    sweep.read(lambda: 0.0)

    assert shown(sweep) == [[3, 3, 7], [6, 3, 7], [3, 3, 7]]
    assert changes.file_sets > before


def test_alternating_files_are_null_at_every_second_tick(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    write(tmp_path / "b", 1)
    readers = readers_of([tmp_path / "a", tmp_path / "b"])
    Sweep(readers).read(lambda: 0.0)
    sweep = Sweep(readers, {"memory.stat"})
    seen = []
    for _ in range(3):
        sweep.read(lambda: 0.0)
        seen.append([row[0] for row in shown(sweep)])

    assert seen == [[1, None], [None, 1], [1, None]]
    assert sweep.skipped == 1
    assert [row[1:] for row in shown(sweep)] == [[1, 7], [1, 7]]


def test_files_of_every_tick_are_right_next_to_alternating_ones(tmp_path: Path) -> None:
    write(tmp_path / "a", 1)
    readers = readers_of([tmp_path / "a"])
    Sweep(readers).read(lambda: 0.0)
    sweep = Sweep(readers, {"memory.stat"})
    seen = []
    for second in (100, 200, 100, 200, 300, 200, 300):
        write(tmp_path / "a", second)
        sweep.read(lambda: 0.0)
        seen.append(shown(sweep)[0][1])

    assert seen == [100, 200, 100, 200, 300, 200, 300]


@pytest.mark.skipif(not can_make_networks(), reason="no network namespace can be made")
def test_a_change_beyond_the_first_part_of_a_list_is_seen() -> None:
    """The kernel returns a long list in parts; only the last part of this one changes."""
    with network(100) as namespace:
        dev = Source("dev", lambda: interface_sums(lambda names: names))
        sources = [(dev, str(namespace.dev.parent))]
        reader = SeriesReader(Series("node"), sources, (), ReadCounts(), {}, checks_liveness=False)
        sweep, seen = Sweep([reader]), []
        for _ in range(4):
            sweep.read(lambda: 0.0)
            seen.append(sweep.table[0, RX_PACKETS])
            namespace.send(10)
        sweep.settle()
        Sweep([reader]).read(lambda: 0.0)
        seen.append(reader.row[RX_PACKETS])
        reader.close()

    assert seen == [0, 10, 20, 30, 40]
