"""Whole columns have the same rows as chunks: of windows, merged hours and journals, old and new, in parts of them."""

from pathlib import Path

import numpy as np
import pytest

from fgm.clock import SystemClock
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.file_columns import read_columns
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from tests.support import incidents
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, container, counting
from tests.support.viewer.merged_hours import merge_hour

HOUR_MS = 3_600_000
BEGIN_MS = T0 - T0 % HOUR_MS - HOUR_MS


def sources_of(folder: Path) -> Sources:
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(str(folder), clock)
    return Sources(files, Journals(files, clock, skipped), skipped)


def compare(folder: Path, from_ms: int, to_ms: int, columns: tuple[str, ...]) -> int:
    """Compare all files of a range, and return the number of compared rows."""
    sources, within, rows = sources_of(folder), (from_ms, to_ms), 0
    reader = Reader(sources, None)
    for file in sources.files.between(from_ms, to_ms, 0):
        with reader.opening(lambda series: {each.key for each in series}, within) as open_file:
            opened = open_file(file)
            if opened is None:
                continue
            for keys in (opened.keys, opened.keys[-1:], opened.keys[::2]):
                read = read_columns(reader, opened, columns, keys, within)
                chunks = {chunk.series.key: chunk for chunk in reader.chunks(opened, columns, keys)}
                cuts = {key: slice(*np.searchsorted(chunk.time_ms, within).tolist()) for key, chunk in chunks.items()}
                times = [chunks[key].time_ms[cuts[key]] for key in read.keys]
                late = np.concatenate([chunks[key].late_ms[cuts[key]] for key in read.keys])
                np.testing.assert_array_equal(read.lengths, [len(each) for each in times])
                np.testing.assert_array_equal(read.time_ms, np.concatenate(times))
                np.testing.assert_array_equal(read.late_ms(), late)
                for name in columns:
                    values = np.concatenate([chunks[key].values[name][cuts[key]] for key in read.keys])
                    np.testing.assert_array_equal(read.column(name), values)
                rows += len(late)
    sources.journals.close()
    return rows


@pytest.mark.parametrize("form", ["windows", "hour", "journal"])
def test_columns_have_the_rows_of_chunks_in_a_part_of_the_range(tmp_path: Path, form: str) -> None:
    data = DataDirectory(tmp_path)
    series = [counting(each, BEGIN_MS, 900) for each in (NODE, container(1), container(2))]
    late = counting(container(3), BEGIN_MS + 100_000, 300)
    data.parquet(*series, late)
    if form == "hour":
        merge_hour(data, BEGIN_MS)
    if form == "journal":
        data.journal(counting(container(1), BEGIN_MS + 900_000, 60))
    for from_ms, to_ms in ((BEGIN_MS, BEGIN_MS + HOUR_MS), (BEGIN_MS + 50_000, BEGIN_MS + 120_000)):
        assert compare(tmp_path, from_ms, to_ms, (USAGE, MEMORY)) > 100


def test_columns_of_a_real_recording_have_the_rows_of_chunks(tmp_path: Path) -> None:
    folder = incidents.unpacked(tmp_path)
    began_ms = incidents.PLANTED["began_ms"]
    columns = ("cpu.stat.usage_usec", "memory.current", "memory.max")
    assert compare(folder, began_ms + 30_000, began_ms + 200_000, columns) > 1000
