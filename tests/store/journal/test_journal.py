"""The journal keeps every complete tick, even if its end is cut off or damaged."""

import os
import resource
import signal
import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import cramjam
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.store.errors import BadFileError
from fgm.store.journal.frame import is_damaged
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.journal.journal_writer import JournalWriter
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick

HEADER = FileHeader("node-1", "node-1", 1000, 90)
COLUMNS = ("cpu.stat.usage_usec", "memory.current", "memory.max")
NODE = Series("node", node_name="node-1")


def container(number: int) -> Series:
    return Series("container", container_id=f"{number:064x}", cgroup=f"/kubepods/{number}", node_name="node-1")


def tick(second: int, *series: Series) -> Tick:
    rows = np.arange(len(series) * 4, dtype=float).reshape(-1, 4) + second * 1000
    rows[:, 3] = np.nan
    return Tick(1_767_110_400_000 + second * 1000, series, rows)


def write(path: Path, ticks: list[Tick]) -> list[int]:
    """Write the ticks; return the file's size after each."""
    writer = JournalWriter(str(path), HEADER, COLUMNS)
    sizes = []
    for each in ticks:
        writer.append(each)
        sizes.append(path.stat().st_size)
    writer.close()
    return sizes


def values(path: Path, column: str = "memory.current") -> dict[str, dict[int, float]]:
    reader = JournalReader(str(path))
    try:
        return {
            chunk.series.key: dict(zip(chunk.time_ms.tolist(), chunk.values[column].tolist(), strict=True))
            for chunk in reader.chunks([column])
        }
    finally:
        reader.close()


def expected(ticks: list[Tick], column: int = 2) -> dict[str, dict[int, float]]:
    result: dict[str, dict[int, float]] = {}
    for each in ticks:
        for series, row in zip(each.series, each.rows, strict=True):
            result.setdefault(series.key, {})[each.time_ms] = row[column]
    return result


@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 4), max_size=4, unique=True)), max_size=12))
def test_packed_rows_give_the_same_chunks(ticks: list[tuple[int, list[int]]]) -> None:
    """For any ticks, also repeated ones and such with other series: packed and plain rows give equal chunks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "live.journal")
        write(path, [tick(second, *map(container, numbers)) for second, numbers in ticks])
        readers = [JournalReader(str(path), metrics=COLUMNS, is_packed=is_packed) for is_packed in (False, True)]
        chunks, packed = ([*reader.chunks(COLUMNS[::-1]), *reader.chunks(["no.metric"])] for reader in readers)
        for reader in readers:
            reader.close()

    assert len(chunks) == len(packed)
    for plain, each in zip(chunks, packed, strict=True):
        assert (each.series, each.time_ms.tolist()) == (plain.series, plain.time_ms.tolist())
        np.testing.assert_array_equal(each.late_ms, plain.late_ms)
        assert list(each.values) == list(plain.values)
        for name in plain.values:
            np.testing.assert_array_equal(each.values[name], plain.values[name])


@settings(max_examples=50)
@given(present=st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_a_journal_cut_at_any_byte_has_exactly_the_ticks_before_the_cut(present: list[set[int]], seed: int) -> None:
    """Invariant: for every cut, a tick is there if and only if its frame ends at or before the cut."""
    ticks = [tick(second, NODE, *map(container, sorted(numbers))) for second, numbers in enumerate(present)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "live.journal"
        sizes = write(path, ticks)
        whole = path.read_bytes()
        rng = np.random.default_rng(seed)
        cuts = range(len(whole) + 1) if len(whole) < 400 else sorted(rng.integers(0, len(whole) + 1, 60).tolist())
        for cut in cuts:
            path.write_bytes(whole[:cut])
            kept = [each for each, size in zip(ticks, sizes, strict=True) if size <= cut]

            assert values(path) == expected(kept)


def test_a_journal_cut_at_every_byte_is_continued_with_nothing_lost(tmp_path: Path) -> None:
    ticks = [tick(second, NODE, container(second % 3)) for second in range(4)]
    path = tmp_path / "live.journal"
    sizes = write(path, ticks)
    whole = path.read_bytes()
    later = tick(60, NODE, container(9))
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        write(path, [later])
        kept = [each for each, size in zip(ticks, sizes, strict=True) if size <= cut]

        assert values(path) == expected([*kept, later])


def test_a_flipped_byte_ends_the_journal_before_its_frame(tmp_path: Path) -> None:
    ticks = [tick(second, NODE) for second in range(5)]
    path = tmp_path / "live.journal"
    sizes = write(path, ticks)
    whole = bytearray(path.read_bytes())
    whole[sizes[2] + 20] ^= 0x40
    path.write_bytes(whole)

    assert values(path) == expected(ticks[:3])


def test_a_frame_that_is_appended_during_a_check_is_not_damage(tmp_path: Path) -> None:
    path = tmp_path / "live.journal"
    sizes = write(path, [tick(0, NODE), tick(1, NODE)])
    with path.open("rb") as file:
        assert not is_damaged(file.fileno(), sizes[0])
        assert not is_damaged(file.fileno(), sizes[1])
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    with path.open("rb") as file:
        assert is_damaged(file.fileno(), sizes[0])


def test_a_reader_follows_a_journal_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "live.journal"
    writer = JournalWriter(str(path), HEADER, COLUMNS)
    writer.append(tick(0, NODE))
    reader = JournalReader(str(path))
    reader.chunks(["memory.current"])
    writer.append(tick(1, NODE, container(1)))
    reader.refresh()

    assert reader.last_ms == 1_767_110_401_000
    assert {chunk.series.key for chunk in reader.chunks(["memory.current"])} == {"node", container(1).key}
    assert [len(chunk.time_ms) for chunk in reader.chunks(["cpu.stat.usage_usec"], {"node"})] == [2]
    assert reader.metrics == {"cpu.stat.usage_usec", "memory.current"}
    reader.close()
    writer.close()


def test_a_name_that_becomes_known_late_holds_for_the_whole_window(tmp_path: Path) -> None:
    unnamed = container(1)
    named = replace(unnamed, pod_name="payments-7f", namespace="shop")
    path = tmp_path / "live.journal"
    write(path, [tick(0, unnamed), tick(1, named)])
    reader = JournalReader(str(path))

    assert [(chunk.series, len(chunk.time_ms)) for chunk in reader.chunks(COLUMNS)] == [(named, 2)]
    reader.close()


def test_a_run_without_names_that_continues_a_journal_keeps_its_names(tmp_path: Path) -> None:
    unnamed = container(1)
    named = replace(unnamed, pod_name="payments-7f", namespace="shop")
    path = tmp_path / "live.journal"
    write(path, [tick(0, named)])
    write(path, [tick(1, unnamed)])
    reader = JournalReader(str(path))

    assert [(chunk.series, len(chunk.time_ms)) for chunk in reader.chunks(COLUMNS)] == [(named, 2)]
    reader.close()


def test_of_a_tick_that_was_recorded_twice_the_later_one_counts(tmp_path: Path) -> None:
    first, again = tick(0, NODE), tick(0, NODE)
    again.rows[:] += 5
    path = tmp_path / "live.journal"
    write(path, [first])
    write(path, [again])

    assert values(path) == expected([again])


def test_an_append_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit of the file size has the effect of a full disk: a write is incomplete, and the next one is refused."""
    path = tmp_path / "live.journal"
    writer = JournalWriter(str(path), HEADER, COLUMNS)
    writer.append(tick(0, NODE))
    size = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
        with pytest.raises(OSError, match="File too large"):
            writer.append(tick(1, NODE))
        assert path.stat().st_size == size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    writer.append(tick(2, NODE))
    writer.close()

    assert values(path) == expected([tick(0, NODE), tick(2, NODE)])


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["directory", "fifo"])
def test_anything_but_a_regular_file_is_refused(tmp_path: Path, make: object) -> None:
    path = tmp_path / "live-20251230T160000Z.journal"
    make(path)  # type: ignore[operator]  # the parameters are functions

    with pytest.raises(BadFileError, match="not a regular file"):
        JournalReader(str(path))


def test_a_foreign_file_has_no_ticks_and_no_header(tmp_path: Path) -> None:
    path = tmp_path / "live.journal"
    path.write_bytes(os.urandom(4096))
    reader = JournalReader(str(path))

    assert reader.chunks(COLUMNS) == []
    with pytest.raises(BadFileError, match="no whole header"):
        _ = reader.header
    reader.close()


def forged(payload: bytes) -> bytes:
    return struct.pack("<II", len(payload), zlib.crc32(payload)) + payload


def packed(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + bytes(cramjam.zstd.compress(value))


@pytest.mark.parametrize(
    "payload",
    [
        b"H" + packed(b"[]"),
        b"H" + packed(b"[" * 200_000),
        b"S" + packed(b'[[Infinity,["node",null,null,null,null,null,null,null,null,null]]]'),
        b"S" + packed(b'[[-5,["node",null,null,null,null,null,null,null,null,null]]]'),
        b"S" + packed(b"[[4000000000,[]]]"),
        b"S" + packed(b"[7]"),
        b"T",
    ],
    ids=["no object", "too deep", "infinite", "negative", "huge", "no pair", "cut"],
)
def test_a_malformed_frame_with_a_correct_checksum_is_refused(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "live-20251230T160000Z.journal"
    writer = JournalWriter(str(path), HEADER, COLUMNS)
    writer.close()
    with path.open("ab") as file:
        file.write(forged(payload))

    with pytest.raises(BadFileError, match="malformed frame"):
        JournalReader(str(path))


def test_a_tick_that_is_too_large_for_memory_is_refused_before_it_is_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "live-20251230T160000Z.journal"
    JournalWriter(str(path), HEADER, tuple(f"metric.{number}" for number in range(4000))).close()
    rows = bytes(cramjam.zstd.compress(bytes(8 << 20)))
    with path.open("ab") as file:
        file.write(forged(b"T" + struct.pack("<qI", 1_767_110_400_000, 40_000) + bytes(4 * 40_000) + rows))

    with pytest.raises(BadFileError, match="40000 rows of 4000 columns"):
        JournalReader(str(path))
