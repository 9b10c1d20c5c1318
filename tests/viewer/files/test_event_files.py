"""The cache of written events."""

from pathlib import Path

from fgm.store.events import events_file
from fgm.store.events.event import Event, encode
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.event_files import MAX_KEPT, MAX_PER_FILE, EventFiles
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import T0, DataDirectory, container


def test_the_memory_of_cached_events_is_limited(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    day_ms, key = 86_400_000, str(container(1).container_id)
    for day in range(4):
        lines = b"".join(encode(Event(T0 + day * day_ms + i, "exit", key, "ended")) for i in range(MAX_PER_FILE + 1))
        events_file.append_lines(str(data.folder(T0 + day * day_ms) / "events.jsonl"), lines)
    files = DataFiles(str(tmp_path), FakeClock())
    kept = EventFiles(files, SkippedFiles())
    for _, folder in files.folders_between(T0, T0 + 4 * day_ms):
        read = kept.read(folder)
        assert read is not None
        assert (len(read.events), read.is_cut) == (MAX_PER_FILE, True)
        assert kept.read(folder) is read

    assert sum(len(read.events) for _, read in kept._cache.values()) <= MAX_KEPT
