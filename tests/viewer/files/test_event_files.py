"""The cache of written events."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fgm.store.events import events_file
from fgm.store.events.event import Event, decode, encode
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.event_files import MAX_KEPT, MAX_PER_FILE, EventFiles
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import T0, DataDirectory, container

DAY_MS = 86_400_000


def test_the_memory_of_cached_events_is_limited(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    key = str(container(1).container_id)
    for day in range(4):
        lines = b"".join(encode(Event(T0 + day * DAY_MS + i, "exit", key, "ended")) for i in range(MAX_PER_FILE + 1))
        events_file.append_lines(str(data.folder(T0 + day * DAY_MS) / "events.jsonl"), lines)
    files = DataFiles(str(tmp_path), FakeClock())
    kept = EventFiles(files, SkippedFiles())
    for _, folder in files.folders_between(T0, T0 + 4 * DAY_MS):
        read = kept.read(folder)
        assert read is not None
        assert (len(read.events), read.is_cut) == (MAX_PER_FILE, True)
        assert kept.read(folder) is read

    assert sum(len(read.events) for _, read in kept._cache.values()) <= MAX_KEPT


def line(number: int, instant_ms: int = T0) -> bytes:
    return encode(Event(instant_ms + number, "exit", str(container(1).container_id), f"ended as number {number}"))


def lines(first: int, end: int) -> bytes:
    return b"".join(line(number) for number in range(first, end))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines that were parsed so far."""
    done: list[bytes] = []

    def noted(content: bytes) -> Event:
        done.append(content)
        return decode(content)

    monkeypatch.setattr(events_file, "decode", noted)
    return done


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def by_rename(path: Path, content: bytes) -> None:
    path.with_suffix(".new").write_bytes(content)
    path.with_suffix(".new").rename(path)


CHANGES = {
    "nothing new": lines(0, 40),
    "one more": lines(0, 41),
    "more than are kept": lines(0, 40 + MAX_PER_FILE),
    "half a line": lines(0, 41)[:-9],
    "half a line that is completed later": lines(0, 41)[:-9],
    "a line that is no event": lines(0, 40) + b"{}\n" + line(40),
    "zero bytes": lines(0, 40) + bytes(100),
    "truncated": lines(0, 12),
    "truncated, and then longer": lines(0, 12) + lines(100, 200),
    "emptied": b"",
    "others in the same number of bytes": lines(50, 90),
    "others": lines(50, 200),
}


@pytest.mark.parametrize("write", [in_place, by_rename])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_has_changed_reads_as_if_for_the_first_time(
    tmp_path: Path, change: str, write: Callable[[Path, bytes], None]
) -> None:
    data = DataDirectory(tmp_path)
    path = data.folder(T0) / "events.jsonl"
    kept = EventFiles(DataFiles(str(tmp_path), FakeClock()), SkippedFiles())
    folder = path.parent.relative_to(tmp_path).as_posix()
    half = line(40)[:-9] if change == "half a line that is completed later" else b""
    contents = [lines(0, 40) + half, CHANGES[change], CHANGES[change] + line(300), lines(0, 41)]
    for number, content in enumerate(contents):
        write(path, content)
        os.utime(path, ns=(number, number))  # the clock of the file system is too coarse for a test

        read = kept.read(folder)

        first = EventFiles(DataFiles(str(tmp_path), FakeClock()), SkippedFiles()).read(folder)
        assert read == first
        assert read is not None


def test_only_lines_that_were_appended_are_parsed(tmp_path: Path, decoded: list[bytes]) -> None:
    data = DataDirectory(tmp_path)
    files = DataFiles(str(tmp_path), FakeClock())
    kept = EventFiles(files, SkippedFiles())
    paths = [data.folder(T0 + day * DAY_MS) / "events.jsonl" for day in range(2)]
    folders = [path.parent.relative_to(tmp_path).as_posix() for path in paths]
    for path in paths:
        path.write_bytes(lines(0, 40))
    for folder in folders:
        kept.read(folder)
    decoded.clear()

    with paths[1].open("ab") as file:
        file.write(line(40) + line(41)[:20])
    reads = [kept.read(folder) for folder in folders]

    assert decoded == [line(40)], "another day, or lines that were read before, are read again"
    assert [read and len(read.events) for read in reads] == [40, 41]
    with paths[1].open("ab") as file:
        file.write(line(41)[20:])
    read = kept.read(folders[1])
    assert decoded == [line(40), line(41)]
    assert read is not None
    assert read.events[-1] == decode(line(41))
