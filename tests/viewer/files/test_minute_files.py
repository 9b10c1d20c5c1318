"""Files of minutes are found by their names, opened without following links, and their blocks are read once."""

import os
from pathlib import Path

import pytest

from fgm.store.directory import layout
from fgm.store.directory.layout import DAY_MS, HOUR_MS
from fgm.store.errors import BadFileError
from fgm.viewer.files import minute_files
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.minute_files import MinuteFiles
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, counting
from tests.support.viewer.merged_hours import merge_day, merge_hour, minutes_folder

MIDNIGHT = T0 - T0 % DAY_MS


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, 7200))
    for hour in range(2):
        merge_hour(data, T0 + hour * HOUR_MS)
    return data


@pytest.fixture
def minutes(data: DataDirectory) -> MinuteFiles:
    return MinuteFiles(DataFiles(str(data.root), FakeClock((T0 + DAY_MS) * 1_000_000)))


def test_files_are_listed_in_order_and_other_names_are_ignored(data: DataDirectory, minutes: MinuteFiles) -> None:
    folder = minutes_folder(data, T0)
    for name in ("minutes-20251230T173000Z--P1D.parquet", "minutes-20251230T180000Z--PT1H.parquet.tmp", "notes"):
        (folder / name).touch()
    ((_, listed),) = minutes.folders_between(T0, T0 + HOUR_MS)
    assert [file.start_ms for file in minutes.files_in(listed)] == [T0, T0 + HOUR_MS]
    merge_day(data, MIDNIGHT)
    (day,) = minutes.files_in(listed)
    assert [day.start_ms, day.duration_ms, len(day.hours)] == [MIDNIGHT, DAY_MS, 24]
    assert minutes.folders_between(T0 + DAY_MS, T0 + 2 * DAY_MS) == []
    assert minutes.oldest_ms() == MIDNIGHT
    assert minutes.oldest_ms(without=["node-1"]) is None


def test_a_block_is_read_once_for_each_content_of_a_file(data: DataDirectory, minutes: MinuteFiles) -> None:
    ((_, folder),) = minutes.folders_between(T0, T0 + HOUR_MS)
    first, second = minutes.files_in(folder)
    blocks = []
    for file in (first, first, second, first):
        opened = minutes.open(file)
        blocks.append(opened.block)
        opened.close()
    assert blocks[0] is blocks[1] is blocks[3] is not blocks[2]
    path = minutes_folder(data, T0) / first.name
    os.replace(minutes_folder(data, T0) / second.name, path)
    replaced = minutes.open(first)
    replaced.close()
    assert replaced.block.first_ms == T0 + HOUR_MS


def test_at_most_some_blocks_are_kept(minutes: MinuteFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minute_files, "MAX_CACHED", 1)
    ((_, folder),) = minutes.folders_between(T0, T0 + HOUR_MS)
    for file in minutes.files_in(folder):
        minutes.open(file).close()
    assert len(minutes._blocks) == 1


def test_links_and_files_that_are_none_of_fgm_are_not_opened(data: DataDirectory, minutes: MinuteFiles) -> None:
    folder = minutes_folder(data, T0)
    hour, link = (folder / layout.minutes_name(T0 + n * HOUR_MS, HOUR_MS) for n in (0, 2))
    link.symlink_to(hour)
    hour.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    ((_, listed),) = minutes.folders_between(T0, T0 + HOUR_MS)
    broken, _, linked = minutes.files_in(listed)
    for file in (broken, linked):
        with pytest.raises(BadFileError):
            minutes.open(file)
