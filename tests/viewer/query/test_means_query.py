"""The mean of each pixel column, from windows, journals and minutes, is that of all of its samples."""

from pathlib import Path

import numpy as np
import pytest

from fgm.metrics.shown import find
from fgm.store.directory.layout import HOUR_MS
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.minute_files import MinuteFiles
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.query.means_query import MeansQuery
from fgm.viewer.query.question import Question
from tests.support.fake_clock import FakeClock
from tests.support.viewer.data_directory import MEMORY, T0, DataDirectory, chunk, container
from tests.support.viewer.merged_hours import merge_hour

CONTAINER = container(1)
HOURS = 3


@pytest.fixture
def values(tmp_path: Path) -> np.ndarray:
    """The memory of three hours, with a gap, of which two are merged and have minutes; the end is in a journal."""
    values = np.random.default_rng(1).integers(1, 1 << 30, 3600 * HOURS).astype(float)
    values[5000:5700] = np.nan
    data = DataDirectory(tmp_path, rotation_s=900)
    known = [None if np.isnan(value) else value for value in values]
    data.parquet(chunk(CONTAINER, T0, {MEMORY: known[:-300]}))
    data.journal(chunk(CONTAINER, T0 + 1000 * (3600 * HOURS - 300), {MEMORY: known[-300:]}))
    for hour in range(HOURS - 1):
        merge_hour(data, T0 + hour * HOUR_MS)
    return values


@pytest.mark.parametrize("columns", [HOURS * 60, 7, 1, 3600 * HOURS, 4 * 3600 * HOURS])
def test_the_mean_of_a_column_is_that_of_its_samples(tmp_path: Path, values: np.ndarray, columns: int) -> None:
    clock, skipped = FakeClock((T0 + HOURS * HOUR_MS) * 1_000_000), SkippedFiles()
    files = DataFiles(str(tmp_path), clock)
    sources = Sources(files, Journals(files, clock, skipped), skipped, MinuteFiles(files))
    metric = find(MEMORY)
    assert metric is not None
    question = Question(
        metrics=(metric,),
        keys=frozenset({CONTAINER.key}),
        from_ms=T0,
        to_ms=T0 + HOURS * HOUR_MS,
        tick_ms=1000,
        columns=columns,
        prefers_minutes=HOURS * HOUR_MS / columns >= 60_000,
        rotation_ms=900_000,
    )
    query = MeansQuery(question, sources)
    while query.step():
        pass
    (result,) = query.result()
    time_ms, means = result.lines[0].joined()

    width_s = 3600 * HOURS / columns
    column = (np.arange(len(values)) // width_s).astype(int)
    is_known = ~np.isnan(values)
    count = np.bincount(column[is_known], minlength=columns)
    expected = np.bincount(column[is_known], values[is_known], columns)[count > 0] / count[count > 0]
    if 60 < width_s < 3600 * HOURS and width_s % 60:
        assert len(means) == len(expected)  # a minute in two columns counts in that of its middle
        assert means == pytest.approx(expected, rel=0.02)
    else:
        assert means == pytest.approx(expected, rel=2e-3)
    middle_ms = (np.flatnonzero(count) + 0.5) * 1000 * width_s
    assert np.abs(time_ms - T0 - middle_ms).max() < 1
