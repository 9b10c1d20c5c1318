"""Merged hours: every sample is read exactly once, whatever is merged, recorded again or removed meanwhile."""

import random
from collections import Counter
from pathlib import Path

import pytest

from fgm.store.directory import layout
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support.fake_clock import FakeClock
from tests.support.viewer import merging_steps
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container

WINDOW_S, TICK_S, HOURS = 600, 60, 3
SERIES = (NODE, container(1), container(2))
END_MS = T0 + HOURS * layout.HOUR_MS


class Recording:
    """Three hours with a tick each minute, in windows of ten minutes; the last one is still a journal."""

    def __init__(self, root: Path) -> None:
        self.data = DataDirectory(root, rotation_s=WINDOW_S, interval_ms=1000 * TICK_S)
        self.last_ms = END_MS - 1000 * WINDOW_S
        self.folder = self.data.folder(T0)
        self.clock = FakeClock(END_MS * 1_000_000)
        self.write(T0, self.last_ms)
        self.data.journal(*(self.samples(series, self.last_ms, END_MS, 1) for series in SERIES))
        self.skipped = SkippedFiles()
        self.files = DataFiles(str(root), self.clock)
        self.journals = Journals(self.files, self.clock, self.skipped)

    def write(self, from_ms: int, to_ms: int, generation: int = 1) -> None:
        """Write windows. `generation`: the value of all samples."""
        self.data.parquet(*(self.samples(series, from_ms, to_ms, generation) for series in SERIES), columns=(MEMORY,))

    @staticmethod
    def samples(series: Series, from_ms: int, to_ms: int, generation: int) -> Chunk:
        ticks = (to_ms - from_ms) // (1000 * TICK_S)
        return chunk(series, from_ms, {MEMORY: [float(generation)] * ticks}, step_ms=1000 * TICK_S)

    def reader(self) -> Reader:
        return Reader(Sources(self.files, self.journals, self.skipped), None)

    def hours(self) -> list[int]:
        return [T0 + hour * layout.HOUR_MS for hour in range(HOURS)]

    def record_again(self, start_ms: int) -> None:
        """Record a window again in a journal, as after the clock was set back."""
        if not (self.folder / layout.journal_name(start_ms)).exists():
            end_ms = start_ms + 1000 * WINDOW_S
            self.data.journal(*(self.samples(series, start_ms, end_ms, 3) for series in SERIES), supersedes=True)

    def close_journals(self) -> None:
        """Turn the journals into windows, as the collector does."""
        for journal in sorted(self.folder.glob("*.journal")):
            parsed = layout.parse_name(journal.name)
            assert parsed is not None
            self.set_aside(parsed.start_ms)
            self.write(parsed.start_ms, parsed.start_ms + 1000 * WINDOW_S, generation=3)
            journal.unlink()

    def set_aside(self, start_ms: int) -> None:
        """Rename a window that is recorded again."""
        window = self.folder / layout.metrics_name(start_ms)
        if window.exists():
            number = len(list(self.folder.glob("superseded-*"))) + 1
            window.rename(self.folder / layout.superseded_name(start_ms, number))

    def change(self, chance: random.Random) -> None:
        """Do one thing that a collector may do between two reads of a viewer."""
        hour_ms = chance.choice(self.hours())
        start_ms = hour_ms + 1000 * WINDOW_S * chance.randrange(5)
        match chance.randrange(7):
            case 0:
                merging_steps.publish_hour(self.folder, hour_ms)
            case 1:
                merging_steps.remove_sources(self.folder, hour_ms, at_most=chance.randrange(1, 4))
            case 2:
                merging_steps.merge(self.folder, hour_ms)
            case 3:
                self.close_journals()
            case 4:  # the clock was set back
                self.set_aside(start_ms)
                self.write(start_ms, start_ms + 1000 * WINDOW_S, generation=2)
            case 5 if (self.folder / layout.hour_name(hour_ms)).exists():
                self.record_again(start_ms)
            case _:
                pass


def rows_read(recording: Recording, change_with: random.Random | None = None) -> Counter[tuple[str, int]]:
    """Read the files one after the other, and count the rows of each series and tick."""
    counts: Counter[tuple[str, int]] = Counter()
    reader = recording.reader()
    keys = {series.key for series in SERIES}
    for file in recording.files.between(T0, END_MS):
        if change_with is not None:
            recording.change(change_with)
        with reader.opening(keys, (T0, END_MS), (MEMORY,), is_cached=True) as open_file:
            opened = open_file(file)
            if change_with is not None:
                recording.change(change_with)
            for part in [] if opened is None else reader.chunks(opened, (MEMORY,), opened.keys):
                counts.update((part.series.key, int(time_ms)) for time_ms in part.time_ms)
    assert reader.skipped_files == 0
    return counts


EVERY_ROW = Counter(
    {(series.key, time_ms): 1 for series in SERIES for time_ms in range(T0, END_MS, 1000 * TICK_S)},
)


@pytest.mark.parametrize("seed", range(25))
def test_every_sample_is_read_once_while_windows_are_merged_and_recorded_again(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    recording = Recording(tmp_path)
    for _ in range(4):
        assert rows_read(recording, chance) == EVERY_ROW
        for _ in range(3):
            recording.change(chance)
        assert rows_read(recording) == EVERY_ROW


def test_a_window_that_the_hour_has_already_is_not_read(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    merging_steps.publish_hour(recording.folder, T0)

    files = recording.files.between(T0, T0 + layout.HOUR_MS)

    assert [file.name for file in files] == [layout.hour_name(T0)]
    assert len(files[0].parts) == 6
    (node,) = recording.reader().read(files[0], (MEMORY,), {NODE.key}).chunks
    assert len(node.time_ms) == 60


def test_a_window_recorded_after_the_merge_replaces_the_rows_of_the_hour(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    merging_steps.merge(recording.folder, T0)
    recording.write(T0 + 600_000, T0 + 1_020_000, generation=2)  # it has fewer ticks than the window before

    (file,) = recording.files.between(T0, T0 + layout.HOUR_MS)
    (node,) = recording.reader().read(file, (MEMORY,), {NODE.key}).chunks

    assert node.values[MEMORY].tolist() == [1.0] * 10 + [2.0] * 7 + [1.0] * 40


def test_a_journal_that_records_a_merged_window_again_replaces_its_rows(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    merging_steps.merge(recording.folder, T0)
    again = [recording.samples(series, T0 + 600_000, T0 + 900_000, 2) for series in SERIES]
    recording.data.journal(*again, supersedes=True)

    (hour,) = recording.files.between(T0, T0 + layout.HOUR_MS)
    (node,) = recording.reader().read(hour, (MEMORY,), {NODE.key}).chunks

    assert node.values[MEMORY].tolist() == [1.0] * 10 + [2.0] * 5 + [1.0] * 40


def test_a_damaged_hour_does_not_hide_its_windows(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    path = merging_steps.publish_hour(recording.folder, T0)
    assert path is not None
    path.write_bytes(path.read_bytes()[:-100])
    (file,) = recording.files.between(T0, T0 + layout.HOUR_MS)
    reader = recording.reader()

    (node,) = reader.read(file, (MEMORY,), {NODE.key}).chunks

    assert len(node.time_ms) == 60
    assert reader.skipped_files == 1


def test_a_window_of_a_merged_hour_that_retention_has_removed_is_skipped(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    files = recording.files.between(T0, T0 + layout.HOUR_MS)
    path = merging_steps.merge(recording.folder, T0)
    assert path is not None
    path.unlink()
    reader = recording.reader()

    assert reader.read(files[0], (MEMORY,), {NODE.key}).chunks == []
    assert reader.skipped_files == 1
